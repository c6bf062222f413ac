// The bounds of policy source.
#pragma once

#include <cstddef>
#include <cstdint>

#include "common/limits.h"

namespace reeve::limits {

// lint and compile refuse more.
inline constexpr std::size_t policy_source_bytes_max = 8u << 20;
inline constexpr std::size_t yaml_nodes_max = 2'000'000;  // after aliases are expanded
inline constexpr std::size_t yaml_nesting_max = 64;
// How many [, { and commas a source may have: the YAML parser holds about 500 bytes for each of
// them until the bracket closes.
inline constexpr std::size_t yaml_flow_marks_max = 500'000;
inline constexpr std::size_t policy_errors_max = 10'000;  // of one file; then one says so

}  // namespace reeve::limits
