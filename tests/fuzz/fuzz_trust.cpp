// Root, manifest, certificate, contact and key files, and the signed object around them.
#include "common/key_succession.h"
#include "common/trust.h"
#include "tests/fuzz/fuzz.h"

using namespace reeve;

namespace {

template <class T>
void try_payload(ByteView bytes, Result<T> (*decode_one)(ByteView), Bytes (*encode_one)(const T&)) {
  auto value = decode_one(bytes);
  if (!value) return;
  auto back = decode_one(encode_one(*value));
  REEVE_ASSERT(back.ok() && *back == *value);
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ByteView bytes(data, size);
  try_payload<Root>(bytes, decode_root, encode_root);
  try_payload<Manifest>(bytes, decode_manifest, encode_manifest);
  try_payload<NodeCertificate>(bytes, decode_certificate, encode_certificate);
  try_payload<KeySuccession>(bytes, decode_succession, encode_succession);
  auto contact = decode_contact(text_of(bytes));
  if (contact) REEVE_ASSERT(encode_contact(*contact) == text_of(bytes));
  auto key = decode_key_file(bytes);
  if (key) REEVE_ASSERT(encode_key_file(key->kind, key->public_key, key->secret).size() == size);
  auto object = parse_signed_object(bytes, ObjectType::tick);
  if (object) REEVE_ASSERT(encode_signed_object(*object).size() == size);
  return 0;
}
