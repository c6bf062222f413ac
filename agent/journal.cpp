#include "agent/journal.h"

#include <algorithm>

#include "common/paths.h"

namespace reeve {
namespace {

bool is_of_disk(const Error& error) { return error.name.starts_with("disk_"); }

}  // namespace

Journal::Journal(Disk& disk, const Settings& settings, std::vector<std::uint32_t> segments,
                 Newest newest)
    : disk_(disk),
      settings_(settings),
      segments_(std::move(segments)),
      abandoned_(settings_.durable_bytes) {
  for (std::uint32_t segment : segments_) {
    // One that does not open counts as nothing; what is read of it later says why.
    auto file = disk_.open(segment_name(settings_.stream, segment));
    sizes_[segment] = file.ok() ? (*file)->size() : 0;
    older_bytes_ += sizes_[segment];
  }
  if (!segments_.empty() && newest == Newest::whole) adopt_newest();
}

// What cannot be opened again is left as it is: the next commit starts a fresh segment.
void Journal::adopt_newest() {
  auto file = disk_.open(segment_name(settings_.stream, segments_.back()));
  if (!file.ok()) return;
  auto head = (*file)->read(0, segment_header_bytes);
  if (!head.ok()) return;
  auto header = decode_segment_header(*head);
  if (!header.ok() || header->node != settings_.node) return;
  key_ = header->key;
  size_ = (*file)->size();
  durable_ = size_;
  older_bytes_ -= sizes_[segments_.back()];
  sizes_.erase(segments_.back());
  file_ = std::move(*file);
}

Status Journal::append(FrameType type, ByteView payload) {
  REEVE_ASSERT(is_writable());
  const Bytes frame = encode_frame(type, durable_, payload, key_);
  if (auto written = file_->append(frame); !written.ok()) {
    abandon();
    return written;
  }
  size_ += frame.size();
  return {};
}

Status Journal::sync() {
  REEVE_ASSERT(is_writable());
  if (auto synced = file_->sync(); !synced.ok()) {
    abandon();
    return synced;
  }
  durable_ = size_;
  // A start trusts no batch that nothing says to be durable: the sync of a life before it may have
  // failed, and what a later one says is worthless. What becomes of the mark itself is all the
  // same.
  static_cast<void>(append(FrameType::mark, encode_mark(0)));
  return {};
}

// A kernel may mark pages clean whose writing failed, so what a second sync says is worthless. The
// cut is only for tidiness: what was written after the last sync is written again elsewhere.
void Journal::abandon() {
  static_cast<void>(file_->truncate(durable_));
  abandoned_[segments_.back()] = durable_;
  leave_newest(file_->size());
}

void Journal::leave_newest(std::uint64_t bytes) {
  file_.reset();
  sizes_[segments_.back()] = bytes;
  older_bytes_ += bytes;
  size_ = 0;
}

Status Journal::start_segment(const Frames& head) {
  const std::uint32_t number = segments_.empty() ? 1 : segments_.back() + 1;
  const std::string name = segment_name(settings_.stream, number);
  const std::string unfinished = name + std::string(paths::temporary_suffix);
  auto file = disk_.open(unfinished);
  if (!file.ok()) return file.error();
  const auto key = random_bytes<16>();
  auto written = write_head(**file, key, head);
  if (written.ok()) written = disk_.rename(unfinished, name);
  if (!written.ok()) {
    static_cast<void>(disk_.remove(unfinished));
    return written;
  }
  // From here on a start may find it, and believe its head that nothing before it is needed:
  // whatever becomes of it, nothing more is written to the segment before it.
  if (is_writable()) abandon();
  segments_.push_back(number);
  sizes_[number] = (*file)->size();
  older_bytes_ += sizes_[number];
  REEVE_TRY(disk_.sync_directory(paths::journal_directory));
  older_bytes_ -= sizes_[number];
  sizes_.erase(number);
  if (!head.ready.empty()) settings_.needed_from = number;
  key_ = key;
  size_ = (*file)->size();
  durable_ = size_;
  head_ = size_;
  file_ = std::move(*file);
  return {};
}

Status Journal::write_head(DiskFile& file, const FixedBytes<16>& key, const Frames& head) {
  if (file.size() > 0) REEVE_TRY(file.truncate(0));
  REEVE_TRY(file.append(encode_segment_header({settings_.stream, key, settings_.node})));
  // What this segment follows: no start is to write again behind it what was durable before it.
  REEVE_TRY(file.append(encode_frame(FrameType::mark, 0, encode_mark(durable_of_newest()), key)));
  for (const Bytes& carried : head.carried)
    REEVE_TRY(file.append(encode_frame(FrameType::carried, 0, carried, key)));
  for (const Bytes& intent : head.intents)
    REEVE_TRY(file.append(encode_frame(FrameType::intent, 0, intent, key)));
  if (!head.ready.empty())
    REEVE_TRY(file.append(encode_frame(FrameType::ready, 0, head.ready, key)));
  return file.sync();
}

// Of the segment that another is to follow; 0 where nothing is known.
std::uint64_t Journal::durable_of_newest() const {
  if (is_writable()) return durable_;
  const auto cut = segments_.empty() ? abandoned_.end() : abandoned_.find(segments_.back());
  return cut == abandoned_.end() ? 0 : cut->second;
}

JournalPosition Journal::begin() const {
  return {segments_.empty() ? 1 : segments_.front(), segment_header_bytes};
}

JournalPosition Journal::end() const {
  if (segments_.empty()) return begin();
  const auto size = sizes_.find(segments_.back());
  return {segments_.back(), is_writable() ? durable_ : size == sizes_.end() ? 0 : size->second};
}

Result<std::optional<StoredBatch>> Journal::read_batch(JournalPosition from,
                                                       Unreadable unreadable) {
  for (auto segment = segment_at_or_after(from.segment); segment;
       segment = segment_at_or_after(*segment + 1)) {
    const bool inside = *segment == from.segment && from.offset > segment_header_bytes;
    auto reader = reader_of(*segment, inside ? from.offset : segment_header_bytes, unreadable);
    if (!reader.ok()) {
      if (is_of_disk(reader.error()) && unreadable == Unreadable::an_error) return reader.error();
      note_damage(*segment, 0, sizes_[*segment]);
      continue;
    }
    while (true) {
      auto frame = reader->next();
      if (!frame.ok()) return frame.error();
      if (!frame->has_value()) {
        note_damage(*segment, *reader);
        break;
      }
      if ((*frame)->type != FrameType::batch) continue;
      note_damage(*segment, *reader);
      return std::optional<StoredBatch>(StoredBatch{
          std::move((*frame)->payload), {*segment, (*frame)->offset}, {*segment, (*frame)->end}});
    }
  }
  return std::optional<StoredBatch>{};
}

// Of older segments only: the tail of the newest is still being written.
void Journal::note_damage(std::uint32_t segment, const SegmentReader& reader) {
  for (const auto& damage : reader.damage()) note_damage(segment, damage.offset, damage.bytes);
  if (reader.has_passed_over() && reader.torn_bytes() > 0)
    note_damage(segment, reader.offset(), reader.torn_bytes());
}

void Journal::note_damage(std::uint32_t segment, std::uint64_t offset, std::uint64_t bytes) {
  const JournalDamage place{segment, offset, bytes};
  if (std::ranges::find(damage_told_, place) != damage_told_.end()) return;
  if (damage_told_.size() >= limits::damage_remembered_max)
    damage_told_.erase(damage_told_.begin());
  damage_told_.push_back(place);
  damage_.push_back(place);
}

std::uint64_t Journal::bytes_before(std::uint32_t segment) const {
  std::uint64_t out = 0;
  for (auto older = sizes_.begin(); older != sizes_.end() && older->first < segment; ++older)
    out += older->second;
  return out;
}

std::optional<std::uint32_t> Journal::spare_segment() const {
  if (segments_.size() < 2 || segments_.front() >= settings_.needed_from) return std::nullopt;
  return segments_.front();
}

Result<std::uint64_t> Journal::drop_spare_segment() {
  REEVE_ASSERT(spare_segment().has_value());
  const std::uint32_t segment = segments_.front();
  REEVE_TRY(disk_.remove(segment_name(settings_.stream, segment)));
  const std::uint64_t bytes = sizes_[segment];
  older_bytes_ -= bytes;
  sizes_.erase(segment);
  abandoned_.erase(segment);
  segments_.erase(segments_.begin());
  if (reading_.segment == segment) reading_ = Reading{};
  return bytes;
}

Result<SegmentReader> Journal::reader_of(std::uint32_t segment, std::uint64_t offset,
                                         Unreadable unreadable) {
  if (is_writable() && segment == segments_.back())
    return SegmentReader(*file_, key_, offset, durable_, unreadable);
  if (reading_.file == nullptr || reading_.segment != segment) {
    auto file = disk_.open(segment_name(settings_.stream, segment));
    if (!file.ok()) return file.error();
    auto head = (*file)->read(0, segment_header_bytes);
    if (!head.ok()) return head.error();
    auto header = decode_segment_header(*head);
    if (!header.ok()) return header.error();
    reading_ = Reading{segment, std::move(*file), header->key};
  }
  const auto cut = abandoned_.find(segment);
  const std::uint64_t size = reading_.file->size();
  return SegmentReader(*reading_.file, reading_.key, offset,
                       cut == abandoned_.end() ? size : std::min(size, cut->second), unreadable);
}

std::optional<std::uint32_t> Journal::segment_at_or_after(std::uint32_t segment) const {
  const auto next = std::ranges::lower_bound(segments_, segment);
  if (next == segments_.end()) return std::nullopt;
  return *next;
}

}  // namespace reeve
