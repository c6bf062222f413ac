// Batch headers, batches as they come, and batches whose header is whatever the bytes say.
#include "common/batch.h"
#include "common/limits.h"
#include "tests/fuzz/fuzz.h"

using namespace reeve;

namespace {

void try_header(ByteView bytes) {
  auto header = decode_batch_header(bytes);
  if (!header) return;
  REEVE_ASSERT(header->count >= 1 && header->count <= limits::batch_records_max);
  auto back = decode_batch_header(encode_batch_header(*header));
  REEVE_ASSERT(back.ok() && *back == *header);
}

void try_batch(ByteView bytes) {
  auto batch = read_own_batch(bytes);
  if (!batch) return;
  REEVE_ASSERT(batch->records.size() == batch->header.count);
  Bytes again = encode_batch(*batch);
  REEVE_ASSERT(ByteView(again).size() == bytes.size());
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ByteView bytes(data, size);
  try_header(bytes);
  try_batch(bytes);
  // A frame of ours before the same bytes, so that header and bodies are reached without luck.
  std::size_t payload = size > 0 ? data[0] * std::size_t{2} : 0;
  if (payload >= size) return 0;
  Bytes framed = encode_signed_object(
      {ObjectType::batch_header, {Signature{}}, Bytes(data + 1, data + 1 + payload)});
  append(framed, bytes.subspan(1 + payload));
  try_batch(framed);
  return 0;
}
