// All randomness of this process from one seed while this lives: keys, epochs, salts and incident
// ids come out the same again. Only for simulations, whose whole point is that; never two at once.
#pragma once

#include <cstdint>

namespace reeve::testing {

class SeededRandomness {
 public:
  explicit SeededRandomness(std::uint64_t seed);
  SeededRandomness(const SeededRandomness&) = delete;
  SeededRandomness& operator=(const SeededRandomness&) = delete;
  ~SeededRandomness();
};

}  // namespace reeve::testing
