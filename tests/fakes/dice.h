// Chance for tests: splitmix64, small, and the same numbers for a seed everywhere.
#pragma once

#include <cstdint>

namespace reeve {

struct Dice {
  std::uint64_t state;

  std::uint64_t roll() {
    state += 0x9e3779b97f4a7c15;
    std::uint64_t z = state;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  std::uint64_t below(std::uint64_t bound) { return bound == 0 ? 0 : roll() % bound; }
  // So often in a thousand.
  bool is_hit(std::uint64_t per_thousand) { return below(1'000) < per_thousand; }
};

}  // namespace reeve
