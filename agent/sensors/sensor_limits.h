// The bounds of sensors.
#pragma once

#include <cstddef>
#include <cstdint>

#include "common/limits.h"

namespace reeve::limits {

// Sensors: one drain() takes about this much of the kernel's queue, the rest waits for the next.
// More wakes than this in one drain become one wake for the whole of each rule.
inline constexpr std::size_t sensor_read_bytes = 64u << 10;
inline constexpr std::size_t sensor_events_max = 32'768;
inline constexpr std::size_t sensor_reads_max = 64;  // in one look, whatever comes of them
inline constexpr std::size_t sensor_wakes_max = 8'192;
// Between two looks for listeners; with more listeners than the figure, longer in proportion, so
// that looking stays below a thousandth of a core, but never longer than the last.
inline constexpr std::int64_t listeners_poll_ns = 250'000'000;
inline constexpr std::size_t listeners_poll_figure = 256;
inline constexpr std::int64_t listeners_poll_ns_max = 1'000'000'000;
// Of more changed listeners than this at once their rules look at all of them: each look at one
// asks for all sockets and may search all processes.
inline constexpr std::size_t listener_wakes_max = 8;
// The receive buffer of the packet filter's sensor, as the kernel counts it.
inline constexpr int ruleset_feed_bytes = 8 << 20;

}  // namespace reeve::limits
