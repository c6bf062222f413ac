// The bounds that more than one program keeps, with their units and what happens at them. Each
// room has a header of its own for the rest (*_limits.h); relations between bounds are checked by
// the compiler. A bound that is written anywhere else is a defect.
#pragma once

#include <cstddef>
#include <cstdint>

namespace reeve::limits {

// The decoding gate (codec.h): beyond any of these, decode() answers `limit_exceeded`.
inline constexpr std::size_t message_bytes_max = 64'000;
inline constexpr std::size_t nesting_max = 8;
inline constexpr std::size_t container_elements_max = 1'024;
inline constexpr std::size_t objects_max = 4'096;

// Signed objects: more signatures than this are refused as `malformed`.
inline constexpr std::size_t signatures_max = 32;

// Trust metadata, beyond these `limit_exceeded`. A signed root, manifest or certificate leaves room
// for the header of the message that carries it.
inline constexpr std::size_t trust_object_bytes_max = message_bytes_max - 64;
// Later times in what people sign are refused as `malformed`: in nanoseconds they would not fit.
inline constexpr std::int64_t signed_time_s_max = 9'000'000'000;
// Operators' acts: how long enforcement may be paused, and how much later than now an act may have
// been issued.
inline constexpr std::int64_t pause_s_max = 86'400;
inline constexpr std::int64_t act_clock_slack_s = 3'600;
inline constexpr std::size_t act_bytes_max = 4'096;  // signed
inline constexpr std::size_t act_reason_bytes_max = 256;
inline constexpr std::size_t acts_max = 12;  // that count at one time; more are refused
static_assert(acts_max * (act_bytes_max + 64) < message_bytes_max, "all are kept in one file");
// A ledger's recovery, signed by as many as a role may have keys.
inline constexpr std::size_t recovery_bytes_max = 8'192;
// Key files under a passphrase: a file that asks Argon2id for more is refused unread.
inline constexpr std::uint32_t key_passes_max = 16;
inline constexpr std::uint64_t key_memory_bytes_min = 8'192;
inline constexpr std::uint64_t key_memory_bytes_max = 512ull << 20;
inline constexpr std::size_t role_keys_max = 32;
inline constexpr std::size_t operators_max = 256;
inline constexpr std::size_t selector_alternatives_max = 32;
inline constexpr std::size_t selector_values_max = 256;  // one label of one alternative
inline constexpr std::size_t stages_max = 16;            // one bundle
static_assert(role_keys_max <= signatures_max, "every key of a role can sign one object");

// What the controller takes of one node: a signed heartbeat or certificate beyond these is refused
// as `limit_exceeded`, because both together must fit into one item of a reply to operators, else
// one node could keep them from hearing of all others.
inline constexpr std::size_t heartbeat_bytes_max = 16'384;
inline constexpr std::size_t certificate_bytes_max = 32'768;
static_assert(heartbeat_bytes_max + certificate_bytes_max + 1'024 < message_bytes_max);

// Record keys: a succession beyond the first is refused as `limit_exceeded`. The second bounds what
// is followed of one node from its certificate on: a century of days, or as many restarts.
inline constexpr std::size_t succession_bytes_max = 1'024;
inline constexpr std::size_t chain_keys_max = 65'536;

// Gaps in its chains that a node may tell of at a time; it waits with what lies behind more.
inline constexpr std::size_t heartbeat_gaps_max = 16;

// What a node may have on its way before the controller has said more: bytes of batches, or one
// batch whatever its size.
inline constexpr std::uint32_t first_credit_bytes = 16'384;

// Wire: longer is refused as `limit_exceeded`. A proof between two trees of 64-bit size has at most
// one hash a level and one more (RFC 9162 section 2.1.4).
inline constexpr std::size_t proof_hashes_max = 65;
inline constexpr std::size_t checkpoint_bytes_max = 16'384;
// In an acknowledgement: its text and the log's own signatures, without those of cosigners.
inline constexpr std::size_t acknowledged_checkpoint_bytes_max = 4'096;
inline constexpr std::size_t note_signatures_max = 64;  // of one checkpoint: the log's, cosigners'
// The nodes of a witness set. Each line of theirs has at most as many bytes as the second figure.
inline constexpr std::size_t witnesses_max = 32;
inline constexpr std::size_t cosignature_line_bytes_max = 384;
inline constexpr std::size_t cosigner_key_bytes_max = 512;  // a witness's statement of its key
static_assert(acknowledged_checkpoint_bytes_max / 2 + witnesses_max * cosignature_line_bytes_max <
              checkpoint_bytes_max);
inline constexpr std::size_t address_bytes_max = 280;  // "tcp://", a name of 253, a port
static_assert(2 * 32 * proof_hashes_max + acknowledged_checkpoint_bytes_max + 256 <
              message_bytes_max);

// Batches: the journal seals a new batch when the next record would not fit.
inline constexpr std::size_t batch_header_bytes_max = 1'024;
inline constexpr std::size_t batch_records_max = 1'000;
inline constexpr std::size_t record_bytes_max = 24'000;  // larger records are cut before sealing
inline constexpr std::size_t batch_bytes_max = 60'000;
static_assert(record_bytes_max + batch_header_bytes_max < batch_bytes_max);
static_assert(batch_bytes_max + 64 < message_bytes_max);

// Policy: lint and compile refuse more; so does the agent, whatever the signature says.
inline constexpr std::size_t bundle_rules_max = 20'000;
inline constexpr std::size_t bundle_bytes_max = 32u << 20;
inline constexpr std::size_t chunk_bytes_max = 60'000;
inline constexpr std::size_t manifest_bundles_max = 64;
inline constexpr std::size_t rule_controls_max = 64;
inline constexpr std::int64_t breaker_figure_max = 1'000'000;
inline constexpr std::uint32_t owner_pause_minutes_max = 1'440;  // of any 24 hours
inline constexpr std::size_t field_items_max = 256;    // of a list or of rows in a resource
inline constexpr std::size_t body_bytes_max = 40'000;  // a firewall table, a file's content
inline constexpr std::size_t name_bytes_max = 128;     // ids of rules, names of nodes and fleets
inline constexpr std::size_t text_bytes_max = 4'096;   // titles, rationales, paths, details
inline constexpr std::size_t labels_max = 32;
static_assert(body_bytes_max + 5 * text_bytes_max < message_bytes_max, "a rule is one message");
static_assert(bundle_rules_max < record_bytes_max, "a state record holds one byte a rule");
static_assert(chunk_bytes_max + 64 < message_bytes_max);

// A fleet.
inline constexpr std::int64_t heartbeat_interval_ns = 30'000'000'000;
inline constexpr int heartbeats_missed_until_silent = 3;
inline constexpr std::size_t nodes_max = 65'536;

}  // namespace reeve::limits
