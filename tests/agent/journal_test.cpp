#include <doctest/doctest.h>

#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include "agent/agent_limits.h"
#include "common/paths.h"
#include "tests/agent/journal_life.h"

using namespace reeve;
using namespace reeve::testing;

namespace {

Bytes payload(std::uint8_t fill, std::size_t size = 100) { return Bytes(size, fill); }

// A segment of three synced frames, as bytes.
struct Written {
  CrashDisk disk;
  std::string name = segment_name(Stream::urgent, 1);
  Written() {
    REQUIRE(disk.make_directory(paths::journal_directory).ok());
    Journal journal(disk, {Stream::urgent, example_node()}, {}, Journal::Newest::unusable);
    REQUIRE(journal.start_segment({}).ok());
    for (std::uint8_t i = 1; i <= 3; ++i) {
      REQUIRE(journal.append(FrameType::intent, payload(i)).ok());
      REQUIRE(journal.sync().ok());
    }
  }
  Bytes bytes() { return **disk.read(name, 1 << 20); }
  void replace(const Bytes& content) {
    auto file = disk.open(name);
    REQUIRE((*file)->truncate(0).ok());
    REQUIRE((*file)->append(content).ok());
    REQUIRE((*file)->sync().ok());
  }
};

// A mark begins the segment and follows each frame's sync.
constexpr std::size_t whole_mark = frame_header_bytes + 8;
constexpr std::size_t whole_frame = frame_header_bytes + 100;
constexpr std::size_t first_frame = segment_header_bytes + whole_mark;

struct ReadBack {
  std::vector<Frame> frames;  // but for marks
  std::uint64_t torn = 0;
  std::vector<SegmentReader::Damage> damage;
};

ReadBack read_back(Written& written) {
  auto file = written.disk.open(written.name);
  auto header = decode_segment_header(written.bytes());
  REQUIRE(header.ok());
  SegmentReader reader(**file, header->key, segment_header_bytes, (*file)->size());
  ReadBack out;
  while (true) {
    auto frame = reader.next();
    REQUIRE(frame.ok());
    if (!frame->has_value()) break;
    if ((*frame)->type != FrameType::mark) out.frames.push_back(std::move(**frame));
  }
  out.torn = reader.torn_bytes();
  out.damage = reader.damage();
  return out;
}

}  // namespace

TEST_CASE("a segment's frames are read back as they were written") {
  Written written;
  const ReadBack back = read_back(written);
  REQUIRE(back.frames.size() == 3);
  CHECK(back.frames[1].payload == payload(2));
  CHECK(back.torn == 0);
  CHECK(back.damage.empty());
}

TEST_CASE("a segment cut at any byte gives the whole frames before the cut and reports the rest") {
  Written written;
  const Bytes whole = written.bytes();
  for (std::size_t size = segment_header_bytes; size < whole.size(); ++size) {
    written.replace(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)));
    const ReadBack back = read_back(written);
    const std::size_t behind = size < first_frame ? 0 : size - first_frame;
    const std::size_t in_pair = behind % (whole_frame + whole_mark);
    const bool has_frame = in_pair >= whole_frame;
    CHECK(back.frames.size() == behind / (whole_frame + whole_mark) + (has_frame ? 1 : 0));
    CHECK(back.torn == (size < first_frame ? size - segment_header_bytes
                                           : in_pair - (has_frame ? whole_frame : 0)));
    CHECK(back.damage.empty());
  }
}

TEST_CASE("any flipped bit in a frame is noticed; durable frames behind it are still read") {
  Written written;
  const Bytes whole = written.bytes();
  for (std::size_t bit = 0; bit < whole_frame * 8; ++bit) {
    Bytes flipped = whole;
    flipped[first_frame + bit / 8] ^= static_cast<std::uint8_t>(1u << (bit % 8));
    written.replace(flipped);
    const ReadBack back = read_back(written);
    REQUIRE(back.frames.size() == 2);
    CHECK(back.frames[0].payload == payload(2));
    REQUIRE(back.damage.size() == 1);
    CHECK(back.damage[0].offset == first_frame);
    CHECK(back.damage[0].bytes == whole_frame);
  }
}

TEST_CASE("what was never synced is a torn tail even where later frames survived") {
  Written written;
  auto journal =
      std::make_unique<Journal>(written.disk, Journal::Settings{Stream::urgent, example_node()},
                                std::vector<std::uint32_t>{1}, Journal::Newest::whole);
  const std::size_t before = written.bytes().size();
  REQUIRE(journal->append(FrameType::intent, payload(4)).ok());
  REQUIRE(journal->append(FrameType::intent, payload(5)).ok());
  Bytes bytes = written.bytes();
  bytes[before + frame_header_bytes] ^= 1;
  written.replace(bytes);
  const ReadBack back = read_back(written);
  CHECK(back.frames.size() == 3);
  CHECK(back.torn == bytes.size() - before);
  CHECK(back.damage.empty());
}

TEST_CASE("a damaged segment header is refused by name") {
  Written written;
  Bytes bytes = written.bytes();
  for (std::size_t bit = 0; bit < segment_header_bytes * 8; ++bit) {
    Bytes flipped = bytes;
    flipped[bit / 8] ^= static_cast<std::uint8_t>(1u << (bit % 8));
    const auto header = decode_segment_header(flipped);
    REQUIRE(!header.ok());
    CHECK(header.error().name == "malformed_segment");
  }
}

TEST_CASE("segment names are read back and other names are not") {
  CHECK(segment_name(Stream::routine, 7) == "journal/routine-00000007.log");
  CHECK(segment_number("routine-00000007.log", Stream::routine) == 7u);
  CHECK(!segment_number("routine-00000007.log", Stream::urgent));
  CHECK(!segment_number("routine-0000007x.log", Stream::routine));
  CHECK(!segment_number("routine-00000007.log.new", Stream::routine));
  CHECK(!segment_number("acknowledged", Stream::routine));
}

TEST_CASE("nothing is handed out before it is durable") {
  CrashDisk disk;
  JournalLife life(disk, 1);
  REQUIRE(life.has_started());
  CHECK(!life.recorder().journal(Stream::urgent).read_batch({})->has_value());
  life.clock().advance(limits::group_commit_ns);
  disk.fail(CrashDisk::Call::sync, 2, EIO);  // the first is the new segment's head
  life.recorder().commit();
  CHECK(disk.faults_fired() == 1);
  CHECK(life.recorder().refusal()->name == "disk_failed");
  CHECK(!life.recorder().journal(Stream::urgent).read_batch({})->has_value());
  life.clock().advance(limits::journal_retry_max_ns);
  life.recorder().commit();
  CHECK(!life.recorder().refusal());
  CHECK(life.recorder().journal(Stream::urgent).read_batch({})->has_value());
}

TEST_CASE("a batch whose sync failed is written again with the same bytes") {
  CrashDisk disk;
  JournalLife life(disk, 1);
  life.work(10);
  const Epoch epoch = life.recorder().epoch();
  disk.fail(CrashDisk::Call::sync, 1, EIO, 2);
  life.work(20);
  life.clock().advance(limits::journal_retry_max_ns);
  life.recorder().flush();
  CHECK(disk.faults_fired() == 2);
  const Contents contents = contents_of(life.recorder().journal(Stream::urgent));
  CHECK(contents.is_chained);
  CHECK(contents.batches.back().header.epoch == epoch);
  CHECK(life.recorder().durable_records(Stream::urgent) ==
        contents.batches.back().header.first + contents.batches.back().header.count);
}

TEST_CASE("a segment is written byte for byte as its golden file, and that is read") {
  FixedBytes<16> key;
  key.data.fill(7);
  Bytes segment = encode_segment_header({Stream::routine, key, example_node()});
  append(segment, encode_frame(FrameType::carried, 0, payload(1, 20), key));
  append(segment, encode_frame(FrameType::ready, 0, encode_chain_end(std::nullopt), key));
  append(segment, encode_frame(FrameType::intent, 119, payload(2, 20), key));
  append(segment, encode_frame(FrameType::batch, 119, payload(3, 20), key));
  const std::string path = std::string(REEVE_GOLDEN_DIR) + "/journal_segment.bin";
  if (std::getenv("REEVE_GOLDEN_WRITE") != nullptr)
    std::ofstream(path, std::ios::binary) << text_of(segment);
  std::ifstream in(path, std::ios::binary);
  const Bytes golden(std::istreambuf_iterator<char>(in), {});
  CHECK(hex(golden) == hex(segment));

  Written written;
  written.replace(golden);
  const ReadBack back = read_back(written);
  REQUIRE(back.frames.size() == 4);
  CHECK(back.frames[0].type == FrameType::carried);
  CHECK(back.frames[3].type == FrameType::batch);
  CHECK(back.frames[3].synced == 119);
  CHECK(decode_segment_header(golden)->stream == Stream::routine);
}
