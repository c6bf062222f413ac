#include "agent/recovery.h"

#include <algorithm>
#include <set>

#include "common/paths.h"

namespace reeve {
namespace {

using Incidents = std::map<FixedBytes<16>, Receipt>;

// One segment opened for reading at a start.
struct Segment {
  std::uint32_t number = 0;
  std::unique_ptr<DiskFile> file;
  FixedBytes<16> key;
};

Result<Segment> open_segment(Disk& disk, Stream stream, std::uint32_t number) {
  auto file = disk.open(segment_name(stream, number));
  if (!file.ok()) return file.error();
  auto head = (*file)->read(0, segment_header_bytes);
  if (!head.ok()) return head.error();
  auto header = decode_segment_header(*head);
  if (!header.ok()) return header.error();
  return Segment{number, std::move(*file), header->key};
}

SegmentReader reader_of(const Segment& segment) {
  return {*segment.file, segment.key, segment_header_bytes, segment.file->size(),
          Unreadable::passed_over};
}

// True when the carried frames and intents at the segment's head are complete.
bool begins_ready(Disk& disk, Stream stream, std::uint32_t number) {
  auto segment = open_segment(disk, stream, number);
  if (!segment.ok()) return false;
  SegmentReader reader = reader_of(*segment);
  while (true) {
    auto frame = reader.next();
    if (!frame.ok() || !frame->has_value()) return false;
    if ((*frame)->type == FrameType::ready) return true;
    if ((*frame)->type == FrameType::batch) return false;
  }
}

class Replay {
 public:
  explicit Replay(Recovered& into) : into_(into) {}

  void frame(const Frame& frame) {
    switch (frame.type) {
      case FrameType::batch:
        return batch(frame);
      case FrameType::intent:
        return keep(interrupted_, frame.payload);
      case FrameType::carried:
        return keep(open_, frame.payload);
      case FrameType::ready:
        return ready(frame.payload);
      case FrameType::mark:
        return;
    }
  }

  // So much of the segment is durable.
  void end_segment(std::uint64_t durable) {
    for (const auto& [end, digest] : here_)
      if (end <= durable) durable_.insert(digest);
    here_.clear();
  }
  bool has_durable(const Digest& header) const { return durable_.contains(header); }

  void finish() {
    for (auto& [id, receipt] : open_) into_.open.push_back(std::move(receipt));
    for (auto& [id, receipt] : interrupted_) into_.interrupted.push_back(std::move(receipt));
  }

 private:
  void keep(Incidents& where, ByteView payload) {
    auto record = decode_record(payload);
    if (!record.ok()) return;
    if (auto receipt = decode_receipt(*record); receipt.ok())
      where.insert_or_assign(receipt->incident, std::move(*receipt));
  }

  void ready(ByteView payload) {
    auto end = decode_chain_end(payload);
    if (end.ok() && !into_.end) into_.end = std::move(*end);
  }

  void batch(const Frame& frame) {
    auto batch = read_own_batch(frame.payload);
    if (!batch.ok()) return;
    here_.emplace_back(frame.end, batch->header_digest());
    const BatchHeader& header = batch->header;
    const std::uint64_t last = header.first + header.count - 1;
    // A batch whose sync failed was written again in a later segment, perhaps after newer epochs.
    const bool repeat = into_.end && into_.end->epoch == header.epoch && last <= into_.end->last;
    if (repeat || ended_.contains(header.epoch)) return;
    if (into_.end && into_.end->epoch != header.epoch) ended_.insert(into_.end->epoch);
    into_.end = ChainEnd{header.epoch, last, batch->header_digest(), 0, {}};
    for (const SaltedRecord& salted : batch->records) record(salted.bytes);
  }

  void record(ByteView bytes) {
    auto record = decode_record(bytes);
    if (!record.ok()) return;
    into_.end->wall_ns = record->sealed.wall_ns;
    into_.end->type = record->type;
    if (record->type != "receipt") return;
    auto receipt = decode_receipt(*record);
    if (!receipt.ok()) return;
    interrupted_.erase(receipt->incident);
    if (receipt->phase == Phase::open) open_.insert_or_assign(receipt->incident, *receipt);
    if (receipt->phase == Phase::close) open_.erase(receipt->incident);
  }

  Recovered& into_;
  std::vector<std::pair<std::uint64_t, Digest>> here_;  // this segment's batches, by where they end
  std::set<Digest> durable_;
  std::set<Epoch> ended_;  // epochs that were followed by another
  Incidents open_;
  Incidents interrupted_;
};

// The cut: after it the newest segment ends with its last whole frame, and that is durable.
bool cut_and_sync(DiskFile& file, std::uint64_t end) {
  if (file.size() > end && !file.truncate(end).ok()) return false;
  return file.sync().ok();
}

// How much of a segment is said to be durable: what the newest of its frames knew, the head, which
// was durable before the segment had its name, and what the segment behind it says.
class DurablePart {
 public:
  explicit DurablePart(std::uint64_t said_behind)
      : bytes_(std::max<std::uint64_t>(said_behind, segment_header_bytes)) {}
  void frame(const Frame& frame) {
    bytes_ = std::max(bytes_, frame.synced == 0 ? frame.end : frame.synced);
    if (frame.type == FrameType::batch) batches_end_ = frame.end;
  }
  std::uint64_t bytes() const { return bytes_; }
  bool has_all_batches() const { return batches_end_ <= bytes_; }

 private:
  std::uint64_t bytes_;
  std::uint64_t batches_end_ = 0;
};

void keep_unsynced(const Segment& segment, std::uint64_t durable, Replay& replay, Recovered& out) {
  replay.end_segment(durable);
  out.durable_bytes[segment.number] = durable;
  SegmentReader reader(*segment.file, segment.key, durable, segment.file->size(),
                       Unreadable::passed_over);
  while (true) {
    auto frame = reader.next();
    if (!frame.ok() || !frame->has_value()) return;
    if ((*frame)->type != FrameType::batch) continue;
    if (auto batch = read_own_batch((*frame)->payload); batch.ok())
      out.unsynced.push_back(std::move(*batch));
  }
}

// A life that died, or was refused, between making a segment and syncing its name leaves a name
// that only the kernel knows.
enum class Names { durable, unknown };

// What the segment behind this one says of it; 0 where there is none, or it cannot be read.
std::uint64_t said_behind(Disk& disk, Stream stream, const std::vector<std::uint32_t>& segments,
                          std::size_t place) {
  if (place + 1 == segments.size() || segments[place + 1] != segments[place] + 1) return 0;
  auto segment = open_segment(disk, stream, segments[place + 1]);
  if (!segment.ok()) return 0;
  auto frame = reader_of(*segment).next();
  return frame.ok() && frame->has_value() ? durable_before(**frame) : 0;
}

void replay_segment(Disk& disk, Stream stream, std::size_t place, Names names, Replay& replay,
                    Recovered& out) {
  const std::uint32_t number = out.segments[place];
  out.newest = Journal::Newest::unusable;
  auto segment = open_segment(disk, stream, number);
  if (!segment.ok()) {
    out.damage.push_back({number, 0, 0});
    return;
  }
  SegmentReader reader = reader_of(*segment);
  DurablePart durable(said_behind(disk, stream, out.segments, place));
  while (true) {
    auto frame = reader.next();
    REEVE_ASSERT(frame.ok());  // what the disk refuses is damage
    if (!frame->has_value()) break;
    durable.frame(**frame);
    replay.frame(**frame);
  }
  for (const auto& damage : reader.damage())
    out.damage.push_back({number, damage.offset, damage.bytes});
  if (reader.has_passed_over()) {
    // What cannot be read may well be there: it is neither cut nor written behind.
    if (reader.torn_bytes() > 0)
      out.damage.push_back({number, reader.offset(), reader.torn_bytes()});
    keep_unsynced(*segment, durable.bytes(), replay, out);
    return;
  }
  out.torn_bytes += reader.torn_bytes();
  const bool is_synced = cut_and_sync(*segment->file, reader.offset());
  if (names == Names::unknown)
    keep_unsynced(*segment, segment_header_bytes, replay, out);
  else if (!is_synced || !durable.has_all_batches())
    keep_unsynced(*segment, durable.bytes(), replay, out);
  else
    out.newest = Journal::Newest::whole;
  replay.end_segment(durable.bytes());
}

}  // namespace

Bytes encode_chain_end(const std::optional<ChainEnd>& end) {
  if (!end) return encode(Value::Map{});
  return encode(Value::Map{{"epoch", end->epoch},
                           {"last", end->last},
                           {"header", end->header},
                           {"wall", end->wall_ns},
                           {"type", end->type}});
}

Result<std::optional<ChainEnd>> decode_chain_end(ByteView bytes) {
  auto value = decode(bytes);
  if (!value.ok()) return value.error();
  Fields fields(*value, "the journal's ready frame");
  if (!fields.has("epoch")) return std::optional<ChainEnd>{};
  ChainEnd end;
  end.epoch = fields.bytes<16>("epoch");
  end.last = fields.natural("last");
  end.header = fields.bytes<32>("header");
  end.wall_ns = fields.integer("wall");
  end.type = fields.text("type");
  REEVE_TRY(fields.finish(UnknownFields::keep));
  return std::optional<ChainEnd>(std::move(end));
}

Result<Recovered> recover_journal(Disk& disk, Stream stream) {
  // A disk that takes nothing now may still be read: enforcement does not wait for it.
  const bool is_named =
      disk.make_directory(paths::journal_directory).ok() && disk.sync_directory("").ok();
  auto listed = disk.list(paths::journal_directory);
  if (!listed.ok()) return listed.error();
  Recovered out;
  for (const std::string& name : *listed)
    if (auto number = segment_number(name, stream)) out.segments.push_back(*number);
  std::size_t from = out.segments.size();
  while (from > 0 && !begins_ready(disk, stream, out.segments[--from])) {
  }
  if (from < out.segments.size()) out.needed_from = out.segments[from];
  const bool are_named = is_named && disk.sync_directory(paths::journal_directory).ok();
  const auto names = are_named ? Names::durable : Names::unknown;
  Replay replay(out);
  for (std::size_t i = from; i < out.segments.size(); ++i)
    replay_segment(disk, stream, i, names, replay, out);
  // Once, however often starts have tried, and not where a later segment has it durably.
  std::set<Digest> seen;
  std::erase_if(out.unsynced, [&](const Batch& batch) {
    const Digest digest = batch.header_digest();
    return replay.has_durable(digest) || !seen.insert(digest).second;
  });
  replay.finish();
  return out;
}

}  // namespace reeve
