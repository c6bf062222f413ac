#include "agent/record.h"

#include <algorithm>

#include "agent/agent_limits.h"

namespace reeve {
Recorder::Half::Half(const Parts& parts, Stream stream, const Recovered& recovered)
    : journal(parts.disk,
              {stream, parts.node, parts.segment_bytes_max, recovered.needed_from,
               recovered.durable_bytes},
              recovered.segments, recovered.newest),
      sealer(journal, parts.key, {parts.node, parts.epoch, recovered.end}, recovered.unsynced) {
  journal.know_damage(recovered.damage);
}

Recorder::Recorder(const Parts& parts, const Recovered& urgent, const Recovered& routine)
    : parts_(parts),
      urgent_(parts, Stream::urgent, urgent),
      routine_(parts, Stream::routine, routine) {}

// A disk that refuses the intent does not stop the fix: enforcement goes on, and the
// receipt follows when the disk takes it.
void Recorder::intend(const Receipt& receipt, Intent intent) {
  Half& where = half(stream_for(receipt.severity));
  if (!where.journal.is_writable() || !make_room(where)) return;
  auto written =
      where.journal.append(FrameType::intent, encode_receipt(receipt, moment_of(parts_.clock)));
  if (written.ok() && intent == Intent::durable) written = where.journal.sync();
  if (!written.ok()) refused(where, written.error());
}

void Recorder::record(const Receipt& receipt) {
  queue(stream_for(receipt.severity), receipt.severity,
        encode_receipt(receipt, moment_of(parts_.clock)));
}

void Recorder::record(const Contention& contention) {
  queue(stream_for(Severity::critical), Severity::critical,
        encode_contention(contention, moment_of(parts_.clock)));
}

void Recorder::count_only(const Receipt& receipt) {
  count(stream_for(receipt.severity), receipt.severity,
        encode_receipt(receipt, moment_of(parts_.clock)), "open_incidents");
}

void Recorder::add(std::string_view type, std::optional<Severity> severity, Value::Map fields) {
  queue(stream_for(severity), severity,
        encode_record(type, moment_of(parts_.clock), severity, std::move(fields)));
}

// Beyond the size limit too: without it nothing of the epoch could be taken by anybody.
void Recorder::open_stream(Stream stream, Value::Map fields) {
  Half& where = half(stream);
  const bool is_queued = where.sealer.add(
      encode_record("epoch_start", moment_of(parts_.clock), std::nullopt, std::move(fields)));
  REEVE_ASSERT(is_queued);  // nothing else has been
  wait(where);
}

bool Recorder::is_crowded() const {
  return urgent_.sealer.is_crowded() || routine_.sealer.is_crowded();
}

void Recorder::queue(Stream stream, std::optional<Severity> severity, Bytes record) {
  Half& where = half(stream);
  if (!make_room(where)) return count(stream, severity, record, "journal_full");
  if (where.sealer.add(record)) return wait(where);
  count(stream, severity, record, where.refusal ? where.refusal->name : "queue_full");
}

void Recorder::count(Stream stream, std::optional<Severity> severity, ByteView record,
                     std::string_view reason) {
  Half& where = half(stream);
  where.gap.count(severity, record,
                  {std::string(reason), where.sealer.next_sequence(), moment_of(parts_.clock)});
  if (is_gap_due(where)) wait(where);
}

void Recorder::wait(Half& half) {
  if (!half.waiting_since) half.waiting_since = parts_.clock.monotonic_ns();
}

std::optional<std::int64_t> Recorder::commit_due() const {
  std::optional<std::int64_t> due;
  for (const Half* half : {&urgent_, &routine_}) {
    if (!half->gap.is_empty() && urgent_.sealer.durable_records() > 0) {
      const std::int64_t retry =
          std::max(urgent_.refusal ? urgent_.retry_at : 0, half->refusal ? half->retry_at : 0);
      const std::int64_t at = std::max(retry, half->gap.began_ns() + limits::gap_record_ns);
      due = std::min(due.value_or(at), at);
    }
    if (!half->waiting_since) continue;
    // commit() would not touch it: asked again at once, it would keep a core busy for nothing.
    if (half == &routine_ && urgent_.sealer.durable_records() == 0) continue;
    // Half of the group commit's time to gather, the other half for the disk.
    const std::int64_t at =
        half->refusal ? half->retry_at : *half->waiting_since + limits::group_commit_ns / 2;
    due = std::min(due.value_or(at), at);
  }
  return due;
}

void Recorder::commit() {
  commit_half(urgent_);
  // A new epoch is first known by its urgent stream (recovery.h): it must be durable there first.
  if (urgent_.sealer.durable_records() > 0) commit_half(routine_);
}

void Recorder::flush() {
  urgent_.retry_at = 0;
  routine_.retry_at = 0;
  commit();
  commit();  // what the first one had to tell: gaps
}

void Recorder::commit_half(Half& half) {
  if (is_gap_due(half)) wait(half);
  if (!half.waiting_since) return;
  if (half.refusal && parts_.clock.monotonic_ns() < half.retry_at) return;
  if (parts_.settle_key)
    if (auto settled = parts_.settle_key(); !settled.ok()) return refused(half, settled.error());
  if (auto done = half.sealer.commit(); !done.ok()) return refused(half, done.error());
  half.waiting_since.reset();
  half.refusal.reset();
  half.retry_delay = 0;
  tell_gap(half);
  if (half.journal.is_full() && half.sealer.is_idle()) roll(half);
}

// A segment grows beyond its size for as long as the disk refuses the next one.
void Recorder::roll(Half& half) {
  std::vector<Bytes> carried;
  std::vector<Bytes> intents;
  for (const Incident* incident : parts_.incidents.of_stream(half.journal.stream())) {
    auto& where = incident->is_recorded ? carried : intents;
    where.push_back(encode_receipt(incident->receipt, incident->receipt.detected));
  }
  static_cast<void>(half.sealer.roll(std::move(carried), std::move(intents)));
}

void Recorder::refused(Half& half, const Error& error) {
  half.retry_delay =
      std::clamp(half.retry_delay * 2, limits::journal_retry_min_ns, limits::journal_retry_max_ns);
  half.retry_at = parts_.clock.monotonic_ns() + half.retry_delay;
  half.refusal = error;
  wait(half);
}

const std::optional<Error>& Recorder::refusal() const {
  return urgent_.refusal ? urgent_.refusal : routine_.refusal;
}

}  // namespace reeve
