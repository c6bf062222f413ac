// Journals: a segment as the disk gives it, and one of ours around the same bytes as frames, so
// that checksums hold and what is behind them is reached. A start reads both to their end.
#include "agent/agent_limits.h"
#include "agent/journal_format.h"
#include "agent/recovery.h"
#include "tests/fakes/crash_disk.h"
#include "tests/fuzz/fuzz.h"

using namespace reeve;

namespace {

void try_segment(ByteView bytes) {
  CrashDisk disk;
  REEVE_ASSERT(disk.make_directory("journal").ok());
  auto file = disk.open(segment_name(Stream::urgent, 1));
  REEVE_ASSERT(file.ok() && (*file)->append(bytes).ok());
  const auto recovered = recover_journal(disk, Stream::urgent);
  REEVE_ASSERT(recovered.ok());
  std::uint64_t lost = recovered->torn_bytes;
  for (const JournalDamage& damage : recovered->damage) lost += damage.bytes;
  REEVE_ASSERT(lost <= bytes.size());
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView bytes(data, size);
  try_segment(bytes);
  if (auto end = decode_chain_end(bytes); end.ok()) {
    auto back = decode_chain_end(encode_chain_end(*end));
    REEVE_ASSERT(back.ok() && *back == *end);
  }
  if (size < 4 || size > limits::journal_frame_bytes_max) return 0;
  const SegmentHeader header{Stream::urgent, {}, {}};
  Bytes framed = encode_segment_header(header);
  const std::size_t cut = 1 + data[0] * (size - 2) / 256;  // both frames hold something
  append(framed, encode_frame(static_cast<FrameType>(data[1] % 7), framed.size(), bytes.first(cut),
                              header.key));
  append(framed, encode_frame(FrameType::ready, framed.size(), bytes.subspan(cut), header.key));
  try_segment(framed);
  return 0;
}
