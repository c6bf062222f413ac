// The bounds of the deciding process and its launcher: journal, breaker, enforcement, what comes
// from the courier and from the owner.
#pragma once

#include <cstddef>
#include <cstdint>

#include "common/limits.h"

namespace reeve::limits {

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
// A disk that refuses to read a batch is asked again each ack_timeout_ns, so many times; then what
// cannot be read is passed over in blocks, so many of them in one call and then the whole segment.
inline constexpr int read_refusals_max = 6;
inline constexpr std::size_t journal_block_bytes = 4'096;
inline constexpr std::size_t journal_blocks_unreadable_max = 16;
inline constexpr std::size_t damage_remembered_max = 64;  // places that are not told of again
// All segments together, by default and at the least (`--journal-max`). Beyond half of it, or three
// quarters with what is urgent, no routine record is taken; beyond all of it none at all. What the
// controller has acknowledged goes before that, and routine records before urgent ones.
inline constexpr std::uint64_t journal_bytes_max = 1u << 30;
inline constexpr std::uint64_t journal_bytes_max_min = 64u << 20;
static_assert(journal_bytes_max_min >= 8 * journal_segment_bytes_max);
// What the controller has proven to have is kept for so long, or as much of both streams together,
// whichever is reached first. When that was acknowledged is kept by the hour.
inline constexpr std::int64_t acknowledged_kept_s = 7 * 86'400;
inline constexpr std::uint64_t acknowledged_bytes_max = 256u << 20;
inline constexpr std::int64_t acknowledged_mark_s = 3'600;
inline constexpr std::size_t acknowledged_marks_max = 256;
static_assert(acknowledged_marks_max > acknowledged_kept_s / acknowledged_mark_s + 2);
// Records that were not taken are told of when they are taken again, and once in so much time.
inline constexpr std::int64_t gap_record_ns = 600'000'000'000;
// Sealed and written at a time: what a refusing disk leaves sealed is no more than this, so that
// the reserve has room for it, a gap record and a clean stop in both streams.
inline constexpr std::size_t sealed_bytes_max = 1u << 20;
inline constexpr std::size_t journal_reserve_bytes = 4u << 20;
inline constexpr std::int64_t reserve_retry_ns = 600'000'000'000;  // where the disk had no room
static_assert(journal_reserve_bytes >= 2 * (sealed_bytes_max + 2 * batch_bytes_max) + (1u << 20));
// Incidents that are open at once, per agent; more are counted into a `gap` record.
inline constexpr std::size_t open_incidents_max = 10'000;
// Of them, what one rule may have, so that whoever breaks one many times leaves room for others.
inline constexpr std::size_t rule_incidents_max = open_incidents_max / 4;
// Receipts that one rule may write at once, and how soon it may write one more; beyond, it has one
// `gap` record in so much time that counts them.
inline constexpr std::uint64_t rule_receipts_max = 10'000;
inline constexpr std::int64_t rule_receipt_ns = 1'000'000'000;
inline constexpr std::int64_t rule_gap_ns = 60'000'000'000;
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

// Times.
inline constexpr std::int64_t sweep_interval_ns = 600'000'000'000;  // with a tenth of jitter
inline constexpr std::int64_t state_record_change_ns = 60'000'000'000;
inline constexpr std::int64_t state_record_hourly_ns = 3'600'000'000'000;
// Without an acknowledgement a batch is sent again, later and later.
inline constexpr std::int64_t ack_timeout_ns = 10'000'000'000;
inline constexpr std::int64_t ack_timeout_ns_max = 160'000'000'000;
inline constexpr std::int64_t clock_jump_ns = 3'600'000'000'000;

// Record keys: how long one signs at most, what is kept of statements that the controller has
// acknowledged, and how many it need not have heard of: beyond that no key is made and nothing is
// sealed (`key_backlog`).
inline constexpr std::int64_t key_lifetime_ns = 86'400'000'000'000;
inline constexpr std::size_t successions_kept = 64;
inline constexpr std::size_t successions_unacknowledged_max = 16'384;
inline constexpr std::size_t successions_bytes_max = 32u << 20;
inline constexpr std::size_t successions_in_flight_max = 64;
inline constexpr std::size_t record_key_file_bytes_max = 4'096;
static_assert((successions_unacknowledged_max + successions_kept) * (succession_bytes_max + 128) <=
              successions_bytes_max);

// Batches of one stream on their way without an acknowledgement, whatever the credit. A node whose
// credit is 0 sends one batch in one to two times the second figure.
inline constexpr std::size_t batches_in_flight_max = 64;
inline constexpr std::int64_t credit_pause_ns = 10'000'000'000;

// How often the acknowledged positions are written down; what is lost is only sent again.
inline constexpr std::int64_t acknowledged_write_ns = 1'000'000'000;

// The ledger's checkpoint: how often the accepted one is written down (nothing is let go of before
// that), and how soon the controller is told again what it is to prove from.
inline constexpr std::int64_t checkpoint_write_ns = 10'000'000'000;
inline constexpr std::int64_t checkpoint_ask_ns = 1'000'000'000;
// A witness cosigns at most once in so much time, however often it is asked; what could not be
// written down is tried again after the second figure.
inline constexpr std::int64_t cosign_interval_ns = 2'000'000'000;
inline constexpr std::int64_t cosign_retry_ns = 10'000'000'000;
// Signed checkpoints that contradict it: known ones, and how many get a record in so much time.
inline constexpr std::size_t rewrites_remembered_max = 64;
inline constexpr std::size_t rewrites_recorded_max = 8;
inline constexpr std::int64_t rewrites_interval_ns = 600'000'000'000;
inline constexpr std::int64_t send_retry_ns = 20'000'000;  // after a full courier's socket
inline constexpr std::size_t courier_messages_per_step = 64;

// A courier that says "up" and "down" in turns gets a line in the log so often at most.
inline constexpr std::int64_t link_note_ns = 1'000'000'000;

// Enforcement: how long a sweep may run before sensors and courier are heard again; objects that
// are looked at again at a time of their own (beyond: their whole rules are).
inline constexpr std::int64_t sweep_slice_ns = 2'000'000;
// So long a run of one rule goes on putting right, a sensor's wakes are looked at, what is due is
// looked at again; the rest waits for the next step, so that whoever makes very much of it keeps
// neither launcher nor other rules waiting.
inline constexpr std::int64_t work_slice_ns = 500'000'000;
// So long after the last deviation nothing is kept for the next one.
inline constexpr std::int64_t rest_after_ns = 10'000'000'000;
// The launcher hears of us at least so often.
inline constexpr std::int64_t loop_wait_ns_max = 4'000'000'000;
inline constexpr std::int64_t alive_report_ns = 1'000'000'000;  // and, while it works, this often
inline constexpr std::size_t rechecks_max = 1'000;
// An object whose look takes longer than this (a large file's digest) is not looked at again for a
// sensor before so many times what it took: whoever writes to it all the time costs little more.
inline constexpr std::int64_t long_look_ns = 5'000'000;
inline constexpr std::int64_t long_look_share = 10;
// A sensor that lost events finds anew what it has to watch: no sooner than this after the last
// time, nor than so many times what that took, so that making it do so costs a fiftieth of a core.
inline constexpr std::int64_t sensor_renewal_ns = 1'000'000'000;
inline constexpr std::int64_t sensor_renewal_share = 50;
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
// How often it is written down how much time a pause has left: a restart prolongs it by no more.
inline constexpr std::int64_t acts_write_ns = 60'000'000'000;

// Joining: how often a host asks to be enrolled until it hears, and how long it tries to be heard.
inline constexpr std::int64_t join_retry_ns = 3'000'000'000;
inline constexpr std::int64_t join_patience_s = 60;
inline constexpr std::int64_t join_patience_s_max = 86'400;

// Launcher: restarts of a child wait this long at first, doubling up to the second figure.
inline constexpr std::int64_t restart_delay_min_ns = 100'000'000;
inline constexpr std::int64_t restart_delay_max_ns = 10'000'000'000;
inline constexpr std::int64_t restart_forgotten_ns = 60'000'000'000;  // a life that ends backoff
// A deciding process that reports nothing for so long is killed; one that is asked to stop gets
// the second figure until it is.
inline constexpr std::int64_t agent_silence_max_ns = 30'000'000'000;
inline constexpr std::int64_t stop_grace_ns = 10'000'000'000;

// A time in which the deciding process did not run is recorded from these on: what the host was
// suspended for, and how much later than it should the loop came round.
inline constexpr std::int64_t suspension_ns_min = 1'000'000'000;
inline constexpr std::int64_t stall_ns_min = 10'000'000'000;
// A courier that has said nothing for so long is started anew: since it was started, and since its
// last word (courier_word_ns in courier_limits.h).
inline constexpr std::int64_t courier_first_word_ns_max = 180'000'000'000;
inline constexpr std::int64_t courier_silence_ns_max = 60'000'000'000;

// The owner's control socket.
inline constexpr std::size_t control_message_bytes_max = 64'000;
inline constexpr std::size_t control_clients_max = 8;
inline constexpr int control_patience_s = 5;          // how long a command waits for its answer
inline constexpr std::size_t status_rules_max = 200;  // told of; those that do not hold come first
inline constexpr std::size_t status_incidents_max = 50;
inline constexpr std::size_t status_receipts_max = 10;  // the last ones
// Of the rules that speak about one thing, so many are told of; looks at it end at this time.
inline constexpr std::size_t why_rules_max = 100;
inline constexpr std::int64_t why_look_ns_max = 200'000'000;
// What the owner of the host has let be in the last 24 hours; more is refused.
inline constexpr std::size_t owner_acts_max = 64;
inline constexpr std::size_t owner_reason_bytes_max = 256;
// What fixes replaced is kept in two files of at most this size; the older one goes when the newer
// is full. More that waits to be written than the second figure is written at once.
inline constexpr std::uint64_t kept_file_bytes_max = 4u << 20;
inline constexpr std::size_t kept_waiting_bytes_max = 256u << 10;
inline constexpr std::int64_t undo_span_s = 3'600;  // how long an undo holds, unless told

}  // namespace reeve::limits
