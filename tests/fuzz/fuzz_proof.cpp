// Proof files: what is read is written again as the same, and judging one, by its own first root so
// that this goes deep, ends whatever it holds.
#include "common/proof/proof_check.h"
#include "tests/fuzz/fuzz.h"

using namespace reeve;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView bytes(data, size);
  const auto file = decode_proof(bytes);
  if (!file.ok()) return 0;
  const Bytes again = encode_proof(*file);
  REEVE_ASSERT(std::equal(again.begin(), again.end(), bytes.begin(), bytes.end()));
  const auto root = verify_first_root(file->roots.front());
  if (root.ok()) static_cast<void>(verify_proof(bytes, {&*root, 1}));
  return 0;
}
