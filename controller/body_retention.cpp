#include "controller/body_retention.h"

#include <algorithm>

#include "controller/controller_limits.h"
#include "controller/stored_bodies.h"

namespace reeve {

std::optional<std::int64_t> BodyRetention::next_due() const {
  if (parts_.keep_ns <= 0) return std::nullopt;
  return due_ns_;
}

Status BodyRetention::run_if_due() {
  const auto due = next_due();
  if (!due || parts_.clock.boottime_ns() < *due) return {};
  due_ns_ = parts_.clock.boottime_ns() + limits::retention_interval_ns;
  return is_clock_ahead() ? Status{} : run();
}

// A clock that was put ahead since the start would make every body old, and what is withheld does
// not come back: nothing is, until it is put right or somebody who knows better starts us anew.
bool BodyRetention::is_clock_ahead() {
  const std::int64_t offset_ns = parts_.clock.wall_ns() - parts_.clock.boottime_ns();
  if (!first_offset_ns_) first_offset_ns_ = offset_ns;
  return offset_ns - *first_offset_ns_ > limits::retention_clock_slack_ns;
}

Status BodyRetention::run() {
  const auto more = withhold_some();
  if (!more.ok()) return more.error();
  if (*more) {
    due_ns_ = parts_.clock.boottime_ns() + limits::retention_pause_ns;
    return {};
  }
  if (!is_unpurged_) return {};
  REEVE_TRY(parts_.store.purge());
  is_unpurged_ = false;
  return {};
}

// All but what accounts for missing records, without which nobody could tell a hole from a theft.
// What cannot be read, because it was changed, is left to be found.
Status BodyRetention::withhold(const BatchRow& batch) const {
  const auto leaf = parts_.store.leaf(batch.leaf);
  if (!leaf.ok()) return leaf.error();
  if (!*leaf || batch.bodies.empty()) return {};
  const auto opened = parse_signed_object((**leaf).object, ObjectType::batch_header);
  const auto header = opened.ok() ? decode_batch_header(opened->payload) : opened.error();
  auto records = header.ok() ? read_bodies(*header, batch.bodies) : header.error();
  if (!records.ok()) return {};
  bool is_all = true;
  for (StoredRecord& record : *records) {
    const bool stays = record.body && accounts_for_missing(record.body->bytes);
    if (!stays) record.body.reset();
    is_all = is_all && !stays;
  }
  return parts_.store.put_bodies(batch.leaf, is_all ? Bytes{} : encode_bodies(*records));
}

// By when a leaf was stored, which never goes back, and not by what its node claims. Answers
// whether there is more to do.
Result<bool> BodyRetention::withhold_some() {
  const auto from = parts_.store.bodies_from();
  if (!from.ok()) return from.error();
  const auto end = first_leaf_since(parts_.store, parts_.clock.wall_ns() - parts_.keep_ns);
  if (!end.ok()) return end.error();
  if (*from >= *end) return false;
  const auto batches =
      parts_.store.batches({std::nullopt, std::nullopt, *from}, limits::retention_batches_at_once);
  if (!batches.ok()) return batches.error();
  const bool is_last = batches->size() < limits::retention_batches_at_once;
  const std::uint64_t until = is_last ? *end : std::min(*end, batches->back().leaf + 1);
  const auto change = [&]() -> Status {
    REEVE_TRY(parts_.ledger.begin());
    for (const BatchRow& batch : *batches)
      if (batch.leaf < until) REEVE_TRY(withhold(batch));
    REEVE_TRY(parts_.store.put_bodies_from(until));
    return parts_.ledger.commit();
  };
  if (auto done = change(); !done.ok()) {
    parts_.ledger.rollback();
    return done.error();
  }
  is_unpurged_ = true;
  return until < *end;
}

}  // namespace reeve
