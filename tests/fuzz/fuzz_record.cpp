// Records and, where they are receipts or contentions, what those say.
#include "common/limits.h"
#include "common/record.h"
#include "tests/fuzz/fuzz.h"

using namespace reeve;

namespace {

void encode_again(const Record& record, const Contention& contention) {
  auto back = decode_record(encode_contention(contention, record.sealed));
  REEVE_ASSERT(back.ok() && back->sealed == record.sealed);
  REEVE_ASSERT(decode_contention(*back).ok());
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto record = decode_record({data, size});
  if (!record) return 0;
  if (auto contention = decode_contention(*record); contention.ok())
    encode_again(*record, *contention);
  auto receipt = decode_receipt(*record);
  if (!receipt) return 0;
  Bytes again = encode_receipt(*receipt, record->sealed);
  REEVE_ASSERT(again.size() <= limits::record_bytes_max);
  auto back = decode_record(again);
  REEVE_ASSERT(back.ok() && back->sealed == record->sealed);
  REEVE_ASSERT(decode_receipt(*back).ok());
  return 0;
}
