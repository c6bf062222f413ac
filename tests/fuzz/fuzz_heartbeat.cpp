// Heartbeats: what is read is written again as the same.
#include "common/record.h"
#include "tests/fuzz/fuzz.h"

using namespace reeve;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto heartbeat = decode_heartbeat({data, size});
  if (!heartbeat) return 0;
  auto back = decode_heartbeat(encode_heartbeat(*heartbeat));
  REEVE_ASSERT(back.ok() && *back == *heartbeat);
  return 0;
}
