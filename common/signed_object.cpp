// Signed object: "RVSO", u8 version, u8 type, u16 signature count, u32 payload length, then for
// each signature 32 bytes of key hash and 64 of Ed25519 signature, then the payload. Big-endian.
#include "common/signed_object.h"

#include <algorithm>
#include <limits>

#include "common/limits.h"

namespace reeve {

namespace {

constexpr std::string_view object_magic = "RVSO";
constexpr std::uint8_t object_version = 1;
constexpr std::string_view signing_context = "reeve/1";  // no signature means anything elsewhere
constexpr std::size_t signature_bytes = KeyHash::size() + SignatureBytes::size();

Error malformed_object(std::string_view problem) {
  return Error{"malformed", "signed object: " + std::string(problem)};
}

struct Frame {
  std::uint8_t type = 0;
  std::uint16_t signatures = 0;
  std::uint32_t payload_bytes = 0;

  std::size_t size() const {
    return signed_object_header_bytes + signatures * signature_bytes + payload_bytes;
  }
};

Result<Frame> read_frame(ByteView bytes) {
  ByteReader reader(bytes);
  if (text_of(reader.take(object_magic.size())) != object_magic) {
    return malformed_object("does not begin with RVSO");
  }
  std::uint8_t version = reader.u8();
  Frame frame;
  frame.type = reader.u8();
  frame.signatures = reader.u16();
  frame.payload_bytes = reader.u32();
  if (!reader.ok()) return malformed_object("is cut short");
  if (version != object_version) return malformed_object("is of another version");
  if (frame.signatures > limits::signatures_max) return malformed_object("has too many signatures");
  if (bytes.size() < frame.size()) return malformed_object("is cut short");
  return frame;
}

Bytes signed_bytes(ObjectType type, ByteView payload) {
  Bytes out = bytes_of(signing_context);
  out.reserve(out.size() + 1 + payload.size());
  out.push_back(static_cast<std::uint8_t>(type));
  append(out, payload);
  return out;
}

bool signed_twice(std::span<const Signature> signatures) {
  for (std::size_t i = 0; i < signatures.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (signatures[i].key == signatures[j].key) return true;
    }
  }
  return false;
}

}  // namespace

Bytes encode_signed_object(const SignedObject& object) {
  REEVE_ASSERT(object.signatures.size() <= limits::signatures_max);
  REEVE_ASSERT(object.payload.size() <= std::numeric_limits<std::uint32_t>::max());
  Bytes out = bytes_of(object_magic);
  out.reserve(signed_object_header_bytes + object.signatures.size() * signature_bytes +
              object.payload.size());
  out.push_back(object_version);
  out.push_back(static_cast<std::uint8_t>(object.type));
  append_u16(out, static_cast<std::uint16_t>(object.signatures.size()));
  append_u32(out, static_cast<std::uint32_t>(object.payload.size()));
  for (const Signature& signature : object.signatures) {
    append(out, signature.key.view());
    append(out, signature.bytes.view());
  }
  append(out, object.payload);
  return out;
}

Signature sign_payload(ObjectType type, ByteView payload, const SigningKey& key) {
  return Signature{key.hash(), key.sign(signed_bytes(type, payload))};
}

Bytes seal_object(ObjectType type, Bytes payload, std::span<const SigningKey* const> keys) {
  SignedObject object{type, {}, std::move(payload)};
  for (const SigningKey* key : keys) {
    object.signatures.push_back(sign_payload(type, object.payload, *key));
  }
  return encode_signed_object(object);
}

Bytes seal_object(ObjectType type, Bytes payload, const SigningKey& key) {
  const std::array<const SigningKey*, 1> keys{&key};
  return seal_object(type, std::move(payload), keys);
}

Result<std::size_t> signed_object_size(ByteView bytes) {
  auto frame = read_frame(bytes);
  if (!frame) return frame.error();
  return frame->size();
}

Result<SignedObject> parse_signed_object(ByteView bytes, ObjectType type) {
  auto frame = read_frame(bytes);
  if (!frame) return frame.error();
  if (bytes.size() != frame->size()) return malformed_object("has trailing bytes");
  if (frame->type != static_cast<std::uint8_t>(type)) {
    return Error{"wrong_type", "signed object: is of another type than the one asked for"};
  }
  ByteReader reader(bytes.subspan(signed_object_header_bytes));
  SignedObject object{type, {}, {}};
  for (std::size_t i = 0; i < frame->signatures; ++i) {
    auto key = reader.take_fixed<KeyHash::size()>();
    object.signatures.push_back({key, reader.take_fixed<SignatureBytes::size()>()});
  }
  auto payload = reader.take(frame->payload_bytes);
  REEVE_ASSERT(reader.ok() && reader.at_end());
  object.payload.assign(payload.begin(), payload.end());
  return object;
}

Result<std::size_t> count_signatures(const SignedObject& object, std::span<const PublicKey> keys) {
  if (signed_twice(object.signatures)) {
    return Error{"bad_signature", "signed object: one key has signed twice"};
  }
  Bytes message = signed_bytes(object.type, object.payload);
  std::size_t count = 0;
  for (const Signature& signature : object.signatures) {
    auto key = std::ranges::find_if(
        keys, [&](const PublicKey& known) { return key_hash(known) == signature.key; });
    if (key == keys.end()) continue;
    if (!signature_holds(message, signature.bytes, *key)) {
      return Error{"bad_signature", "signed object: the signature of " + hex(signature.key.view()) +
                                        " does not hold"};
    }
    ++count;
  }
  return count;
}

Status require_signatures(const SignedObject& object, std::span<const PublicKey> keys,
                          std::size_t threshold) {
  REEVE_ASSERT(threshold > 0);
  auto count = count_signatures(object, keys);
  if (!count) return count.error();
  if (*count < threshold) {
    return Error{"too_few_signatures", "signed object: " + std::to_string(*count) +
                                           " of the keys asked for have signed, " +
                                           std::to_string(threshold) + " are needed"};
  }
  return {};
}

}  // namespace reeve
