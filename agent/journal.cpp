#include "agent/journal.h"

#include <algorithm>

#include "common/paths.h"

namespace reeve {

Journal::Journal(Disk& disk, const Settings& settings, std::vector<std::uint32_t> segments,
                 Newest newest)
    : disk_(disk),
      settings_(settings),
      segments_(std::move(segments)),
      abandoned_(settings_.durable_bytes) {
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
  return {};
}

// A kernel may mark pages clean whose writing failed, so what a second sync says is worthless. The
// cut is only for tidiness: what was written after the last sync is written again elsewhere.
void Journal::abandon() {
  static_cast<void>(file_->truncate(durable_));
  file_.reset();
  abandoned_[segments_.back()] = durable_;
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
  REEVE_TRY(disk_.sync_directory(paths::journal_directory));
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
  for (const Bytes& carried : head.carried)
    REEVE_TRY(file.append(encode_frame(FrameType::carried, 0, carried, key)));
  for (const Bytes& intent : head.intents)
    REEVE_TRY(file.append(encode_frame(FrameType::intent, 0, intent, key)));
  if (!head.ready.empty())
    REEVE_TRY(file.append(encode_frame(FrameType::ready, 0, head.ready, key)));
  return file.sync();
}

JournalPosition Journal::begin() const {
  return {segments_.empty() ? 1 : segments_.front(), segment_header_bytes};
}

JournalPosition Journal::durable_end() const {
  if (segments_.empty()) return begin();
  return {segments_.back(), is_writable() ? durable_ : segment_header_bytes};
}

Result<std::optional<StoredBatch>> Journal::read_batch(JournalPosition from) {
  for (auto segment = segment_at_or_after(from.segment); segment;
       segment = segment_at_or_after(*segment + 1)) {
    const bool inside = *segment == from.segment && from.offset > segment_header_bytes;
    auto reader = reader_of(*segment, inside ? from.offset : segment_header_bytes);
    if (!reader.ok() && reader.error().name == "malformed_segment") continue;
    if (!reader.ok()) return reader.error();
    while (true) {
      auto frame = reader->next();
      if (!frame.ok()) return frame.error();
      if (!frame->has_value()) break;
      if ((*frame)->type != FrameType::batch) continue;
      return std::optional<StoredBatch>(StoredBatch{
          std::move((*frame)->payload), {*segment, (*frame)->offset}, {*segment, (*frame)->end}});
    }
  }
  return std::optional<StoredBatch>{};
}

Result<SegmentReader> Journal::reader_of(std::uint32_t segment, std::uint64_t offset) {
  if (is_writable() && segment == segments_.back())
    return SegmentReader(*file_, key_, offset, durable_);
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
                       cut == abandoned_.end() ? size : std::min(size, cut->second));
}

std::optional<std::uint32_t> Journal::segment_at_or_after(std::uint32_t segment) const {
  const auto next = std::ranges::lower_bound(segments_, segment);
  if (next == segments_.end()) return std::nullopt;
  return *next;
}

}  // namespace reeve
