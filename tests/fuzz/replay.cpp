// Runs a fuzz target without libFuzzer: every file that it is given, then mutations of them from a
// seeded generator, the same ones each time. The target ends the process when it is wrong.
// REEVE_TEST_SEED gives another seed, REEVE_TEST_LONG fifty times as many mutations.
#include <fmt/format.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <random>

#include "common/bytes.h"
#include "common/seal.h"
#include "tests/fuzz/fuzz.h"

namespace {

using reeve::Bytes;
using Random = std::mt19937_64;

constexpr std::size_t mutations = 20'000;
constexpr std::size_t bytes_max = 70'000;

Bytes read_file(const char* path) {
  std::ifstream in(path, std::ios::binary);
  return Bytes(std::istreambuf_iterator<char>(in), {});
}

std::size_t below(Random& random, std::size_t limit) {
  return limit == 0 ? 0 : static_cast<std::size_t>(random() % limit);
}

// One change: a bit, a byte, a telling number, a piece taken out, doubled or taken from another.
Bytes changed(Bytes bytes, const Bytes& other, Random& random) {
  constexpr std::uint8_t telling[] = {0x00, 0x7f, 0x80, 0xff, 0xc0, 0xc1, 0xdc, 0xdd,
                                      0xde, 0xdf, 0xd9, 0xdb, 0xc4, 0xc6, 0xca, 0xc7};
  std::size_t at = below(random, bytes.size());
  std::size_t length = below(random, std::min<std::size_t>(bytes.size() - at, 32) + 1);
  auto from = bytes.begin() + static_cast<std::ptrdiff_t>(at);
  auto to = from + static_cast<std::ptrdiff_t>(length);
  switch (random() % 7) {
    case 0:
      if (!bytes.empty()) *from ^= static_cast<std::uint8_t>(1u << random() % 8);
      break;
    case 1:
      if (!bytes.empty()) *from = static_cast<std::uint8_t>(random());
      break;
    case 2:
      if (!bytes.empty()) *from = telling[below(random, std::size(telling))];
      break;
    case 3:
      bytes.erase(from, to);
      break;
    case 4: {
      Bytes piece(from, to);
      bytes.insert(from, piece.begin(), piece.end());
      break;
    }
    case 5: {
      auto cut = other.begin() + static_cast<std::ptrdiff_t>(below(random, other.size() + 1));
      bytes.erase(from, bytes.end());
      bytes.insert(bytes.end(), cut, other.end());
      break;
    }
    case 6:
      bytes.insert(from, below(random, 300), static_cast<std::uint8_t>(random()));
      break;
  }
  if (bytes.size() > bytes_max) bytes.resize(bytes_max);
  return bytes;
}

void run(const Bytes& bytes) { LLVMFuzzerTestOneInput(bytes.data(), bytes.size()); }

}  // namespace

int main(int argc, char** argv) {
  if (!reeve::init_crypto().ok() || argc < 2) return 1;
  std::vector<Bytes> seeds;
  for (int i = 1; i < argc; ++i) {
    seeds.push_back(read_file(argv[i]));
    if (seeds.back().empty()) return 1;  // a file that is not there would test nothing
    run(seeds.back());
  }
  const char* seed_text = std::getenv("REEVE_TEST_SEED");
  std::uint64_t seed = seed_text != nullptr ? std::strtoull(seed_text, nullptr, 10) : 1;
  std::size_t times = mutations * (std::getenv("REEVE_TEST_LONG") != nullptr ? 50 : 1);
  Random random(seed);
  for (std::size_t i = 0; i < times; ++i) {
    Bytes bytes = seeds[below(random, seeds.size())];
    for (std::size_t steps = 1 + below(random, 6); steps > 0; --steps) {
      bytes = changed(std::move(bytes), seeds[below(random, seeds.size())], random);
    }
    run(bytes);
  }
  fmt::print("{} files and {} mutations of them, seed {}\n", seeds.size(), times, seed);
  return 0;
}
