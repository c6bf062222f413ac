// The one gate to libsodium: randomness, SHA-256, SipHash, Ed25519 signatures and X25519 key pairs
// (which are CURVE keys as well). Secret keys are wiped when they are destroyed. init_crypto() must
// have succeeded before anything else here is called.
#pragma once

#include <functional>

#include "common/bytes.h"
#include "common/result.h"

namespace reeve {

Status init_crypto();  // error `crypto_unavailable`

void fill_random(std::span<std::uint8_t> out);
template <std::size_t N>
FixedBytes<N> random_bytes() {
  FixedBytes<N> out;
  fill_random(out.data);
  return out;
}

// SHA-256 (FIPS 180-4) over the parts, one after another.
Digest sha256(std::initializer_list<ByteView> parts);
inline Digest sha256(ByteView bytes) { return sha256({bytes}); }
// The same over what `next` hands out until it gives nothing more; its errors are passed on.
Result<Digest> sha256_of(const std::function<Result<ByteView>()>& next);

// SipHash-2-4, 64 bits: a checksum against damage, keyed so that stale bytes do not pass.
std::uint64_t checksum(ByteView bytes, const FixedBytes<16>& key);

// Base 64 with padding (RFC 4648 section 4). Decoding takes that one spelling only: absent for
// white space, missing padding, bits that are not zero behind the end.
std::string base64(ByteView bytes);
std::optional<Bytes> from_base64(std::string_view text);

using PublicKey = FixedBytes<32>;  // Ed25519 (RFC 8032)
using SignatureBytes = FixedBytes<64>;
using TransportKey = FixedBytes<32>;  // X25519 public key, ZeroMQ CURVE

KeyHash key_hash(const PublicKey& key);  // SHA-256 of the 32 bytes

// Thirty-two secret bytes that are wiped on destruction.
class Secret {
 public:
  Secret() = default;
  explicit Secret(const FixedBytes<32>& bytes) : bytes_(bytes) {}
  Secret(Secret&& other) noexcept;
  Secret& operator=(Secret&& other) noexcept;
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret();
  const FixedBytes<32>& bytes() const { return bytes_; }

 private:
  FixedBytes<32> bytes_{};
};

// An Ed25519 key pair from its 32-byte seed.
class SigningKey {
 public:
  static SigningKey generate();
  static SigningKey from_seed(const FixedBytes<32>& seed);

  const PublicKey& public_key() const { return public_; }
  KeyHash hash() const { return key_hash(public_); }
  const Secret& seed() const { return seed_; }
  SignatureBytes sign(ByteView message) const;

 private:
  SigningKey(Secret seed, PublicKey public_key) : seed_(std::move(seed)), public_(public_key) {}
  Secret seed_;
  PublicKey public_;
};

bool signature_holds(ByteView message, const SignatureBytes& signature, const PublicKey& key);

struct TransportKeyPair {
  TransportKey public_key;
  Secret secret;
};
TransportKeyPair generate_transport_keys();
TransportKey transport_public_key(const Secret& secret);

// Key files (docs/formats.md, "Key file"): magic, version, kind, protection, public key, secret.
enum class KeyKind : std::uint8_t { ed25519 = 1, x25519 = 2 };
Bytes encode_key_file(KeyKind kind, const FixedBytes<32>& public_key, const Secret& secret);
struct KeyFile {
  KeyKind kind;
  FixedBytes<32> public_key;
  Secret secret;
};
// Errors: `malformed_key`, `key_protected` (a passphrase is needed), `key_mismatch`.
Result<KeyFile> decode_key_file(ByteView bytes);

}  // namespace reeve
