// The bounds of the enrollment endpoint, which anybody may reach.
#pragma once

#include "common/token_limits.h"

namespace reeve::limits {

inline constexpr std::size_t tokens_max = 10'000;  // that are live; beyond: `too_many_tokens`
// Nodes that wait for approval, in memory only: they ask again and again. Beyond: not kept.
inline constexpr std::size_t enrollments_pending_max = 1'000;
// One that has not asked again for so long has gone.
inline constexpr std::int64_t enrollment_pending_ns = 60'000'000'000;
inline constexpr std::size_t enrollments_per_step = 64;
inline constexpr std::size_t enrollment_peers_max = 1'024;  // that can be answered at once
// Buckets of requests: so many at once, then so many a second. What is beyond is dropped and asked
// again. A source is an IPv4 address or an IPv6 network of 64 bits.
inline constexpr std::int64_t enrollments_of_source_max = 200;
inline constexpr std::int64_t enrollments_of_source_per_s = 20;
inline constexpr std::int64_t enrollments_at_all_max = 1'000;
inline constexpr std::int64_t enrollments_at_all_per_s = 200;
inline constexpr std::size_t enrollment_sources_max = 4'096;

}  // namespace reeve::limits
