// Signed objects (docs/formats.md): magic "RVSO", version, type, signature count, payload length,
// then count times (key hash, Ed25519 signature), then the payload. A signature covers "reeve/1",
// the type byte and the payload bytes as sent. Nothing of the payload is decoded here.
#pragma once

#include "common/seal.h"

namespace reeve {

enum class ObjectType : std::uint8_t {
  root = 1,
  manifest = 2,
  node_certificate = 3,
  batch_header = 4,
  heartbeat = 5,
  tick = 6,
  operator_act = 7,
  operator_request = 8,
  enrollment_token = 9,
  key_succession = 10,
  node_enrollment = 11,
  transport_key = 12,
  witness_set = 13,
  cosigner_key = 14,
  ledger_recovery = 15,
};

struct Signature {
  KeyHash key;
  SignatureBytes bytes;
  bool operator==(const Signature&) const = default;
};

struct SignedObject {
  ObjectType type{};
  std::vector<Signature> signatures;
  Bytes payload;
  bool operator==(const SignedObject&) const = default;
};

inline constexpr std::size_t signed_object_header_bytes = 12;

Bytes encode_signed_object(const SignedObject& object);
Signature sign_payload(ObjectType type, ByteView payload, const SigningKey& key);
Bytes seal_object(ObjectType type, Bytes payload, std::span<const SigningKey* const> keys);
Bytes seal_object(ObjectType type, Bytes payload, const SigningKey& key);

// The size of the signed object that bytes begins with. Error `malformed`, also for one cut short.
Result<std::size_t> signed_object_size(ByteView bytes);
// Exactly one object of the wanted type. Errors: `malformed`, `wrong_type`.
Result<SignedObject> parse_signed_object(ByteView bytes, ObjectType type);

// How many *different* keys of `keys` signed. Error `bad_signature` when a signature by one of them
// does not hold or a key signed twice; signatures by other keys are not counted and not trusted.
Result<std::size_t> count_signatures(const SignedObject& object, std::span<const PublicKey> keys);
// Errors: `bad_signature`, `too_few_signatures`.
Status require_signatures(const SignedObject& object, std::span<const PublicKey> keys,
                          std::size_t threshold);

}  // namespace reeve
