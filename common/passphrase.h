// Key files under a passphrase (docs/formats.md, "Key file"): the secret half is sealed under a key
// that Argon2id makes of the passphrase, the public half stays readable. How much work that takes
// stands in the file and is bounded when it is read, since a file may come from anybody.
#pragma once

#include <string>

#include "common/seal.h"

namespace reeve {

// Bytes that somebody typed; wiped on destruction and when moved from.
class Passphrase {
 public:
  explicit Passphrase(std::string text) : text_(std::move(text)) {}
  Passphrase(Passphrase&& other) noexcept : text_(other.text_) { other.wipe(); }
  Passphrase& operator=(Passphrase&& other) noexcept;
  Passphrase(const Passphrase&) = delete;
  Passphrase& operator=(const Passphrase&) = delete;
  ~Passphrase() { wipe(); }

  ByteView bytes() const { return view_of(text_); }
  bool empty() const { return text_.empty(); }
  bool operator==(const Passphrase&) const = default;

 private:
  void wipe();
  std::string text_;
};

// What Argon2id is asked for, and what makes two files of one passphrase differ.
struct KeyProtection {
  std::uint32_t passes = 3;                  // RFC 9106 section 4, its second recommended option
  std::uint64_t memory_bytes = 64ull << 20;  // in one lane
  FixedBytes<16> salt;
  FixedBytes<24> nonce;
};
KeyProtection fresh_protection();

// Error `crypto_unavailable` where the memory cannot be had.
Result<Bytes> encode_key_file(KeyKind kind, const FixedBytes<32>& public_key, const Secret& secret,
                              const Passphrase& passphrase, const KeyProtection& protection);

// Reads files with and without a passphrase. Errors: those of decode_key_file(ByteView) but for
// `key_protected`, `wrong_passphrase` (or a damaged file: nobody can tell), `limit_exceeded` where
// a file asks for more work than limits::key_passes_max and limits::key_memory_bytes_max,
// `crypto_unavailable`.
Result<KeyFile> decode_key_file(ByteView bytes, const Passphrase& passphrase);

// What can be read of any key file without its passphrase; nothing of it has been verified.
struct KeyFileHead {
  KeyKind kind{};
  FixedBytes<32> public_key;
  bool is_protected = false;
};
Result<KeyFileHead> decode_key_file_head(ByteView bytes);

// The gate's half (seal_passphrase.cpp). Error `crypto_unavailable`.
Result<Secret> key_of_passphrase(const Passphrase& passphrase, const KeyProtection& protection);
// XChaCha20-Poly1305 with `context` authenticated beside it; 16 bytes longer than the secret.
Bytes lock_secret(const Secret& secret, const Secret& key, const FixedBytes<24>& nonce,
                  ByteView context);
std::optional<Secret> unlock_secret(ByteView locked, const Secret& key, const FixedBytes<24>& nonce,
                                    ByteView context);

}  // namespace reeve
