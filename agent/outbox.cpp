#include "agent/outbox.h"

#include <algorithm>

#include "agent/agent_limits.h"
#include "common/paths.h"

namespace reeve {
namespace {

constexpr std::string_view magic = "RVAK";
constexpr std::uint32_t version = 3;
constexpr std::size_t positions_bytes_max = 256 + 2 * limits::acknowledged_marks_max * 12;

struct HeaderFacts {
  BatchHeader header;
  Digest digest;
  Digest leaf;
};

Result<HeaderFacts> facts_of(ByteView batch) {
  auto size = signed_object_size(batch);
  if (!size.ok()) return size.error();
  const ByteView object = batch.first(std::min(*size, batch.size()));
  auto opened = parse_signed_object(object, ObjectType::batch_header);
  if (!opened.ok()) return opened.error();
  auto header = decode_batch_header(opened->payload);
  if (!header.ok()) return header.error();
  return HeaderFacts{*header, sha256(object), leaf_hash(object)};
}

}  // namespace

Outbox::Outbox(const Parts& parts) : parts_(parts) {
  lanes_[0].journal = &parts_.urgent;
  lanes_[1].journal = &parts_.routine;
  load_positions();
  for (Lane& lane : lanes_) {
    if (lane.acknowledged > lane.journal->end()) lane.give_up();
    // Written again, since a power cut may still take what an earlier run left; and what has no
    // mark, having outlived its own, gets one.
    is_unwritten_ = is_unwritten_ || lane.acknowledged_end.has_value();
    lane.retention.acknowledged(lane.acknowledged.segment, parts_.time.now_s());
    lane.next = lane.acknowledged;
    lane.next_end = lane.acknowledged_end;
  }
}

void Outbox::begin_link() {
  is_full_ = false;
  for (Lane& lane : lanes_) rewind(lane);
  credit_ = limits::first_credit_bytes;
  paused_until_ = 0;
}

Status Outbox::refill() {
  for (Lane& lane : lanes_) {
    lane.refilled = std::max(lane.refilled, lane.acknowledged);
    lane.give_up();
    lane.gaps.clear();
    rewind(lane);
  }
  is_unwritten_ = true;
  return write_positions();
}

void Outbox::rewind(Lane& lane) {
  for (const Flight& flight : lane.flying)
    if (!flight.is_acknowledged) flying_bytes_ -= flight.bytes;
  lane.flying.clear();
  lane.next = lane.acknowledged;
  lane.next_end = lane.acknowledged_end;
}

void Outbox::pump() {
  is_full_ = false;
  for (Lane& lane : lanes_) {
    if (!send_late(lane)) {
      is_full_ = true;
      return;
    }
  }
  for (Lane& lane : lanes_) {
    const Rest rest = send_new(lane);
    is_full_ = rest == Rest::courier_full;
    if (rest != Rest::nothing_left) return;  // what is urgent has the next credit too
  }
}

bool Outbox::send_late(Lane& lane) {
  const std::int64_t now = parts_.clock.monotonic_ns();
  for (Flight& flight : lane.flying) {
    if (flight.is_acknowledged || now < flight.again_at) continue;
    auto stored = lane.journal->read_batch(flight.begin);
    const bool is_there = stored.ok() && stored->has_value() && (*stored)->begin == flight.begin;
    if (!is_there) {
      // The disk does not give it now: asked again with the next time-out, then sought anew.
      flight.again_at = now + limits::ack_timeout_ns;
      if (++flight.refusals < limits::read_refusals_max) continue;
      rewind(lane);
      return true;
    }
    if (!send(**stored, flight)) return false;
  }
  return true;
}

// What the disk goes on refusing to read is stepped over, and the journal says so (take_damage()).
std::optional<StoredBatch> Outbox::read_next(Lane& lane) {
  const std::int64_t now = parts_.clock.monotonic_ns();
  if (now < lane.read_from) return std::nullopt;
  const bool is_lasting = lane.refusals >= limits::read_refusals_max;
  const auto unreadable = is_lasting ? Unreadable::passed_over : Unreadable::an_error;
  auto stored = lane.journal->read_batch(lane.next, unreadable);
  if (!stored.ok()) {
    ++lane.refusals;
    lane.read_from = now + limits::ack_timeout_ns;
    return std::nullopt;
  }
  lane.refusals = 0;
  return std::move(*stored);
}

Outbox::Rest Outbox::send_new(Lane& lane) {
  while (lane.flying.size() < limits::batches_in_flight_max) {
    const auto stored = read_next(lane);
    if (!stored) return Rest::nothing_left;
    const auto facts = facts_of(stored->bytes);
    if (!facts.ok()) {
      lane.next = stored->next;
      continue;
    }
    if (is_behind_gap(lane, facts->header)) {
      lane.next = stored->begin;
      return Rest::gap_untold;
    }
    const std::size_t bytes = stored->bytes.size();
    if (!has_credit(bytes)) return Rest::no_credit;
    Flight flight;
    flight.begin = stored->begin;
    flight.next = stored->next;
    flight.end = {facts->header.epoch, facts->header.first + facts->header.count - 1,
                  facts->digest};
    flight.leaf = facts->leaf;
    flight.bytes = bytes;
    if (!send(*stored, flight)) return Rest::courier_full;
    flying_bytes_ += bytes;
    lane.next = flight.next;
    // A batch whose sync had failed is in two segments.
    const bool is_repeat = lane.next_end && lane.next_end->epoch == flight.end.epoch &&
                           flight.end.last < lane.next_end->last;
    if (!is_repeat) lane.next_end = flight.end;
    lane.flying.push_back(std::move(flight));
  }
  return Rest::no_credit;
}

// One batch may always go, or one whose credit was 0 could never be told of more.
bool Outbox::has_credit(std::size_t bytes) const {
  if (in_flight() == 0) return parts_.clock.monotonic_ns() >= paused_until_;
  return flying_bytes_ + bytes <= credit_;
}

// True once for each gap: the controller must hear of it before it can take this batch.
bool Outbox::is_behind_gap(Lane& lane, const BatchHeader& header) {
  const bool is_same = lane.next_end && lane.next_end->epoch == header.epoch;
  const std::uint64_t wanted = is_same ? lane.next_end->last + 1 : 0;
  if (header.first <= wanted) return false;
  const ChainGap gap{header.epoch, header.stream, wanted, header.first - 1, header.previous};
  const bool is_told = std::ranges::find(lane.gaps, gap) != lane.gaps.end();
  if (!is_told && is_written_again(lane, header)) return false;
  if (!is_told && lane.gaps.size() >= limits::heartbeat_gaps_max / 2) return true;
  lane.next_end = End{header.epoch, gap.last, gap.header};
  if (is_told) return false;
  lane.gaps.push_back(gap);
  new_gaps_.push_back({gap, lane.next < lane.refilled ? "trimmed" : "not_readable"});
  return true;
}

// A start writes again what may not have been durable, behind newer epochs too: what came before it
// then stands further up. Reads the journal up to here, but only where a gap would be told.
bool Outbox::is_written_again(Lane& lane, const BatchHeader& header) {
  JournalPosition at = lane.journal->begin();
  while (true) {
    const auto stored = lane.journal->read_batch(at, Unreadable::passed_over);
    if (!stored.ok() || !stored->has_value() || (*stored)->next > lane.next) return false;
    const auto facts = facts_of((*stored)->bytes);
    if (facts.ok() && facts->header.epoch == header.epoch && facts->digest == header.previous)
      return true;
    at = (*stored)->next;
  }
}

std::vector<ChainGap> Outbox::gaps() const {
  std::vector<ChainGap> out;
  for (const Lane& lane : lanes_) out.insert(out.end(), lane.gaps.begin(), lane.gaps.end());
  return out;
}

bool Outbox::send(const StoredBatch& stored, Flight& flight) {
  if (!parts_.courier.send(encode_message(MessageType::batch, stored.bytes))) return false;
  flight.again_at = parts_.clock.monotonic_ns() + flight.patience;
  flight.patience = std::min(2 * flight.patience, limits::ack_timeout_ns_max);
  return true;
}

bool Outbox::is_of(const Acknowledgement& acknowledgement, const Flight& flight) {
  return !flight.is_acknowledged && flight.end.epoch == acknowledgement.epoch &&
         flight.end.last == acknowledgement.last && flight.end.header == acknowledgement.header;
}

std::optional<Digest> Outbox::leaf_of(const Acknowledgement& acknowledgement) const {
  if (acknowledgement.node != parts_.node) return std::nullopt;
  const auto& flying = lane(acknowledgement.stream).flying;
  const auto flight = std::ranges::find_if(
      flying, [&](const Flight& candidate) { return is_of(acknowledgement, candidate); });
  if (flight == flying.end()) return std::nullopt;
  return flight->leaf;
}

bool Outbox::acknowledge(const Acknowledgement& acknowledgement) {
  if (acknowledgement.node != parts_.node) return false;
  Lane& lane = lanes_[static_cast<std::size_t>(acknowledgement.stream)];
  const auto flight = std::ranges::find_if(
      lane.flying, [&](const Flight& candidate) { return is_of(acknowledgement, candidate); });
  if (flight == lane.flying.end()) return false;
  flight->is_acknowledged = true;
  flying_bytes_ -= flight->bytes;
  land(lane);
  credit_ = acknowledgement.credit_bytes;
  if (credit_ == 0) paused_until_ = parts_.clock.monotonic_ns() + jittered(limits::credit_pause_ns);
  return true;
}

void Outbox::land(Lane& lane) {
  while (!lane.flying.empty() && lane.flying.front().is_acknowledged) {
    const Flight& flight = lane.flying.front();
    lane.acknowledged = flight.next;
    lane.acknowledged_end = flight.end;
    std::erase_if(lane.gaps, [&](const ChainGap& gap) {
      return gap.epoch == flight.end.epoch && gap.last < flight.end.last;
    });
    lane.flying.pop_front();
    is_unwritten_ = true;
  }
  lane.retention.acknowledged(lane.acknowledged.segment, parts_.time.now_s());
}

Releasable Outbox::release(Stream stream, std::int64_t now_s) {
  Lane& of = lanes_[static_cast<std::size_t>(stream)];
  return {of.written, of.retention.expired_before(now_s)};
}

// Between one and two of it: nodes that lost one controller at one moment do not stay in step.
std::int64_t Outbox::jittered(std::int64_t ns) {
  parts_.jitter_seed = parts_.jitter_seed * 6364136223846793005u + 1442695040888963407u;
  return ns +
         static_cast<std::int64_t>((parts_.jitter_seed >> 33) % static_cast<std::uint64_t>(ns));
}

void Outbox::keep_positions() {
  if (parts_.clock.monotonic_ns() < written_at_ + limits::acknowledged_write_ns) return;
  keep_positions_now();
}

// What cannot be written is sent again after the next start, and dropped there as a repeat.
void Outbox::keep_positions_now() {
  if (is_unwritten_) static_cast<void>(write_positions());
}

Status Outbox::write_positions() {
  written_at_ = parts_.clock.monotonic_ns();
  Bytes bytes = bytes_of(magic);
  append_u32(bytes, version);
  for (const Lane& lane : lanes_) {
    append_u32(bytes, lane.acknowledged.segment);
    append_u64(bytes, lane.acknowledged.offset);
    const End end = lane.acknowledged_end.value_or(End{});
    append(bytes, end.epoch.view());
    append_u64(bytes, end.last);
    append(bytes, end.header.view());
    append_u16(bytes, static_cast<std::uint16_t>(lane.retention.marks().size()));
    for (const Retention::Mark& mark : lane.retention.marks()) {
      append_u32(bytes, mark.before);
      append_u64(bytes, static_cast<std::uint64_t>(mark.until_s));
    }
  }
  append_u64(bytes, checksum(bytes, {}));
  REEVE_TRY(replace_file(parts_.disk, paths::acknowledged, bytes));
  is_unwritten_ = false;
  for (Lane& lane : lanes_) lane.written = lane.acknowledged;
  return {};
}

void Outbox::load_positions() {
  auto bytes = parts_.disk.read(paths::acknowledged, positions_bytes_max);
  if (!bytes.ok() || !bytes->has_value() || (*bytes)->size() < 8) return;
  const ByteView covered = ByteView(**bytes).first((*bytes)->size() - 8);
  ByteReader reader(**bytes);
  if (text_of(reader.take(4)) != magic || reader.u32() != version) return;
  std::array<Lane, 2> read;
  for (Lane& lane : read) {
    lane.acknowledged.segment = reader.u32();
    lane.acknowledged.offset = reader.u64();
    End end;
    end.epoch = reader.take_fixed<16>();
    end.last = reader.u64();
    end.header = reader.take_fixed<32>();
    if (!end.epoch.is_zero()) lane.acknowledged_end = end;
    std::deque<Retention::Mark> marks;
    const std::size_t count = reader.u16();
    if (count > limits::acknowledged_marks_max) return;
    for (std::size_t i = 0; i < count; ++i) {
      const std::uint32_t before = reader.u32();
      marks.push_back({before, static_cast<std::int64_t>(reader.u64())});
    }
    lane.retention.restore(std::move(marks));
  }
  if (reader.u64() != checksum(covered, {}) || !reader.ok() || !reader.at_end()) return;
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    lanes_[i].acknowledged = read[i].acknowledged;
    lanes_[i].acknowledged_end = read[i].acknowledged_end;
    lanes_[i].retention = std::move(read[i].retention);
  }
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
      if (!flight.is_acknowledged) sooner(flight.again_at);
  for (const Lane& lane : lanes_)
    if (now < lane.read_from) sooner(lane.read_from);
  if (now < paused_until_) sooner(paused_until_);
  return due;
}

}  // namespace reeve
