// The second half of the gate to libsodium: what a passphrase protects.
#include <sodium.h>

#include "common/passphrase.h"

namespace reeve {

Passphrase& Passphrase::operator=(Passphrase&& other) noexcept {
  if (this == &other) return *this;
  wipe();
  text_ = other.text_;
  other.wipe();
  return *this;
}

void Passphrase::wipe() {
  sodium_memzero(text_.data(), text_.size());
  text_.clear();
}

KeyProtection fresh_protection() {
  KeyProtection out;
  out.salt = random_bytes<16>();
  out.nonce = random_bytes<24>();
  return out;
}

Result<Secret> key_of_passphrase(const Passphrase& passphrase, const KeyProtection& protection) {
  static_assert(crypto_pwhash_argon2id_SALTBYTES == 16);
  FixedBytes<32> key;
  const ByteView typed = passphrase.bytes();
  const int done = crypto_pwhash_argon2id(
      key.data.data(), key.data.size(), reinterpret_cast<const char*>(typed.data()), typed.size(),
      protection.salt.data.data(), protection.passes, protection.memory_bytes,
      crypto_pwhash_argon2id_ALG_ARGON2ID13);
  Secret out(key);
  sodium_memzero(key.data.data(), key.data.size());
  if (done == 0) return out;
  return Error{"crypto_unavailable",
               "a passphrase needs " + std::to_string(protection.memory_bytes >> 20) +
                   " MiB of memory that cannot be had",
               "free some memory, then try again"};
}

Bytes lock_secret(const Secret& secret, const Secret& key, const FixedBytes<24>& nonce,
                  ByteView context) {
  static_assert(crypto_aead_xchacha20poly1305_ietf_NPUBBYTES == 24);
  Bytes out(32 + crypto_aead_xchacha20poly1305_ietf_ABYTES);
  unsigned long long length = 0;
  crypto_aead_xchacha20poly1305_ietf_encrypt(out.data(), &length, secret.bytes().data.data(), 32,
                                             context.data(), context.size(), nullptr,
                                             nonce.data.data(), key.bytes().data.data());
  return out;
}

std::optional<Secret> unlock_secret(ByteView locked, const Secret& key, const FixedBytes<24>& nonce,
                                    ByteView context) {
  if (locked.size() != 32 + crypto_aead_xchacha20poly1305_ietf_ABYTES) return std::nullopt;
  FixedBytes<32> plain;
  unsigned long long length = 0;
  const int done = crypto_aead_xchacha20poly1305_ietf_decrypt(
      plain.data.data(), &length, nullptr, locked.data(), locked.size(), context.data(),
      context.size(), nonce.data.data(), key.bytes().data.data());
  if (done != 0) return std::nullopt;
  Secret out(plain);
  sodium_memzero(plain.data.data(), plain.data.size());
  return out;
}

}  // namespace reeve
