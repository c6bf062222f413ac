#include "common/passphrase.h"

#include <doctest/doctest.h>

#include "common/limits.h"
#include "tests/golden.h"
#include "tests/mutations.h"

namespace reeve {
namespace {

FixedBytes<32> filled(std::uint8_t byte) {
  FixedBytes<32> out;
  out.data.fill(byte);
  return out;
}

// As little work as a file may ask for: what is tested is the format.
KeyProtection light() {
  KeyProtection out;
  out.passes = 1;
  out.memory_bytes = limits::key_memory_bytes_min;
  out.salt.data.fill(0x51);
  out.nonce.data.fill(0x52);
  return out;
}

Bytes protected_file() {
  const auto key = SigningKey::from_seed(filled(1));
  return *encode_key_file(KeyKind::ed25519, key.public_key(), key.seed(), Passphrase("correct"),
                          light());
}

Bytes with_number(std::size_t at, std::uint64_t number, std::size_t width) {
  Bytes bytes = protected_file();
  for (std::size_t i = 0; i < width; ++i)
    bytes[at + i] = static_cast<std::uint8_t>(number >> 8 * (width - 1 - i));
  return bytes;
}

std::string error_of(ByteView bytes) {
  auto key = decode_key_file(bytes, Passphrase("correct"));
  return key.ok() ? "accepted" : key.error().name;
}

constexpr std::size_t passes_at = 39;
constexpr std::size_t memory_at = 43;

TEST_CASE("a key under a passphrase is its golden bytes and opens with that passphrase only") {
  check_golden("key_file_protected.bin", protected_file());
  const Bytes file = golden("key_file_protected.bin");
  auto key = decode_key_file(file, Passphrase("correct"));
  REQUIRE(key.ok());
  CHECK(key->secret.bytes() == filled(1));
  CHECK(decode_key_file(file, Passphrase("Correct")).error().name == "wrong_passphrase");
  CHECK(decode_key_file(file, Passphrase("")).error().name == "wrong_passphrase");
  CHECK(decode_key_file(file).error().name == "key_protected");
}

TEST_CASE(
    "the public half is read without the passphrase, and the secret half is not in the file") {
  const Bytes file = protected_file();
  auto head = decode_key_file_head(file);
  REQUIRE(head.ok());
  CHECK(head->is_protected);
  CHECK(head->public_key == SigningKey::from_seed(filled(1)).public_key());
  const Bytes secret(32, 1);
  CHECK(text_of(file).find(text_of(secret)) == std::string_view::npos);
}

TEST_CASE("two files of one passphrase have nothing in common but the key") {
  const KeyProtection one = fresh_protection();
  const KeyProtection two = fresh_protection();
  CHECK(one.salt != two.salt);
  CHECK(one.nonce != two.nonce);
  CHECK(one.passes <= limits::key_passes_max);
  CHECK(one.memory_bytes <= limits::key_memory_bytes_max);
}

TEST_CASE("a file without a passphrase is read whatever passphrase is given") {
  const auto key = SigningKey::from_seed(filled(1));
  const Bytes plain = encode_key_file(KeyKind::ed25519, key.public_key(), key.seed());
  CHECK(decode_key_file(plain, Passphrase("any")).ok());
}

TEST_CASE("a hostile file cannot ask for more work than its bounds, nor for none") {
  CHECK(error_of(with_number(passes_at, limits::key_passes_max + 1, 4)) == "limit_exceeded");
  CHECK(error_of(with_number(passes_at, ~std::uint32_t{0}, 4)) == "limit_exceeded");
  CHECK(error_of(with_number(passes_at, 0, 4)) == "malformed_key");
  CHECK(error_of(with_number(memory_at, limits::key_memory_bytes_max + 1, 8)) == "limit_exceeded");
  CHECK(error_of(with_number(memory_at, ~std::uint64_t{0}, 8)) == "limit_exceeded");
  CHECK(error_of(with_number(memory_at, limits::key_memory_bytes_min - 1, 8)) == "malformed_key");
}

TEST_CASE("no damage to a protected key file opens") {
  const Bytes whole = protected_file();
  for_each_truncation(whole, [](ByteView bytes) { CHECK(error_of(bytes) == "malformed_key"); });
  // Higher bits of the two figures of work ask for more than this test has time for.
  for (std::size_t i = 0; i < whole.size(); ++i) {
    if (i >= passes_at && i < memory_at + 8) continue;
    Bytes bytes = whole;
    bytes[i] ^= 0x10;
    CAPTURE(i);
    CHECK_FALSE(decode_key_file(bytes, Passphrase("correct")).ok());
  }
  Bytes longer = whole;
  longer.push_back(0);
  CHECK(error_of(longer) == "malformed_key");
}

TEST_CASE("a passphrase that was moved from is wiped") {
  Passphrase one("secret");
  const Passphrase two(std::move(one));
  CHECK(one.empty());  // NOLINT(bugprone-use-after-move): that is what is promised
  CHECK_FALSE(two.empty());
}

}  // namespace
}  // namespace reeve
