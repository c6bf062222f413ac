// The Recorder at the journal's size limit, and its accounts of what is missing
// (docs/architecture.md, "The journal at its limit").
#include "agent/record.h"

namespace reeve {
namespace {

// A segment's batches of one epoch, as far as they can be read.
struct Dropped {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  std::uint64_t count = 0;
  std::array<std::uint64_t, 5> by_severity{};
  Digest header;
};

std::map<Epoch, Dropped> contents_of(Journal& journal, std::uint32_t segment) {
  std::map<Epoch, Dropped> out;
  JournalPosition at{segment, 0};
  while (true) {
    auto stored = journal.read_batch(at, Unreadable::passed_over);
    if (!stored.ok() || !stored->has_value() || (*stored)->begin.segment != segment) return out;
    at = (*stored)->next;
    const auto batch = read_own_batch((*stored)->bytes);
    if (!batch.ok()) continue;
    Dropped& of = out[batch->header.epoch];
    if (of.count == 0) of.first = batch->header.first;
    of.last = batch->header.first + batch->header.count - 1;
    of.count += batch->header.count;
    of.header = batch->header_digest();
    for (const SaltedRecord& salted : batch->records) {
      const auto record = decode_record(salted.bytes);
      ++of.by_severity[place_of(record.ok() ? record->severity : std::nullopt)];
    }
  }
}

// Without its start nobody takes anything of an epoch, and nothing else bounds what is not known of
// the one before.
bool is_of_start(std::string_view type) { return type == "epoch_start" || type == "unclean_stop"; }

}  // namespace

bool Recorder::is_within_limit(const Half& half) const {
  const std::uint64_t max = parts_.journal_bytes_max;
  const std::uint64_t all = urgent_.journal.bytes() + routine_.journal.bytes();
  if (&half == &urgent_) return all < max;
  return all < max - max / 4 && routine_.journal.bytes() < max / 2;
}

// What the controller has goes first; then routine records make way for urgent ones. Else what is
// durable stays and what is new is only counted: nobody washes an old record out with noise.
bool Recorder::make_room(Half& half) {
  while (!is_within_limit(half)) {
    if (drop_releasable(routine_, "journal_full") || drop_releasable(urgent_, "journal_full"))
      continue;
    if (&half == &urgent_ && drop_routine()) continue;
    return false;
  }
  return true;
}

std::uint64_t Recorder::releasable_bytes(const Half& half) {
  return half.journal.bytes_before(half.releasable.position.segment);
}

// The stream that has more of it gives first.
void Recorder::trim() {
  for (Half* half : {&routine_, &urgent_}) {
    while (half->journal.begin().segment < half->releasable.expired_before &&
           drop_releasable(*half, "age")) {
    }
  }
  while (true) {
    const std::uint64_t urgent = releasable_bytes(urgent_);
    const std::uint64_t routine = releasable_bytes(routine_);
    if (urgent + routine <= parts_.acknowledged_bytes_max) return;
    Half& more = urgent > routine ? urgent_ : routine_;
    Half& less = urgent > routine ? routine_ : urgent_;
    if (!drop_releasable(more, "size") && !drop_releasable(less, "size")) return;
  }
}

bool Recorder::drop_releasable(Half& half, std::string_view reason) {
  const auto segment = half.journal.spare_segment();
  if (!segment || *segment >= half.releasable.position.segment) return false;
  const auto bytes = half.journal.drop_spare_segment();
  if (!bytes.ok()) return false;
  add("journal_trimmed", std::nullopt,
      {{"stream", name_of(half.journal.stream())},
       {"segment", std::uint64_t{*segment}},
       {"bytes", *bytes},
       {"reason", reason}});
  return true;
}

// The account first: should the removal fail, it is made again and told twice.
bool Recorder::drop_routine() {
  const auto segment = routine_.journal.spare_segment();
  if (!segment) return false;
  const auto contents = contents_of(routine_.journal, *segment);
  if (!routine_.journal.drop_spare_segment().ok()) return false;
  for (const auto& [epoch, of] : contents) {
    routine_.dropped[epoch] = of.last;
    add("gap", std::nullopt,
        {{"stream", name_of(Stream::routine)},
         {"reason", "journal_full"},
         {"epoch", epoch},
         {"first", of.first},
         {"last", of.last},
         {"count", of.count},
         {"by_severity", severity_counts(of.by_severity)},
         {"header", of.header}});
  }
  return true;
}

void Recorder::tell_missing(const ChainGap& gap, std::string_view reason) {
  const auto& dropped = half(gap.stream).dropped;
  const auto known = dropped.find(gap.epoch);
  if (known != dropped.end() && gap.last <= known->second) return;
  add("gap", std::nullopt,
      {{"stream", name_of(gap.stream)},
       {"reason", reason},
       {"epoch", gap.epoch},
       {"first", gap.first},
       {"last", gap.last},
       {"count", gap.last - gap.first + 1},
       {"header", gap.header}});
}

void Recorder::tell_damage() {
  for (Half* half : {&urgent_, &routine_})
    for (const JournalDamage& place : half->journal.take_damage())
      add("journal_damaged", std::nullopt,
          {{"stream", name_of(half->journal.stream())},
           {"segment", std::uint64_t{place.segment}},
           {"offset", place.offset},
           {"bytes", place.bytes}});
}

// One that lasts is told of now and then, so that a crash costs the account of no more than that.
bool Recorder::is_gap_due(Half& half) {
  if (half.gap.is_empty()) return false;
  const std::int64_t age = parts_.clock.monotonic_ns() - half.gap.began_ns();
  return age >= limits::gap_record_ns || half.gap.reason() != "journal_full" || is_stopping_ ||
         make_room(half);
}

// Gap records are urgent whatever stream they tell of, and go beyond the limit.
void Recorder::tell_gap(Half& half) {
  if (!is_gap_due(half)) return;
  const Bytes record = encode_record("gap", moment_of(parts_.clock), std::nullopt,
                                     half.gap.fields(half.journal.stream()));
  if (!urgent_.sealer.add(record)) return;
  half.gap = Gap{};
  wait(urgent_);
}

// Told of in one batch with the stop: a stop that the journal calls clean has its gaps before it.
void Recorder::give_up_waiting() {
  for (Half* half : {&urgent_, &routine_}) {
    const std::string reason = half->refusal ? half->refusal->name : "queue_full";
    for (const Bytes& bytes : half->sealer.take_pending()) {
      const auto record = decode_record(bytes);
      if (record.ok() && is_of_start(record->type) && half->sealer.add(bytes)) continue;
      // The bounds are those of what is lost, not of its loss.
      half->gap.count(record.ok() ? record->severity : std::nullopt, bytes,
                      {reason, half->sealer.next_sequence(),
                       record.ok() ? record->sealed : moment_of(parts_.clock)});
    }
  }
  for (Half* half : {&urgent_, &routine_}) tell_gap(*half);
}

// Not where a sealed routine batch may be lost: the next start then bounds that as an unclean stop.
void Recorder::record_stop(Value::Map fields) {
  if (routine_.sealer.holds_sealed()) return;
  static_cast<void>(urgent_.sealer.add(
      encode_record("agent_stop", moment_of(parts_.clock), std::nullopt, std::move(fields))));
  wait(urgent_);
}

}  // namespace reeve
