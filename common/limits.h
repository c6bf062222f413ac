// Every bound of Reeve, with its unit and what happens at it; relations between bounds are checked
// by the compiler. A bound that is written anywhere else is a defect.
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

// Wire: longer is refused as `limit_exceeded`. A proof between two trees of 64-bit size has at most
// one hash a level and one more (RFC 9162 section 2.1.4).
inline constexpr std::size_t proof_hashes_max = 65;
inline constexpr std::size_t checkpoint_bytes_max = 16'384;
inline constexpr std::size_t address_bytes_max = 280;  // "tcp://", a name of 253, a port
static_assert(2 * 32 * proof_hashes_max + checkpoint_bytes_max + 256 < message_bytes_max);

// Batches: the journal seals a new batch when the next record would not fit.
inline constexpr std::size_t batch_header_bytes_max = 1'024;
inline constexpr std::size_t batch_records_max = 1'000;
inline constexpr std::size_t record_bytes_max = 24'000;  // larger records are cut before sealing
inline constexpr std::size_t batch_bytes_max = 60'000;
static_assert(record_bytes_max + batch_header_bytes_max < batch_bytes_max);
static_assert(batch_bytes_max + 64 < message_bytes_max);

// Policy: lint and compile refuse more; so does the agent, whatever the signature says.
inline constexpr std::size_t policy_source_bytes_max = 8u << 20;
inline constexpr std::size_t bundle_rules_max = 20'000;
inline constexpr std::size_t bundle_bytes_max = 32u << 20;
inline constexpr std::size_t chunk_bytes_max = 60'000;
inline constexpr std::size_t manifest_bundles_max = 64;
inline constexpr std::size_t yaml_nodes_max = 2'000'000;  // after aliases are expanded
inline constexpr std::size_t yaml_nesting_max = 64;
// How many [, { and commas a source may have: the YAML parser holds about 500 bytes for each of
// them until the bracket closes.
inline constexpr std::size_t yaml_flow_marks_max = 500'000;
inline constexpr std::size_t policy_errors_max = 10'000;  // of one file; then one says so
inline constexpr std::size_t rule_controls_max = 64;
inline constexpr std::int64_t breaker_figure_max = 1'000'000;
inline constexpr std::size_t field_items_max = 256;    // of a list or of rows in a resource
inline constexpr std::size_t body_bytes_max = 40'000;  // a firewall table, a file's content
inline constexpr std::size_t name_bytes_max = 128;     // ids of rules, names of nodes and fleets
inline constexpr std::size_t text_bytes_max = 4'096;   // titles, rationales, paths, details
inline constexpr std::size_t labels_max = 32;
static_assert(body_bytes_max + 5 * text_bytes_max < message_bytes_max, "a rule is one message");
static_assert(bundle_rules_max < record_bytes_max, "a state record holds one byte a rule");
static_assert(chunk_bytes_max + 64 < message_bytes_max);

// Journal.
inline constexpr std::size_t journal_segment_bytes_max = 8u << 20;
inline constexpr std::int64_t group_commit_ns = 5'000'000;
inline constexpr std::size_t pending_records_max = 4'096;   // beyond: counted into a `gap` record
inline constexpr std::size_t pending_bytes_max = 4u << 20;  // the same
inline constexpr std::size_t journal_frame_bytes_max = message_bytes_max;
inline constexpr std::size_t journal_read_bytes = 16'384;             // a reader's window
inline constexpr std::int64_t journal_retry_min_ns = 1'000'000'000;   // after a disk's refusal,
inline constexpr std::int64_t journal_retry_max_ns = 60'000'000'000;  // doubling up to this
static_assert(batch_bytes_max <= journal_frame_bytes_max);
// Incidents that are open at once, per agent; more are counted into a `gap` record.
inline constexpr std::size_t open_incidents_max = 10'000;
// The circuit breaker (docs/architecture.md section 5). A failing fix is tried again no sooner than
// the first figure, doubling up to the second; for rules of severity high and critical up to the
// third.
inline constexpr std::int64_t fix_retry_min_ns = 1'000'000'000;
inline constexpr std::int64_t fix_retry_max_ns = 600'000'000'000;
inline constexpr std::int64_t fix_retry_urgent_max_ns = 10'000'000'000;
// What policy's figures are counted over.
inline constexpr std::int64_t breaker_minute_ns = 60'000'000'000;
inline constexpr std::int64_t breaker_hour_ns = 3'600'000'000'000;
// Beyond the figures: twice the first after one more fix, doubling up to the second.
inline constexpr std::int64_t contested_wait_min_ns = 600'000'000'000;
inline constexpr std::int64_t contested_wait_max_ns = 3'600'000'000'000;
// An object that holds for so long is fought over no more.
inline constexpr std::int64_t contention_held_ns = breaker_hour_ns;
// Back within the first figure of a fix: one step up its kind's ladder of actions. One that holds
// for the second stands at the foot of it again.
inline constexpr std::int64_t quick_return_ns = 1'000'000'000;
inline constexpr std::int64_t rung_held_ns = 60'000'000'000;
// Objects whose fixes are remembered, all rules together. Beyond, the rule with most of them loses
// one: its figures are then counted anew.
inline constexpr std::size_t fix_histories_max = 10'000;
static_assert(fix_retry_max_ns < breaker_hour_ns, "a failing fix is not forgotten while it waits");
static_assert(quick_return_ns < rung_held_ns && rung_held_ns < contention_held_ns);

// A rule covers at most this many objects in one check; more are reported as `too_many_objects`.
inline constexpr std::size_t rule_objects_max = 100'000;
// Deviations that one check hands to the cycle; the rest are found by the next sweep.
inline constexpr std::size_t check_deviations_max = 1'000;
inline constexpr std::size_t path_links_max = 40;        // symbolic links on one path, as in Linux
inline constexpr std::size_t file_name_bytes_max = 255;  // one component of a path, as in Linux
// passwd and group under the root: a larger one answers `check_failed`, its names are unknown.
inline constexpr std::size_t accounts_bytes_max = 16u << 20;

// The packet filter: the longest comment of a rule that nft takes; elements of kept sets that a fix
// puts back (beyond: `elements_lost`); what a record shows of a table (beyond: cut).
inline constexpr std::size_t nft_comment_bytes_max = 128;
inline constexpr std::size_t kept_elements_bytes_max = 4u << 20;
inline constexpr std::size_t shown_table_bytes_max = 4'096;

// Content of files: a larger file answers `too_large`, since its digest would hold up everything
// else; a digest is remembered for so many files in each of two generations, the rest are read
// again, and so is what changed in the last two seconds (the coarsest clock of a filesystem).
inline constexpr std::size_t digested_bytes_max = 64u << 20;
inline constexpr std::size_t content_read_bytes = 16'384;
inline constexpr std::size_t digests_remembered_max = 4'096;
inline constexpr std::int64_t content_settled_ns = 2'000'000'000;
inline constexpr std::size_t content_shown_bytes_max = 1'024;  // of what a rule lets be shown
static_assert(body_bytes_max <= digested_bytes_max, "what policy asks for can be looked at");
// Attributes (xattr(7)) that a replaced file hands to its successor: with more the fix is refused.
inline constexpr std::size_t attributes_bytes_max = 1u << 20;
inline constexpr std::size_t acl_words_bytes_max = 1'024;  // of an ACL as found, for people

// Sensors: one drain() takes about this much of the kernel's queue, the rest waits for the next.
// More wakes than this in one drain become one wake for the whole of each rule.
inline constexpr std::size_t sensor_read_bytes = 64u << 10;
inline constexpr std::size_t sensor_events_max = 32'768;
inline constexpr std::size_t sensor_wakes_max = 8'192;

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
// A block's comment names a socket's object (51 bytes at most) and the rule's id.
inline constexpr std::size_t port_block_id_bytes_max = 64;
static_assert(port_block_id_bytes_max + 51 + 12 < nft_comment_bytes_max);
inline constexpr std::size_t port_blocks_max = 1'000;  // more sockets are not blocked
// Between two looks of the sensor; with more listeners than the figure, longer in proportion, so
// that looking stays below a thousandth of a core, but never longer than the last.
inline constexpr std::int64_t listeners_poll_ns = 250'000'000;
inline constexpr std::size_t listeners_poll_figure = 256;
inline constexpr std::int64_t listeners_poll_ns_max = 1'000'000'000;
inline constexpr int terminate_wait_ms = 200;            // for the end of a process after SIGKILL
inline constexpr std::size_t command_bytes_max = 1'024;  // of a command line; the rest is cut
inline constexpr std::size_t process_file_bytes_max = 8'192;  // of one file in /proc/PID

// Times.
inline constexpr std::int64_t sweep_interval_ns = 600'000'000'000;  // with a tenth of jitter
inline constexpr std::int64_t heartbeat_interval_ns = 30'000'000'000;
inline constexpr int heartbeats_missed_until_silent = 3;
inline constexpr std::int64_t state_record_change_ns = 60'000'000'000;
inline constexpr std::int64_t state_record_hourly_ns = 3'600'000'000'000;
inline constexpr std::int64_t ack_timeout_ns = 10'000'000'000;  // then batches are sent again
inline constexpr std::int64_t clock_jump_ns = 3'600'000'000'000;
inline constexpr std::int64_t manifest_lifetime_s = 30 * 86'400;
inline constexpr std::int64_t root_lifetime_s = 365 * 86'400;

// Batches of one stream on their way without an acknowledgement.
inline constexpr std::size_t batches_in_flight_max = 16;

// How often the acknowledged positions are written down; what is lost is only sent again.
inline constexpr std::int64_t acknowledged_write_ns = 1'000'000'000;
inline constexpr std::int64_t send_retry_ns = 20'000'000;  // after a full courier's socket
inline constexpr std::size_t courier_messages_per_step = 64;

// Enforcement: how long a sweep may run before sensors and courier are heard again; objects that
// are looked at again at a time of their own (beyond: their whole rules are).
inline constexpr std::int64_t sweep_slice_ns = 2'000'000;
// The launcher hears of us at least so often.
inline constexpr std::int64_t loop_wait_ns_max = 4'000'000'000;
inline constexpr std::size_t rechecks_max = 1'000;
// A sensor's blind periods get one record in so much time, whatever makes it lose events.
inline constexpr std::int64_t blind_record_ns = 60'000'000'000;
inline constexpr std::size_t blind_spots_max = 64;  // told of; each cut to name_bytes_max
static_assert(2 * blind_spots_max * name_bytes_max <= heartbeat_bytes_max, "half is for the rest");

// Policy as received: refused objects that are remembered, so that each gets one record; how often
// a stage that is not open yet is asked again.
inline constexpr std::size_t refused_objects_max = 64;
// Refusals that get a record of their own in so much time; the rest are counted in one at its end.
inline constexpr std::size_t refusals_recorded_max = 64;
inline constexpr std::int64_t refusals_interval_ns = 600'000'000'000;
inline constexpr std::int64_t stage_retry_ns = 10'000'000'000;

// Launcher: restarts of a child wait this long at first, doubling up to the second figure.
inline constexpr std::int64_t restart_delay_min_ns = 100'000'000;
inline constexpr std::int64_t restart_delay_max_ns = 10'000'000'000;
inline constexpr std::int64_t restart_forgotten_ns = 60'000'000'000;  // a life that ends backoff
// A deciding process that reports nothing for so long is killed; one that is asked to stop gets
// the second figure until it is.
inline constexpr std::int64_t agent_silence_max_ns = 30'000'000'000;
inline constexpr std::int64_t stop_grace_ns = 10'000'000'000;

// The link (libzmq). Queues are bounded a peer: what does not fit is refused to the sender.
inline constexpr std::size_t link_queue_messages_max = 16;
// libzmq applies its bound to the encrypted frame (ZeroMQ RFC 26: command name, nonce, tag, flags).
inline constexpr std::size_t link_curve_bytes = 33;
inline constexpr std::size_t link_drops_max = 64;  // messages dropped in one call of receive()
inline constexpr std::size_t link_handshakes_per_wake = 256;
inline constexpr int link_backlog = 4'096;        // connections that the kernel holds unaccepted
inline constexpr int link_handshake_ms = 15'000;  // then an unfinished handshake is closed
inline constexpr int link_connect_ms = 5'000;
inline constexpr int link_heartbeat_ms = 10'000;
inline constexpr int link_silence_ms = 30'000;  // a peer that is silent this long is gone
inline constexpr std::int64_t link_retry_min_ns = 200'000'000;  // halved at most by jitter
inline constexpr std::int64_t link_retry_max_ns = 10'000'000'000;
inline constexpr std::size_t host_bytes_max = 255;  // RFC 1035: the longest name
inline constexpr std::size_t resolved_addresses_max = 16;
static_assert(link_heartbeat_ms * 2 < link_silence_ms);

// Courier.
inline constexpr std::size_t courier_descriptors_max = 64;          // sockets and libzmq's own
inline constexpr std::int64_t courier_address_ns = 5'000'000'000;   // each resolved address in turn
inline constexpr std::int64_t courier_resolve_ns = 60'000'000'000;  // then it ends, to resolve anew
inline constexpr std::int64_t courier_configure_ns = 30'000'000'000;  // for the agent's first word
inline constexpr std::size_t courier_burst_max = 64;  // messages one way before the other's turn

// Controller.
inline constexpr std::size_t nodes_max = 65'536;
inline constexpr std::size_t operator_reply_items_max = 256;
inline constexpr std::int64_t tick_interval_ns = 3'600'000'000'000;  // while leaves arrive
// Messages of nodes in one transaction; the rest waits in the link for the next.
inline constexpr std::size_t messages_per_commit = 256;
inline constexpr std::size_t chains_remembered_max = 65'536;  // beyond: read from the store again
inline constexpr std::int64_t node_rows_interval_ns = 5'000'000'000;  // signs of life to the store
inline constexpr std::size_t roots_per_heartbeat = 4;  // a node that is behind by more asks again
inline constexpr std::size_t bundle_cache_bytes_max = 64u << 20;  // beyond: read again
inline constexpr std::int64_t store_retry_ns = 1'000'000'000;     // after a refused transaction
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
inline constexpr int store_busy_ms = 1'000;  // then a write is refused and tried again

// The operator's command.
inline constexpr std::size_t key_file_bytes_max = 4'096;  // more of a key file is not read
// Items and messages of the answer to one request; beyond them the controller is not believed
// (`reply_too_long`).
inline constexpr std::size_t operator_items_max = 2 * nodes_max;
// A request without any reply for so long is `controller_unreachable`.
inline constexpr std::int64_t operator_timeout_ns = 10'000'000'000;
// How often `records --follow` and `push` ask again, and how long refusals must stand before `push`
// believes that nothing more will change.
inline constexpr std::int64_t operator_poll_ns = 500'000'000;
inline constexpr std::int64_t push_settle_ns = 2'000'000'000;
// `push` gives nodes that were enrolled so recently and never spoke this long to connect.
inline constexpr std::int64_t newcomer_age_s = 600;
inline constexpr std::int64_t push_newcomers_ns = 5'000'000'000;
inline constexpr std::size_t child_output_bytes_max = 1u << 20;  // of git and vet; the rest is cut
static_assert(operator_items_max >= nodes_max, "status lists every node");

// The packet filter (agent/netfilter/). A look at one table that would take more than ruleset_bytes
// is `check_failed`; a buffer that grew beyond ruleset_kept_bytes is given back.
inline constexpr std::size_t ruleset_question_bytes_max = 2'048;
inline constexpr std::size_t ruleset_receive_bytes = 65'536;
inline constexpr std::size_t ruleset_bytes_max = 64u << 20;
inline constexpr std::size_t ruleset_kept_bytes_max = 4u << 20;
inline constexpr int ruleset_look_tries = 16;  // each interrupted by a change: `check_failed`
inline constexpr int nft_runs_max = 4;         // of one libnftables context, which then is renewed
inline constexpr std::size_t nft_words_max = 400;  // of its errors; the rest is cut
inline constexpr std::size_t nft_line_max = 100;   // of the line of a text that an error shows
// The sensor: its receive buffer as the kernel counts it, messages read at once, and how long it
// waits for the end of a change whose beginning it has read.
inline constexpr int ruleset_feed_bytes = 8 << 20;
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

// The owner's control socket.
inline constexpr std::size_t control_message_bytes_max = 64'000;
inline constexpr std::size_t control_clients_max = 8;
inline constexpr int control_patience_s = 5;          // how long a command waits for its answer
inline constexpr std::size_t status_rules_max = 200;  // told of; those that do not hold come first
inline constexpr std::size_t status_incidents_max = 50;

}  // namespace reeve::limits
