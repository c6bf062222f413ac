// The bounds of proof files: what is beyond them is `limit_exceeded`, before anything is verified.
#pragma once

#include "common/limits.h"

namespace reeve::limits {

// Some thirty thousand changes of a node's key, or 255 roots as large as they may be.
inline constexpr std::size_t proof_bytes_max = 16u << 20;
inline constexpr std::size_t proof_roots_max = 1'024;
// The first key's successor, those of every later key on the way, and what follows the last.
inline constexpr std::size_t proof_successions_max = chain_keys_max;

}  // namespace reeve::limits
