// Bundles, as they come and with their last 32 bytes made right, or nothing behind would be seen.
#include <set>

#include "common/policy.h"
#include "tests/fuzz/fuzz.h"

using namespace reeve;

namespace {

void try_bundle(ByteView bytes) {
  auto bundle = decode_bundle(bytes);
  if (!bundle) return;
  std::set<std::string> ids;
  for (const Rule& rule : bundle->rules)
    REEVE_ASSERT(is_valid_id(rule.id) && ids.insert(rule.id).second);
  auto back = decode_bundle(encode_bundle(*bundle));
  REEVE_ASSERT(back.ok() && *back == *bundle);
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try_bundle({data, size});
  if (size < Digest::size()) return 0;
  Bytes sealed(data, data + size - Digest::size());
  append(sealed, sha256(sealed).view());
  try_bundle(sealed);
  return 0;
}
