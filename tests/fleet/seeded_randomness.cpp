#include "tests/fleet/seeded_randomness.h"

#include <sodium.h>

#include <algorithm>
#include <cstring>

#include "tests/fakes/dice.h"

namespace reeve::testing {
namespace {

// libsodium's hooks carry no context.
Dice dice{0};

void fill(void* const out, const std::size_t size) {
  auto* bytes = static_cast<std::uint8_t*>(out);
  for (std::size_t at = 0; at < size; at += sizeof(std::uint64_t)) {
    const std::uint64_t number = dice.roll();
    std::memcpy(bytes + at, &number, std::min(sizeof number, size - at));
  }
}

const char* name() { return "seeded"; }
std::uint32_t number() { return static_cast<std::uint32_t>(dice.roll()); }
void stir() {}
int close_nothing() { return 0; }

randombytes_implementation seeded{name, number, stir, nullptr, fill, close_nothing};

}  // namespace

SeededRandomness::SeededRandomness(std::uint64_t seed) {
  dice = Dice{seed};
  randombytes_set_implementation(&seeded);
}

SeededRandomness::~SeededRandomness() {
  randombytes_set_implementation(&randombytes_sysrandom_implementation);
}

}  // namespace reeve::testing
