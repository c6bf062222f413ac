#include "agent/record.h"

#include <algorithm>

#include "agent/agent_limits.h"

namespace reeve {
namespace {

std::size_t place_of(std::optional<Severity> severity) {
  return severity ? static_cast<std::size_t>(*severity) : 4;
}

}  // namespace

Recorder::Half::Half(const Parts& parts, Stream stream, const Recovered& recovered)
    : journal(parts.disk, {stream, parts.node, parts.segment_bytes_max, recovered.durable_bytes},
              recovered.segments, recovered.newest),
      sealer(journal, parts.key, {parts.node, parts.epoch, recovered.end}, recovered.unsynced) {}

Recorder::Recorder(const Parts& parts, const Recovered& urgent, const Recovered& routine)
    : parts_(parts),
      urgent_(parts, Stream::urgent, urgent),
      routine_(parts, Stream::routine, routine) {}

// A disk that refuses the intent does not stop the fix: enforcement goes on, and the
// receipt follows when the disk takes it.
void Recorder::intend(const Receipt& receipt, Intent intent) {
  Half& where = half(stream_for(receipt.severity));
  if (!where.journal.is_writable()) return;
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
        encode_receipt(receipt, moment_of(parts_.clock)));
}

void Recorder::add(std::string_view type, std::optional<Severity> severity, Value::Map fields) {
  queue(stream_for(severity), severity,
        encode_record(type, moment_of(parts_.clock), severity, std::move(fields)));
}

void Recorder::open_stream(Stream stream, Value::Map fields) {
  queue(stream, std::nullopt,
        encode_record("epoch_start", moment_of(parts_.clock), std::nullopt, std::move(fields)));
}

bool Recorder::is_crowded() const {
  return urgent_.sealer.is_crowded() || routine_.sealer.is_crowded();
}

void Recorder::queue(Stream stream, std::optional<Severity> severity, Bytes record) {
  if (!half(stream).sealer.add(record)) return count(stream, severity, record);
  wait(half(stream));
}

void Recorder::count(Stream stream, std::optional<Severity> severity, ByteView record) {
  Gap& gap = half(stream).gap;
  const std::int64_t now = parts_.clock.wall_ns();
  if (gap.count == 0) gap.first_wall_ns = now;
  gap.last_wall_ns = now;
  ++gap.count;
  ++gap.by_severity[place_of(severity)];
  gap.chained = sha256({gap.chained.view(), record});
  wait(half(stream));
}

void Recorder::wait(Half& half) {
  if (!half.waiting_since) half.waiting_since = parts_.clock.monotonic_ns();
}

std::optional<std::int64_t> Recorder::commit_due() const {
  std::optional<std::int64_t> due;
  for (const Half* half : {&urgent_, &routine_}) {
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

// Gap records are urgent whatever stream they tell of.
void Recorder::tell_gap(Half& half) {
  if (half.gap.count == 0) return;
  const Gap gap = std::exchange(half.gap, Gap{});
  Value::Map counts;
  for (std::size_t i = 0; i < 4; ++i)
    counts.emplace_back(std::string(name_of(static_cast<Severity>(i))), gap.by_severity[i]);
  counts.emplace_back("none", gap.by_severity[4]);
  add("gap", std::nullopt,
      {{"stream", name_of(half.journal.stream())},
       {"count", gap.count},
       {"by_severity", std::move(counts)},
       {"since", gap.first_wall_ns},
       {"until", gap.last_wall_ns},
       {"hash", gap.chained}});
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
