#include "agent/outbox.h"

#include <algorithm>

#include "agent/agent_limits.h"
#include "common/paths.h"

namespace reeve {
namespace {

constexpr std::string_view magic = "RVAK";
constexpr std::uint32_t version = 1;

struct HeaderFacts {
  BatchHeader header;
  Digest digest;
};

Result<HeaderFacts> facts_of(ByteView batch) {
  auto size = signed_object_size(batch);
  if (!size.ok()) return size.error();
  const ByteView object = batch.first(std::min(*size, batch.size()));
  auto opened = parse_signed_object(object, ObjectType::batch_header);
  if (!opened.ok()) return opened.error();
  auto header = decode_batch_header(opened->payload);
  if (!header.ok()) return header.error();
  return HeaderFacts{*header, sha256(object)};
}

}  // namespace

Outbox::Outbox(const Parts& parts) : parts_(parts) {
  lanes_[0].journal = &parts_.urgent;
  lanes_[1].journal = &parts_.routine;
  load_positions();
  for (Lane& lane : lanes_) {
    if (lane.acknowledged > lane.journal->durable_end()) lane.acknowledged = {};
    lane.next = lane.acknowledged;
  }
}

void Outbox::send_again() {
  is_full_ = false;
  for (Lane& lane : lanes_)
    for (Flight& flight : lane.flying) flight.sent_at = INT64_MIN / 2;
}

void Outbox::pump() {
  is_full_ = false;
  for (Lane& lane : lanes_) {
    if (send_late(lane) && send_new(lane)) continue;
    is_full_ = true;
    return;
  }
}

bool Outbox::send_late(Lane& lane) {
  const std::int64_t now = parts_.clock.monotonic_ns();
  for (Flight& flight : lane.flying) {
    if (flight.is_acknowledged || now - flight.sent_at < limits::ack_timeout_ns) continue;
    auto stored = lane.journal->read_batch(flight.begin);
    if (!stored.ok() || !stored->has_value()) {
      flight.sent_at = now;  // the disk does not give it now: asked again with the next time-out
    } else if (!send(**stored, flight)) {
      return false;
    }
  }
  return true;
}

bool Outbox::send_new(Lane& lane) {
  while (lane.flying.size() < limits::batches_in_flight_max) {
    auto stored = lane.journal->read_batch(lane.next);
    if (!stored.ok() || !stored->has_value()) return true;
    Flight flight{(*stored)->begin, (*stored)->next, {}, 0, {}, 0, false};
    if (auto facts = facts_of((*stored)->bytes); facts.ok()) {
      flight.epoch = facts->header.epoch;
      flight.last = facts->header.first + facts->header.count - 1;
      flight.header = facts->digest;
      if (!send(**stored, flight)) return false;
      lane.flying.push_back(flight);
    }
    lane.next = (*stored)->next;
  }
  return true;
}

bool Outbox::send(const StoredBatch& stored, Flight& flight) {
  if (!parts_.courier.send(encode_message(MessageType::batch, stored.bytes))) return false;
  flight.sent_at = parts_.clock.monotonic_ns();
  return true;
}

bool Outbox::acknowledge(const Acknowledgement& acknowledgement) {
  if (acknowledgement.node != parts_.node) return false;
  Lane& lane = lanes_[static_cast<std::size_t>(acknowledgement.stream)];
  const auto flight = std::ranges::find_if(lane.flying, [&](const Flight& candidate) {
    return !candidate.is_acknowledged && candidate.epoch == acknowledgement.epoch &&
           candidate.last == acknowledgement.last && candidate.header == acknowledgement.header;
  });
  if (flight == lane.flying.end()) return false;
  flight->is_acknowledged = true;
  while (!lane.flying.empty() && lane.flying.front().is_acknowledged) {
    lane.acknowledged = lane.flying.front().next;
    lane.flying.pop_front();
    is_unwritten_ = true;
  }
  return true;
}

void Outbox::keep_positions() {
  if (parts_.clock.monotonic_ns() < written_at_ + limits::acknowledged_write_ns) return;
  keep_positions_now();
}

void Outbox::keep_positions_now() {
  if (!is_unwritten_) return;
  written_at_ = parts_.clock.monotonic_ns();
  Bytes bytes = bytes_of(magic);
  append_u32(bytes, version);
  for (const Lane& lane : lanes_) {
    append_u32(bytes, lane.acknowledged.segment);
    append_u64(bytes, lane.acknowledged.offset);
  }
  append_u64(bytes, checksum(bytes, {}));
  // What cannot be written is sent again after the next start, and dropped there as a repeat.
  if (replace_file(parts_.disk, paths::acknowledged, bytes).ok()) is_unwritten_ = false;
}

void Outbox::load_positions() {
  auto bytes = parts_.disk.read(paths::acknowledged, 256);
  if (!bytes.ok() || !bytes->has_value() || (*bytes)->size() < 8) return;
  const ByteView covered = ByteView(**bytes).first((*bytes)->size() - 8);
  ByteReader reader(**bytes);
  if (text_of(reader.take(4)) != magic || reader.u32() != version) return;
  std::array<JournalPosition, 2> positions;
  for (JournalPosition& position : positions) {
    position.segment = reader.u32();
    position.offset = reader.u64();
  }
  if (reader.u64() != checksum(covered, {}) || !reader.ok() || !reader.at_end()) return;
  for (std::size_t i = 0; i < lanes_.size(); ++i) lanes_[i].acknowledged = positions[i];
}

std::optional<std::int64_t> Outbox::next_due() const {
  std::optional<std::int64_t> due;
  const auto sooner = [&due](std::int64_t at) { due = std::min(due.value_or(at), at); };
  const std::int64_t now = parts_.clock.monotonic_ns();
  if (is_unwritten_) sooner(std::max(now, written_at_ + limits::acknowledged_write_ns));
  if (is_full_) {
    sooner(now + limits::send_retry_ns);
    return due;
  }
  for (const Lane& lane : lanes_)
    for (const Flight& flight : lane.flying)
      if (!flight.is_acknowledged) sooner(flight.sent_at + limits::ack_timeout_ns);
  return due;
}

}  // namespace reeve
