// The journal's bytes (docs/formats.md, "Journal"): a segment header, then frames that carry their
// own checksums under the segment's random key. Every frame says how much of its segment was known
// to be durable when it was written, so that a reader can tell a tail torn by a power cut, which
// was never promised to anyone, from damage to what had been durable. Nothing here writes to a
// disk.
#pragma once

#include "common/disk.h"
#include "common/policy.h"
#include "common/seal.h"

namespace reeve {

enum class FrameType : std::uint8_t {
  batch = 1,    // encode_batch()
  intent = 2,   // a receipt as far as it was known before the fix; never sent anywhere
  carried = 3,  // the receipt of an incident that was open when this segment began
  ready = 4,    // ends the carried frames: nothing before this segment is needed at a start
  mark = 5,     // what is known to be durable: encode_mark()
};

struct SegmentHeader {
  Stream stream{};
  FixedBytes<16> key;  // of the frames' checksums
  NodeId node;
  bool operator==(const SegmentHeader&) const = default;
};

inline constexpr std::size_t segment_header_bytes = 64;
inline constexpr std::size_t frame_header_bytes = 17;

Bytes encode_segment_header(const SegmentHeader& header);
// Error: `malformed_segment`.
Result<SegmentHeader> decode_segment_header(ByteView bytes);

struct Frame {
  FrameType type{};
  std::uint64_t synced = 0;  // bytes of the segment known to be durable when it was written
  std::uint64_t offset = 0;
  std::uint64_t end = 0;
  Bytes payload;
};
Bytes encode_frame(FrameType type, std::uint64_t synced, ByteView payload,
                   const FixedBytes<16>& key);

// The payload of a `mark`: first in a segment it says how many bytes of the one before are durable;
// elsewhere nothing (0), for its own `synced`, which is the newest word about this segment.
Bytes encode_mark(std::uint64_t durable_before);
// What a frame says of the segment before; 0 for one that is no mark.
std::uint64_t durable_before(const Frame& frame);

// "journal/urgent-00000001.log", and back from a name as Disk::list() gives it.
std::string segment_name(Stream stream, std::uint32_t number);
std::optional<std::uint32_t> segment_number(std::string_view listed, Stream stream);

// What a read that the disk refuses is: an error, or bytes that are damaged like others.
enum class Unreadable : std::uint8_t { an_error, passed_over };

// Reads the frames of one segment up to `limit`, over damage. Borrows the file.
class SegmentReader {
 public:
  struct Damage {
    std::uint64_t offset = 0;
    std::uint64_t bytes = 0;
  };

  SegmentReader(const DiskFile& file, const FixedBytes<16>& key, std::uint64_t offset,
                std::uint64_t limit, Unreadable unreadable = Unreadable::an_error)
      : file_(file), key_(key), offset_(offset), limit_(limit), unreadable_(unreadable) {}

  // Absent at the end or where the torn tail begins. Errors are the disk's, unless passed over.
  Result<std::optional<Frame>> next();

  std::uint64_t offset() const { return offset_; }
  std::uint64_t torn_bytes() const { return torn_bytes_; }
  const std::vector<Damage>& damage() const { return damage_; }
  bool has_passed_over() const { return blocks_unreadable_ > 0; }

 private:
  Result<std::optional<Frame>> frame_at(std::uint64_t offset);
  Result<std::optional<std::uint64_t>> after_damage(std::uint64_t bad);
  Result<ByteView> bytes_at(std::uint64_t offset, std::size_t count);
  Bytes read_blocks(std::uint64_t offset, std::size_t count);

  const DiskFile& file_;
  FixedBytes<16> key_;
  std::uint64_t offset_;
  std::uint64_t limit_;
  Unreadable unreadable_;
  std::size_t blocks_unreadable_ = 0;
  std::uint64_t torn_bytes_ = 0;
  std::vector<Damage> damage_;
  std::uint64_t window_start_ = 0;
  Bytes window_;
};

}  // namespace reeve
