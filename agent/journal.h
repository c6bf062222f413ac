// One stream's journal: a series of numbered segments that is only appended to. The caller decides
// what a batch is; this knows frames, segments and what is durable. It borrows the disk. After a
// refused append or sync nothing more is written to that segment: the caller starts a
// fresh one and writes there again what was not durable.
#pragma once

#include <map>
#include <memory>

#include "agent/agent_limits.h"
#include "agent/journal_format.h"

namespace reeve {

// Where a frame begins. Order is the order of writing.
struct JournalPosition {
  std::uint32_t segment = 0;
  std::uint64_t offset = 0;
  auto operator<=>(const JournalPosition&) const = default;
};

// What may go of a stream, however a start comes about: all before a position that is written down
// is proven to be in the ledger, under a checkpoint that is written down. Segments before the
// number have been kept for as long as they should.
struct Releasable {
  JournalPosition position;
  std::uint32_t expired_before = 0;
};

// Bytes of a segment that hold nothing that can be read.
struct JournalDamage {
  std::uint32_t segment = 0;
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
  auto operator<=>(const JournalDamage&) const = default;
};

struct StoredBatch {
  Bytes bytes;  // encode_batch(), as it was sealed
  JournalPosition begin;
  JournalPosition next;  // where to read on
};

class Journal {
 public:
  struct Settings {
    Stream stream{};
    NodeId node;
    std::size_t segment_bytes_max = limits::journal_segment_bytes_max;
    std::uint32_t needed_from = 0;  // a start needs no segment before this one
    // Segments of an earlier start of which only so much is known to be durable.
    std::map<std::uint32_t, std::uint64_t> durable_bytes{};
  };
  // `segments` are the numbers on the disk, ascending; the newest is continued when `whole`.
  enum class Newest { whole, unusable };
  Journal(Disk& disk, const Settings& settings, std::vector<std::uint32_t> segments, Newest newest);

  Stream stream() const { return settings_.stream; }
  // False before the first segment and after a refusal: start_segment() comes next.
  bool is_writable() const { return file_ != nullptr; }
  // The head does not count: one that is as long as a segment may grow would fill the next as well.
  bool is_full() const { return size_ >= head_ + settings_.segment_bytes_max; }

  // Errors are the disk's; after one the journal is not writable.
  Status append(FrameType type, ByteView payload);
  Status sync();

  struct Frames {
    std::vector<Bytes> carried;
    std::vector<Bytes> intents;  // of fixes from before a kill that have no receipt yet
    Bytes ready;  // empty: none is written, and a start still needs the segments before this one
  };
  // A new segment, durable with these frames before anything else is written to it.
  Status start_segment(const Frames& head);

  JournalPosition begin() const;
  // No position that was given out lies behind it; of a segment that is not written on, its end,
  // though the tail may not be durable and is written again.
  JournalPosition end() const;
  // The first durable batch at or after `from`; damage is stepped over, and so is a segment whose
  // header is damaged. Absent when there is none yet. Where the disk does not give a segment now
  // the answer is its error, since a batch that is passed over is lost; unless that is asked for.
  Result<std::optional<StoredBatch>> read_batch(JournalPosition from,
                                                Unreadable unreadable = Unreadable::an_error);
  // The start has told of these.
  void know_damage(const std::vector<JournalDamage>& places) { damage_told_ = places; }
  // What has been stepped over in older segments, each place once.
  std::vector<JournalDamage> take_damage() { return std::exchange(damage_, {}); }

  // Of all segments, and of those before one.
  std::uint64_t bytes() const { return older_bytes_ + size_; }
  std::uint64_t bytes_before(std::uint32_t segment) const;
  // The oldest segment, where neither writing nor a start needs it.
  std::optional<std::uint32_t> spare_segment() const;
  // Removes it; how many bytes that gave back. What a crash brings back is only older history.
  Result<std::uint64_t> drop_spare_segment();

 private:
  struct Reading {
    std::uint32_t segment = 0;
    std::unique_ptr<DiskFile> file;
    FixedBytes<16> key;
  };
  void adopt_newest();
  void abandon();
  Status write_head(DiskFile& file, const FixedBytes<16>& key, const Frames& head);
  std::uint64_t durable_of_newest() const;
  void leave_newest(std::uint64_t bytes);
  Result<SegmentReader> reader_of(std::uint32_t segment, std::uint64_t offset,
                                  Unreadable unreadable);
  std::optional<std::uint32_t> segment_at_or_after(std::uint32_t segment) const;
  void note_damage(std::uint32_t segment, const SegmentReader& reader);
  void note_damage(std::uint32_t segment, std::uint64_t offset, std::uint64_t bytes);

  Disk& disk_;
  Settings settings_;
  std::vector<std::uint32_t> segments_;
  std::unique_ptr<DiskFile> file_;  // the newest segment, for writing
  FixedBytes<16> key_;
  std::uint64_t size_ = 0;
  std::uint64_t durable_ = 0;
  std::uint64_t head_ = 0;  // what the newest segment began with; 0 for one of an earlier start
  std::uint64_t older_bytes_ = 0;                     // of all segments but the newest
  std::map<std::uint32_t, std::uint64_t> sizes_;      // of these
  std::map<std::uint32_t, std::uint64_t> abandoned_;  // segment, its durable bytes
  std::vector<JournalDamage> damage_;
  std::vector<JournalDamage> damage_told_;
  Reading reading_;  // the older segment that is being sent
};

}  // namespace reeve
