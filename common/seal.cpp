#include "common/seal.h"

#include <sodium.h>

namespace reeve {

namespace {

// libsodium's form of an Ed25519 secret key is seed and public key together; it lives only as long
// as one call and is wiped after it.
struct SodiumKey {
  std::array<unsigned char, crypto_sign_SECRETKEYBYTES> bytes{};
  SodiumKey() = default;
  SodiumKey(const SodiumKey&) = delete;
  SodiumKey& operator=(const SodiumKey&) = delete;
  ~SodiumKey() { sodium_memzero(bytes.data(), bytes.size()); }
};

}  // namespace

Status init_crypto() {
  if (sodium_init() < 0) {
    return Error{"crypto_unavailable", "libsodium found no source of randomness it can use"};
  }
  return {};
}

void fill_random(std::span<std::uint8_t> out) { randombytes_buf(out.data(), out.size()); }

Digest sha256(std::initializer_list<ByteView> parts) {
  static_assert(crypto_hash_sha256_BYTES == Digest::size());
  crypto_hash_sha256_state state;
  crypto_hash_sha256_init(&state);
  for (ByteView part : parts) crypto_hash_sha256_update(&state, part.data(), part.size());
  Digest out;
  crypto_hash_sha256_final(&state, out.data.data());
  return out;
}

Result<Digest> sha256_of(const std::function<Result<ByteView>()>& next) {
  crypto_hash_sha256_state state;
  crypto_hash_sha256_init(&state);
  for (;;) {
    auto part = next();
    if (!part.ok()) return part.error();
    if (part->empty()) break;
    crypto_hash_sha256_update(&state, part->data(), part->size());
  }
  Digest out;
  crypto_hash_sha256_final(&state, out.data.data());
  return out;
}

std::string base64(ByteView bytes) {
  constexpr int variant = sodium_base64_VARIANT_ORIGINAL;
  std::string out(sodium_base64_encoded_len(bytes.size(), variant), '\0');
  sodium_bin2base64(out.data(), out.size(), bytes.data(), bytes.size(), variant);
  out.pop_back();  // libsodium ends it with a NUL
  return out;
}

std::optional<Bytes> from_base64(std::string_view text) {
  Bytes out(text.size() / 4 * 3 + 3);
  std::size_t size = 0;
  const char* end = nullptr;
  const int failed = sodium_base642bin(out.data(), out.size(), text.data(), text.size(), nullptr,
                                       &size, &end, sodium_base64_VARIANT_ORIGINAL);
  if (failed != 0 || end != text.data() + text.size()) return std::nullopt;
  out.resize(size);
  // libsodium takes some bytes beyond ASCII for digits.
  if (base64(out) != text) return std::nullopt;
  return out;
}

std::uint64_t checksum(ByteView bytes, const FixedBytes<16>& key) {
  static_assert(crypto_shorthash_KEYBYTES == 16 && crypto_shorthash_BYTES == 8);
  std::array<std::uint8_t, crypto_shorthash_BYTES> hash{};
  crypto_shorthash(hash.data(), bytes.data(), bytes.size(), key.data.data());
  // SipHash defines its result as a number whose bytes are written lowest first.
  std::uint64_t out = 0;
  for (std::size_t i = hash.size(); i > 0; --i) out = out << 8 | hash[i - 1];
  return out;
}

KeyHash key_hash(const PublicKey& key) { return sha256(key.view()); }

Secret::Secret(Secret&& other) noexcept : bytes_(other.bytes_) {
  sodium_memzero(other.bytes_.data.data(), other.bytes_.size());
}

Secret& Secret::operator=(Secret&& other) noexcept {
  if (this == &other) return *this;
  bytes_ = other.bytes_;
  sodium_memzero(other.bytes_.data.data(), other.bytes_.size());
  return *this;
}

Secret::~Secret() { sodium_memzero(bytes_.data.data(), bytes_.size()); }

SigningKey SigningKey::generate() {
  Secret seed(random_bytes<32>());
  return from_seed(seed.bytes());
}

SigningKey SigningKey::from_seed(const FixedBytes<32>& seed) {
  static_assert(crypto_sign_SEEDBYTES == 32 && crypto_sign_PUBLICKEYBYTES == 32);
  PublicKey public_key;
  SodiumKey secret;
  REEVE_ASSERT(
      crypto_sign_seed_keypair(public_key.data.data(), secret.bytes.data(), seed.data.data()) == 0);
  return SigningKey(Secret(seed), public_key);
}

SignatureBytes SigningKey::sign(ByteView message) const {
  static_assert(crypto_sign_BYTES == SignatureBytes::size());
  SodiumKey secret;
  PublicKey public_key;
  REEVE_ASSERT(crypto_sign_seed_keypair(public_key.data.data(), secret.bytes.data(),
                                        seed_.bytes().data.data()) == 0);
  SignatureBytes out;
  REEVE_ASSERT(crypto_sign_detached(out.data.data(), nullptr, message.data(), message.size(),
                                    secret.bytes.data()) == 0);
  return out;
}

bool signature_holds(ByteView message, const SignatureBytes& signature, const PublicKey& key) {
  return crypto_sign_verify_detached(signature.data.data(), message.data(), message.size(),
                                     key.data.data()) == 0;
}

TransportKeyPair generate_transport_keys() {
  Secret secret(random_bytes<32>());
  TransportKey public_key = transport_public_key(secret);
  return TransportKeyPair{public_key, std::move(secret)};
}

TransportKey transport_public_key(const Secret& secret) {
  static_assert(crypto_scalarmult_BYTES == 32 && crypto_scalarmult_SCALARBYTES == 32);
  TransportKey out;
  REEVE_ASSERT(crypto_scalarmult_base(out.data.data(), secret.bytes().data.data()) == 0);
  return out;
}

}  // namespace reeve
