// The bounds of enrollment by token.
#pragma once

#include "common/limits.h"

namespace reeve::limits {

inline constexpr std::int64_t token_lifetime_s_default = 86'400;
inline constexpr std::int64_t token_lifetime_s_max = 30 * 86'400;
inline constexpr std::uint64_t token_uses_max = 10'000;
inline constexpr std::size_t token_label_values_max = 16;  // of one label
// One message, with its header; the token in it leaves room for what the node says of itself.
inline constexpr std::size_t enrollment_message_bytes_max = 4'096;
inline constexpr std::size_t token_bytes_max = 2'048;
// What an operator's signature adds to what a node has sent.
inline constexpr std::size_t enrollment_bytes_max = enrollment_message_bytes_max + 96;
inline constexpr std::size_t token_text_bytes_max = 4'096;  // longer text is no token
// From the one that a token names to the newest; more would not fit into the link's queue.
inline constexpr std::size_t enrollment_roots_max = 14;
static_assert(token_bytes_max * 4 / 3 + 128 < token_text_bytes_max);

}  // namespace reeve::limits
