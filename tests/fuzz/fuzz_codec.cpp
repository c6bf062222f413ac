// The decoding gate: whatever is read is written again as something that reads as the same.
#include "common/codec.h"
#include "common/limits.h"
#include "tests/fuzz/fuzz.h"

using namespace reeve;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto value = decode(ByteView(data, size));
  if (!value) return 0;
  REEVE_ASSERT(size <= limits::message_bytes_max);
  Bytes again = encode(*value);
  REEVE_ASSERT(again.size() <= size);  // ours is the shortest form
  auto back = decode(again);
  REEVE_ASSERT(back.ok() && *back == *value);
  return 0;
}
