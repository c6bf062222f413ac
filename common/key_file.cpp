// Key file: "RVKY", u8 version, u8 kind, u8 protection, 32 public bytes, 32 secret bytes. Kind 1 is
// Ed25519 (the secret is the seed), kind 2 is X25519. Protection 0 is none; 1 is kept for files
// that are sealed under a passphrase.
#include "common/seal.h"

namespace reeve {

namespace {

constexpr std::string_view key_file_magic = "RVKY";
constexpr std::uint8_t key_file_version = 1;
constexpr std::uint8_t protection_none = 0;
constexpr std::uint8_t protection_passphrase = 1;

Error malformed_key(std::string_view problem) {
  return Error{"malformed_key", "key file: " + std::string(problem)};
}

std::optional<KeyKind> key_kind(std::uint8_t code) {
  if (code == static_cast<std::uint8_t>(KeyKind::ed25519)) return KeyKind::ed25519;
  if (code == static_cast<std::uint8_t>(KeyKind::x25519)) return KeyKind::x25519;
  return std::nullopt;
}

FixedBytes<32> public_half(KeyKind kind, const Secret& secret) {
  if (kind == KeyKind::x25519) return transport_public_key(secret);
  return SigningKey::from_seed(secret.bytes()).public_key();
}

}  // namespace

Bytes encode_key_file(KeyKind kind, const FixedBytes<32>& public_key, const Secret& secret) {
  Bytes out = bytes_of(key_file_magic);
  out.reserve(out.size() + 3 + public_key.size() + secret.bytes().size());
  out.push_back(key_file_version);
  out.push_back(static_cast<std::uint8_t>(kind));
  out.push_back(protection_none);
  append(out, public_key.view());
  append(out, secret.bytes().view());
  return out;
}

Result<KeyFile> decode_key_file(ByteView bytes) {
  ByteReader reader(bytes);
  if (text_of(reader.take(key_file_magic.size())) != key_file_magic) {
    return malformed_key("does not begin with RVKY");
  }
  if (reader.u8() != key_file_version) return malformed_key("is of another version");
  auto kind = key_kind(reader.u8());
  std::uint8_t protection = reader.u8();
  if (!reader.ok() || !kind) return malformed_key("is of an unknown kind");
  if (protection == protection_passphrase) {
    return Error{"key_protected", "key file: is sealed under a passphrase",
                 "give the key without its passphrase"};
  }
  if (protection != protection_none) return malformed_key("has an unknown protection");
  auto public_key = reader.take_fixed<32>();
  Secret secret(reader.take_fixed<32>());
  if (!reader.ok() || !reader.at_end()) return malformed_key("has the wrong length");
  if (public_half(*kind, secret) != public_key) {
    return Error{"key_mismatch", "key file: the secret does not belong to the public key"};
  }
  return KeyFile{*kind, public_key, std::move(secret)};
}

}  // namespace reeve
