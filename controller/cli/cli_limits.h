// The bounds of the operator's command.
#pragma once

#include <cstddef>
#include <cstdint>

#include "common/limits.h"
#include "controller/controller_limits.h"

namespace reeve::limits {

inline constexpr std::int64_t manifest_lifetime_s = 30 * 86'400;
inline constexpr std::int64_t root_lifetime_s = 365 * 86'400;

// The operator's command.
inline constexpr std::size_t key_file_bytes_max = 4'096;    // more of a key file is not read
inline constexpr std::size_t passphrase_bytes_max = 1'024;  // more of a line is not read
inline constexpr std::size_t passphrase_tries = 3;          // at a terminal
// A file that several people sign: two manifests and all bundles of both.
inline constexpr std::size_t draft_bytes_max = 4 * bundle_bytes_max;
inline constexpr std::int64_t session_roots_max = 10'000;  // root versions taken up in one run
// Items and messages of the answer to one request; beyond them the controller is not believed
// (`reply_too_long`).
inline constexpr std::size_t operator_items_max = 3 * nodes_max;
// A request without any reply for so long is `controller_unreachable`.
inline constexpr std::int64_t operator_timeout_ns = 10'000'000'000;
// How often `records --follow` and `push` ask again, and how long refusals must stand before `push`
// believes that nothing more will change.
inline constexpr std::int64_t operator_poll_ns = 500'000'000;
inline constexpr std::int64_t push_settle_ns = 2'000'000'000;
// `push` gives nodes that were enrolled so recently and never spoke this long to connect.
inline constexpr std::int64_t newcomer_age_s = 600;
inline constexpr std::int64_t push_newcomers_ns = 5'000'000'000;
// Heartbeats that are older than three intervals are silence; from this much more on, of a node
// that is connected, a clock that is wrong.
inline constexpr std::int64_t clock_wrong_ns = 30'000'000'000;
inline constexpr std::size_t successions_asked_nodes = 256;  // in one request
inline constexpr std::size_t known_nodes_bytes_max = 64u << 20;
static_assert(nodes_ever_max * (name_bytes_max + 256) <= known_nodes_bytes_max);
// A host seals how its rules stand each hour, and within a minute of a change: without such a
// record for so long before an instant nothing is known of it there.
inline constexpr std::int64_t report_evidence_ns = 2 * 3'600'000'000'000;
// `export`: how long a receiver may take, and how often one that does not is tried again.
inline constexpr int export_timeout_s = 30;
inline constexpr std::size_t export_datagram_bytes_max = 60'000;  // UDP carries 65,507
inline constexpr std::size_t export_tries = 5;  // of a run that does not follow
inline constexpr std::int64_t export_retry_min_ns = 1'000'000'000;
inline constexpr std::int64_t export_retry_max_ns = 60'000'000'000;
inline constexpr std::size_t export_secret_bytes_min = 16;
inline constexpr std::size_t export_secret_bytes_max = 4'096;
inline constexpr std::size_t child_output_bytes_max = 1u << 20;  // of git and vet; the rest is cut
static_assert(operator_items_max >= nodes_ever_max + nodes_ever_max / operator_reply_items_max,
              "status lists every node, and replies count as items");

}  // namespace reeve::limits
