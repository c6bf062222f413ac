// Key file: "RVKY", u8 version, u8 kind, u8 protection, 32 public bytes, then the secret. Kind 1 is
// Ed25519 (the secret is the seed), kind 2 is X25519. Protection 0 is none: 32 secret bytes.
// Protection 1 is a passphrase: u32 passes, u64 memory in bytes, salt[16], nonce[24], then 48 bytes
// of XChaCha20-Poly1305 over the secret, with everything before them authenticated as well.
#include "common/limits.h"
#include "common/passphrase.h"

namespace reeve {

namespace {

constexpr std::string_view key_file_magic = "RVKY";
constexpr std::uint8_t key_file_version = 1;
constexpr std::uint8_t protection_none = 0;
constexpr std::uint8_t protection_passphrase = 1;
constexpr std::size_t locked_bytes = 48;

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

Bytes head_bytes(KeyKind kind, std::uint8_t protection, const FixedBytes<32>& public_key) {
  Bytes out = bytes_of(key_file_magic);
  // The largest there is: a secret must not be left behind in a buffer that had to grow.
  out.reserve(out.size() + 3 + 32 + 4 + 8 + 16 + 24 + locked_bytes);
  out.push_back(key_file_version);
  out.push_back(static_cast<std::uint8_t>(kind));
  out.push_back(protection);
  append(out, public_key.view());
  return out;
}

Result<KeyFileHead> read_head(ByteReader& reader) {
  if (text_of(reader.take(key_file_magic.size())) != key_file_magic) {
    return malformed_key("does not begin with RVKY");
  }
  if (reader.u8() != key_file_version) return malformed_key("is of another version");
  auto kind = key_kind(reader.u8());
  std::uint8_t protection = reader.u8();
  if (!reader.ok() || !kind) return malformed_key("is of an unknown kind");
  if (protection > protection_passphrase) return malformed_key("has an unknown protection");
  KeyFileHead head{*kind, reader.take_fixed<32>(), protection == protection_passphrase};
  if (!reader.ok()) return malformed_key("has the wrong length");
  return head;
}

Result<KeyFile> finish(const KeyFileHead& head, Secret secret) {
  if (public_half(head.kind, secret) != head.public_key) {
    return Error{"key_mismatch", "key file: the secret does not belong to the public key"};
  }
  return KeyFile{head.kind, head.public_key, std::move(secret)};
}

Result<KeyFile> open_plain(const KeyFileHead& head, ByteReader& reader) {
  Secret secret(reader.take_fixed<32>());
  if (!reader.ok() || !reader.at_end()) return malformed_key("has the wrong length");
  return finish(head, std::move(secret));
}

// The bounds come before the work: a hostile file must not make us spend memory or hours.
Result<KeyFile> open_locked(const KeyFileHead& head, ByteView bytes, ByteReader& reader,
                            const Passphrase& passphrase) {
  KeyProtection protection;
  protection.passes = reader.u32();
  protection.memory_bytes = reader.u64();
  protection.salt = reader.take_fixed<16>();
  protection.nonce = reader.take_fixed<24>();
  ByteView locked = reader.take(locked_bytes);
  if (!reader.ok() || !reader.at_end()) return malformed_key("has the wrong length");
  if (protection.passes == 0 || protection.memory_bytes < limits::key_memory_bytes_min) {
    return malformed_key("asks for less work than a passphrase takes");
  }
  if (protection.passes > limits::key_passes_max ||
      protection.memory_bytes > limits::key_memory_bytes_max) {
    return Error{"limit_exceeded", "key file: asks for more work than a passphrase may take"};
  }
  auto key = key_of_passphrase(passphrase, protection);
  if (!key.ok()) return key.error();
  auto secret =
      unlock_secret(locked, *key, protection.nonce, bytes.first(bytes.size() - locked_bytes));
  if (secret) return finish(head, std::move(*secret));
  return Error{"wrong_passphrase", "key file: the passphrase does not open it",
               "type it again; if you are sure of it, the file is damaged: take its backup"};
}

}  // namespace

Bytes encode_key_file(KeyKind kind, const FixedBytes<32>& public_key, const Secret& secret) {
  Bytes out = head_bytes(kind, protection_none, public_key);
  append(out, secret.bytes().view());
  return out;
}

Result<Bytes> encode_key_file(KeyKind kind, const FixedBytes<32>& public_key, const Secret& secret,
                              const Passphrase& passphrase, const KeyProtection& protection) {
  auto key = key_of_passphrase(passphrase, protection);
  if (!key.ok()) return key.error();
  Bytes out = head_bytes(kind, protection_passphrase, public_key);
  append_u32(out, protection.passes);
  append_u64(out, protection.memory_bytes);
  append(out, protection.salt.view());
  append(out, protection.nonce.view());
  const Bytes locked = lock_secret(secret, *key, protection.nonce, out);
  append(out, locked);
  return out;
}

Result<KeyFileHead> decode_key_file_head(ByteView bytes) {
  ByteReader reader(bytes);
  return read_head(reader);
}

Result<KeyFile> decode_key_file(ByteView bytes) {
  ByteReader reader(bytes);
  auto head = read_head(reader);
  if (!head.ok()) return head.error();
  if (!head->is_protected) return open_plain(*head, reader);
  return Error{"key_protected", "key file: is sealed under a passphrase",
               "give its passphrase, or a key without one"};
}

Result<KeyFile> decode_key_file(ByteView bytes, const Passphrase& passphrase) {
  ByteReader reader(bytes);
  auto head = read_head(reader);
  if (!head.ok()) return head.error();
  return head->is_protected ? open_locked(*head, bytes, reader, passphrase)
                            : open_plain(*head, reader);
}

}  // namespace reeve
