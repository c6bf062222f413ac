// The bounds of the controller.
#pragma once

#include <cstddef>
#include <cstdint>

#include "common/limits.h"

namespace reeve::limits {

// Nodes that have ended are kept, since their records are: so many of all, nodes_max of them live.
inline constexpr std::size_t nodes_ever_max = 2 * nodes_max;
inline constexpr std::size_t operator_reply_items_max = 256;
inline constexpr std::int64_t tick_interval_ns = 3'600'000'000'000;  // while leaves arrive
inline constexpr std::size_t tiles_remembered_max = 128;  // 16 KiB each; beyond: read again
// Between two publications of tiles and checkpoint as files.
inline constexpr std::int64_t log_files_interval_ns = 1'000'000'000;
inline constexpr std::int64_t log_files_retry_ns = 10'000'000'000;  // after a disk's refusal
// Cosigning: between two checkpoints that witnesses are asked for; who has not answered is asked
// again so much later, and so often in all. An agent signs no sooner after its last one than
// limits::cosign_interval_ns (agent_limits.h), which is less.
inline constexpr std::int64_t cosign_round_ns = 5'000'000'000;
inline constexpr std::int64_t cosign_ask_again_ns = 25'000'000'000;
inline constexpr int cosign_asks_max = 3;
// Full tiles that are written before messages are heard again; directories that are known.
inline constexpr std::uint64_t log_files_tiles_at_once = 8;
inline constexpr std::size_t log_directories_remembered_max = 4'096;
// Messages of nodes in one transaction; the rest waits in the link for the next.
inline constexpr std::size_t messages_per_commit = 256;
// What all nodes together may have on their way to us, shared evenly among those that have sent
// within the interval; each at most the third figure. Shares below the second are none: these nodes
// send one batch in 10 to 20 seconds.
inline constexpr std::size_t credit_bytes_total = 64u << 20;
inline constexpr std::size_t credit_bytes_min = 4'096;
inline constexpr std::size_t credit_bytes_max = 1u << 20;
inline constexpr std::int64_t credit_interval_ns = 1'000'000'000;
inline constexpr std::size_t chains_remembered_max = 65'536;  // beyond: read from the store again
inline constexpr std::int64_t node_rows_interval_ns = 5'000'000'000;  // signs of life to the store
inline constexpr std::size_t manifests_per_reply = 100;  // of the policy log: asked on from there
inline constexpr std::size_t roots_per_reply = 64;
inline constexpr std::size_t roots_per_heartbeat = 4;  // a node that is behind by more asks again
inline constexpr std::size_t bundle_cache_bytes_max = 64u << 20;  // beyond: read again
// Of one key: more successors are kept and not asked for when its batches are judged.
inline constexpr std::size_t key_successors_max = 64;
inline constexpr std::size_t successions_per_reply = 4'096;  // the asker goes on from the last
// A node whose key nobody here certifies is told the newest that is certified no more often.
inline constexpr std::int64_t tell_newest_ns = 5'000'000'000;
inline constexpr std::int64_t behind_note_ns = 60'000'000'000;  // between two such lines of the log
inline constexpr std::int64_t store_retry_ns = 1'000'000'000;   // after a refused transaction
inline constexpr std::int64_t manifest_ahead_s = 3'600;         // made later than that is refused
// Operators' requests: one made earlier or later than this by the controller's clock is refused, so
// ids need to be remembered for no longer; beyond the second figure new requests are refused.
inline constexpr std::int64_t request_age_ns = 300'000'000'000;
inline constexpr std::size_t request_ids_max = 262'144;
inline constexpr std::size_t requests_per_step = 64;
// Uploads of bundles wait for their manifest in memory: beyond either figure they are refused.
inline constexpr std::size_t uploads_per_operator = 64;
inline constexpr std::size_t upload_bytes_max = 128u << 20;  // of all operators together
inline constexpr std::int64_t upload_idle_ns = 300'000'000'000;
static_assert(uploads_per_operator >= manifest_bundles_max);
// Replies that the link did not take yet: beyond the first they are dropped, and the operator's
// program asks again; after the second they are nobody's.
inline constexpr std::size_t replies_waiting_bytes_max = 64u << 20;
inline constexpr std::int64_t reply_patience_ns = 10'000'000'000;
inline constexpr std::int64_t reply_retry_ns = 5'000'000;
inline constexpr std::int64_t controller_idle_ns = 60'000'000'000;  // and then it looks around
// Of a store that is only read: a value that is larger is `store_damaged`. Bundles are the largest.
inline constexpr std::size_t store_value_bytes_max = 2 * bundle_bytes_max;
// Bodies that are withheld for their age: of how many batches in one transaction, how long intake
// has the store to itself then, and how often there is a look whether any are old enough.
inline constexpr std::size_t retention_batches_at_once = 16;
inline constexpr std::int64_t retention_pause_ns = 20'000'000;
inline constexpr std::int64_t retention_interval_ns = 60'000'000'000;
// A wall clock that has run ahead of boot time by more than this withholds nothing.
inline constexpr std::int64_t retention_clock_slack_ns = 3'600'000'000'000;
inline constexpr int backup_pages_at_once = 1'024;  // between two words on how far it is
inline constexpr int store_busy_ms = 1'000;         // then a write is refused and tried again

}  // namespace reeve::limits
