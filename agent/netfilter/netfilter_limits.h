// The bounds of looking at the packet filter and of trying texts in scratch namespaces.
#pragma once

#include <cstddef>
#include <cstdint>

#include "agent/agent_limits.h"

namespace reeve::limits {

// The packet filter (agent/netfilter/). A look at one table that would take more than ruleset_bytes
// is `check_failed`; a buffer that grew beyond ruleset_kept_bytes is given back.
inline constexpr std::size_t ruleset_question_bytes_max = 2'048;
inline constexpr std::size_t ruleset_receive_bytes = 65'536;
inline constexpr std::size_t ruleset_bytes_max = 64u << 20;
inline constexpr std::size_t ruleset_kept_bytes_max = 4u << 20;
inline constexpr int ruleset_look_tries = 16;  // each interrupted by a change: `check_failed`
inline constexpr int nft_runs_max = 8;         // of one libnftables context, which then is renewed
inline constexpr std::size_t nft_words_max = 400;  // of its errors; the rest is cut
inline constexpr std::size_t nft_line_max = 100;   // of the line of a text that an error shows
// The feed of its changes: messages read at once, and how long it waits for the end of a change
// whose beginning it has read.
inline constexpr std::size_t ruleset_feed_messages_max = 65'536;
inline constexpr int ruleset_feed_end_ms = 1;
// A scratch namespace. Texts beyond these are `ruleset_refused`; a child that takes longer than the
// deadline, or more memory, is killed, which is `scratch_failed`.
inline constexpr std::size_t scratch_text_bytes_max = 1u << 20;
inline constexpr std::size_t scratch_braces_max = 32;  // deep
inline constexpr std::size_t scratch_reply_bytes_max = 4u << 20;
inline constexpr std::size_t scratch_names_max = 1'024;  // sets to keep
inline constexpr int scratch_deadline_s = 5;
inline constexpr int scratch_start_ms = 2'000;  // for the launcher to make the child
inline constexpr std::size_t scratch_memory_bytes = 512u << 20;
inline constexpr std::uint64_t scratch_descriptors_max = 16;
inline constexpr int scratch_feed_bytes = 64 << 20;  // for all that one text of the longest changes
inline constexpr std::size_t scratch_results_max = 1'024;  // remembered; the oldest is forgotten
static_assert(scratch_deadline_s * 1'000'000'000LL < agent_silence_max_ns);

}  // namespace reeve::limits
