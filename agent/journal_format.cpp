#include "agent/journal_format.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "agent/agent_limits.h"
#include "common/paths.h"

namespace reeve {
namespace {

constexpr std::string_view magic = "RVJL";
constexpr std::uint8_t version = 1;

std::uint64_t frame_checksum(FrameType type, std::uint64_t synced, ByteView payload,
                             const FixedBytes<16>& key) {
  Bytes covered;
  covered.reserve(payload.size() + 9);
  append_u32(covered, static_cast<std::uint32_t>(payload.size()));
  covered.push_back(static_cast<std::uint8_t>(type));
  append_u32(covered, static_cast<std::uint32_t>(synced));
  append(covered, payload);
  return checksum(covered, key);
}

}  // namespace

Bytes encode_segment_header(const SegmentHeader& header) {
  Bytes out = bytes_of(magic);
  out.push_back(version);
  out.push_back(static_cast<std::uint8_t>(header.stream));
  append_u16(out, 0);
  append(out, header.key.view());
  append(out, header.node.view());
  append_u64(out, checksum(out, header.key));
  return out;
}

Result<SegmentHeader> decode_segment_header(ByteView bytes) {
  const Error malformed{"malformed_segment", "the journal segment's header is damaged"};
  if (bytes.size() < segment_header_bytes) return malformed;
  ByteReader reader(bytes.first(segment_header_bytes));
  SegmentHeader header;
  const bool known = text_of(reader.take(4)) == magic && reader.u8() == version;
  const std::uint8_t stream = reader.u8();
  reader.u16();
  header.key = reader.take_fixed<16>();
  header.node = reader.take_fixed<32>();
  const auto covered = bytes.first(segment_header_bytes - 8);
  if (!known || stream > 1 || reader.u64() != checksum(covered, header.key)) return malformed;
  header.stream = static_cast<Stream>(stream);
  return header;
}

Bytes encode_frame(FrameType type, std::uint64_t synced, ByteView payload,
                   const FixedBytes<16>& key) {
  REEVE_ASSERT(!payload.empty() && payload.size() <= limits::journal_frame_bytes_max);
  REEVE_ASSERT(synced <= UINT32_MAX);
  Bytes out;
  out.reserve(frame_header_bytes + payload.size());
  append_u32(out, static_cast<std::uint32_t>(payload.size()));
  append_u64(out, frame_checksum(type, synced, payload, key));
  out.push_back(static_cast<std::uint8_t>(type));
  append_u32(out, static_cast<std::uint32_t>(synced));
  append(out, payload);
  return out;
}

Bytes encode_mark(std::uint64_t durable_before) {
  Bytes out;
  append_u64(out, durable_before);
  return out;
}

std::uint64_t durable_before(const Frame& frame) {
  if (frame.type != FrameType::mark) return 0;
  ByteReader reader(frame.payload);
  const std::uint64_t bytes = reader.u64();
  return reader.ok() && reader.at_end() ? bytes : 0;
}

std::string segment_name(Stream stream, std::uint32_t number) {
  return fmt::format("{}/{}-{:08}.log", paths::journal_directory, name_of(stream), number);
}

std::optional<std::uint32_t> segment_number(std::string_view listed, Stream stream) {
  const std::string_view prefix = name_of(stream);
  constexpr std::string_view suffix = ".log";
  if (listed.size() != prefix.size() + 1 + 8 + suffix.size()) return std::nullopt;
  if (!listed.starts_with(prefix) || listed[prefix.size()] != '-' || !listed.ends_with(suffix))
    return std::nullopt;
  const std::string_view digits = listed.substr(prefix.size() + 1, 8);
  std::uint32_t number = 0;
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (read.ec != std::errc{} || read.ptr != digits.data() + digits.size()) return std::nullopt;
  return number;
}

Result<std::optional<Frame>> SegmentReader::next() {
  while (offset_ < limit_) {
    auto frame = frame_at(offset_);
    if (!frame.ok()) return frame.error();
    if (frame->has_value()) {
      offset_ = (*frame)->end;
      return frame;
    }
    auto resume = after_damage(offset_);
    if (!resume.ok()) return resume.error();
    if (!resume->has_value()) {
      torn_bytes_ = limit_ - offset_;
      limit_ = offset_;
      return std::optional<Frame>{};
    }
    damage_.push_back({offset_, **resume - offset_});
    offset_ = **resume;
  }
  return std::optional<Frame>{};
}

Result<std::optional<Frame>> SegmentReader::frame_at(std::uint64_t offset) {
  const std::optional<Frame> none;
  if (limit_ - offset < frame_header_bytes) return none;
  auto header = bytes_at(offset, frame_header_bytes);
  if (!header.ok()) return header.error();
  if (header->size() < frame_header_bytes) return none;
  ByteReader reader(*header);
  const std::uint32_t length = reader.u32();
  const std::uint64_t wanted = reader.u64();
  const std::uint8_t type = reader.u8();
  const std::uint32_t synced = reader.u32();
  if (length == 0 || length > limits::journal_frame_bytes_max) return none;
  if (type < 1 || type > 5 || synced > offset) return none;
  if (length > limit_ - offset - frame_header_bytes) return none;
  auto payload = bytes_at(offset + frame_header_bytes, length);
  if (!payload.ok()) return payload.error();
  if (payload->size() < length) return none;
  const auto frame_type = static_cast<FrameType>(type);
  if (frame_checksum(frame_type, synced, *payload, key_) != wanted) return none;
  return std::optional<Frame>(Frame{frame_type, synced, offset,
                                    offset + frame_header_bytes + length,
                                    Bytes(payload->begin(), payload->end())});
}

// What was written before a sync and not after it may be missing in any order. So a bad frame is
// damage only when a later frame proves that its bytes had been durable.
Result<std::optional<std::uint64_t>> SegmentReader::after_damage(std::uint64_t bad) {
  std::optional<std::uint64_t> first;
  std::uint64_t at = bad + 1;
  while (at < limit_) {
    auto frame = frame_at(at);
    if (!frame.ok()) return frame.error();
    if (!frame->has_value()) {
      ++at;
      continue;
    }
    if (!first) first = at;
    if ((*frame)->synced > bad) return first;
    at = (*frame)->end;
  }
  return std::optional<std::uint64_t>{};
}

Result<ByteView> SegmentReader::bytes_at(std::uint64_t offset, std::size_t count) {
  const bool inside = offset >= window_start_ && offset + count <= window_start_ + window_.size();
  if (!inside) {
    const std::size_t wanted = std::max(count, limits::journal_read_bytes);
    auto read = file_.read(offset, wanted);
    if (!read.ok()) read = file_.read(offset, count);  // what is bad may lie further on
    if (!read.ok() && unreadable_ == Unreadable::an_error) return read.error();
    window_start_ = offset;
    window_ = read.ok() ? std::move(*read) : read_blocks(offset, wanted);
  }
  const ByteView rest = ByteView(window_).subspan(offset - window_start_);
  return rest.first(std::min(count, rest.size()));
}

// Block by block, with zeros for what cannot be read: no frame begins with them. A disk that is
// asked too often may take seconds for each answer, so that beyond a bound all is unreadable.
Bytes SegmentReader::read_blocks(std::uint64_t offset, std::size_t count) {
  Bytes out;
  const std::uint64_t end = std::min(limit_, offset + count);
  while (offset < end) {
    const std::uint64_t block = offset - offset % limits::journal_block_bytes;
    const std::uint64_t stop = std::min(end, block + limits::journal_block_bytes);
    const auto part = static_cast<std::size_t>(stop - offset);
    const bool may_ask = blocks_unreadable_ < limits::journal_blocks_unreadable_max;
    auto read = may_ask ? file_.read(offset, part) : Result<Bytes>(Bytes(part));
    if (!read.ok()) ++blocks_unreadable_;
    if (read.ok()) append(out, *read);
    out.resize(out.size() + (read.ok() ? part - std::min(part, read->size()) : part));
    offset = stop;
  }
  return out;
}

}  // namespace reeve
