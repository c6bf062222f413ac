// Records and, where they are receipts, what a receipt says.
#include "common/limits.h"
#include "common/record.h"
#include "tests/fuzz/fuzz.h"

using namespace reeve;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto record = decode_record({data, size});
  if (!record) return 0;
  auto receipt = decode_receipt(*record);
  if (!receipt) return 0;
  Bytes again = encode_receipt(*receipt, record->sealed);
  REEVE_ASSERT(again.size() <= limits::record_bytes_max);
  auto back = decode_record(again);
  REEVE_ASSERT(back.ok() && back->sealed == record->sealed);
  REEVE_ASSERT(decode_receipt(*back).ok());
  return 0;
}
