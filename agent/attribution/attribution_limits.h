// The bounds of attribution.
#pragma once

#include <cstddef>
#include <cstdint>

namespace reeve::limits {

// Processes that are held open, each by a descriptor; and how long what was read of one is believed
// but for what it runs: its user may change.
inline constexpr std::size_t live_processes_max = 32;
inline constexpr std::int64_t live_process_ns = 1'000'000'000;
inline constexpr std::size_t ancestors_max = 6;
inline constexpr std::size_t ancestor_file_bytes_max = 4'096;

}  // namespace reeve::limits
