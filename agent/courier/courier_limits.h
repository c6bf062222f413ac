// The bounds of the courier.
#pragma once

#include <cstddef>
#include <cstdint>

#include "common/limits.h"

namespace reeve::limits {

inline constexpr std::size_t courier_descriptors_max = 64;          // sockets and libzmq's own
inline constexpr std::int64_t courier_address_ns = 5'000'000'000;   // each resolved address in turn
inline constexpr std::int64_t courier_resolve_ns = 60'000'000'000;  // then it ends, to resolve anew
inline constexpr std::int64_t courier_configure_ns = 30'000'000'000;  // for the agent's first word
inline constexpr std::int64_t courier_word_ns = 15'000'000'000;       // between two signs of life
inline constexpr std::size_t courier_burst_max = 64;  // messages one way before the other's turn

}  // namespace reeve::limits
