// The bounds of looking at sockets and processes.
#pragma once

#include <cstddef>
#include <cstdint>

#include "common/limits.h"

namespace reeve::limits {

// Sockets: one look answers `too_many_objects` beyond these figures, so that what it says is never
// half of the truth.
inline constexpr std::size_t listeners_max = 131'072;
inline constexpr std::size_t connections_max = 1'000'000;
inline constexpr std::size_t processes_max = 262'144;
inline constexpr std::size_t descriptors_max = 4'000'000;  // of all processes together
inline constexpr std::size_t netlink_read_bytes = 32'768;  // the kernel fills no more at once
inline constexpr int netlink_wait_s = 5;                   // then the kernel's silence is an error
inline constexpr int dump_tries_max = 4;  // of a dump that changes interrupted; then `check_failed`
// The kernel finds one member of a SO_REUSEPORT group by a hash: tries until it is the one meant.
inline constexpr std::uint16_t destroy_tries_max = 8'192;
inline constexpr int terminate_wait_ms = 200;            // for the end of a process after SIGKILL
inline constexpr std::size_t command_bytes_max = 1'024;  // of a command line; the rest is cut
inline constexpr std::size_t process_file_bytes_max = 8'192;  // of one file in /proc/PID

}  // namespace reeve::limits
