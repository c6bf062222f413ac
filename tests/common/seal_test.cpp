#include "common/seal.h"

#include <doctest/doctest.h>

#include <set>

#include "tests/mutations.h"

namespace reeve {
namespace {

template <std::size_t N>
FixedBytes<N> from_hex(std::string_view text) {
  auto bytes = unhex(text);
  REQUIRE(bytes.has_value());
  auto out = fixed<N>(*bytes);
  REQUIRE(out.has_value());
  return *out;
}

FixedBytes<32> counted(std::uint8_t first) {
  FixedBytes<32> out;
  for (auto& byte : out.data) byte = first++;
  return out;
}

TEST_CASE("SHA-256 gives the digests of FIPS 180-4's examples") {
  CHECK(hex(sha256(ByteView{}).view()) ==
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(hex(sha256(view_of("abc")).view()) ==
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(sha256({view_of("a"), ByteView{}, view_of("bc")}) == sha256(view_of("abc")));
}

TEST_CASE("the checksum is SipHash-2-4 of the reference's example") {
  FixedBytes<16> key;
  for (std::uint8_t i = 0; i < 16; ++i) key.data[i] = i;
  Bytes message;
  for (std::uint8_t i = 0; i < 15; ++i) message.push_back(i);
  CHECK(checksum(message, key) == 0xa129ca6149be45e5);
  key.data[0] = 1;
  CHECK(checksum(message, key) != 0xa129ca6149be45e5);
}

TEST_CASE("signatures are those of RFC 8032 section 7.1") {
  struct Vector {
    std::string_view seed, public_key, message, signature;
  };
  const Vector vectors[] = {
      {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
       "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
       "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf"
       "9"
       "b46bd25bf5f0595bbe24655141438e7a100b"},
      {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
       "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
       "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f"
       "1"
       "1d8c387b2eaeb4302aeeb00d291612bb0c00"},
  };
  for (const Vector& vector : vectors) {
    auto key = SigningKey::from_seed(from_hex<32>(vector.seed));
    CHECK(hex(key.public_key().view()) == vector.public_key);
    auto message = unhex(vector.message);
    REQUIRE(message.has_value());
    auto signature = key.sign(*message);
    CHECK(hex(signature.view()) == vector.signature);
    CHECK(signature_holds(*message, signature, key.public_key()));
  }
}

TEST_CASE("a signature with any bit flipped does not hold") {
  auto key = SigningKey::from_seed(counted(1));
  auto signature = key.sign(view_of("message"));
  CHECK_FALSE(signature_holds(view_of("massage"), signature, key.public_key()));
  CHECK_FALSE(signature_holds(view_of("message"), signature,
                              SigningKey::from_seed(counted(2)).public_key()));
  for_each_flipped_bit(signature.view(), [&](ByteView bytes) {
    CHECK_FALSE(signature_holds(view_of("message"), *fixed<64>(bytes), key.public_key()));
  });
}

TEST_CASE("a transport key is X25519 of its secret, as in RFC 7748 section 6.1") {
  Secret secret(from_hex<32>("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a"));
  CHECK(hex(transport_public_key(secret).view()) ==
        "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
  auto pair = generate_transport_keys();
  CHECK(transport_public_key(pair.secret) == pair.public_key);
}

TEST_CASE("generated keys and random bytes differ every time") {
  std::set<FixedBytes<32>> seen;
  for (int i = 0; i < 20; ++i) {
    seen.insert(random_bytes<32>());
    seen.insert(SigningKey::generate().public_key());
    seen.insert(generate_transport_keys().public_key);
  }
  CHECK(seen.size() == 60);
}

TEST_CASE("a secret that was moved from is wiped") {
  Secret first(counted(7));
  Secret second(std::move(first));
  CHECK(first.bytes().is_zero());
  CHECK(second.bytes() == counted(7));
  Secret third;
  third = std::move(second);
  CHECK(second.bytes().is_zero());
  CHECK(third.bytes() == counted(7));
}

Bytes signing_key_file() {
  auto key = SigningKey::from_seed(counted(1));
  return encode_key_file(KeyKind::ed25519, key.public_key(), key.seed());
}

Bytes transport_key_file() {
  Secret secret(counted(33));
  return encode_key_file(KeyKind::x25519, transport_public_key(secret), secret);
}

TEST_CASE("key files come back whole") {
  auto signing = decode_key_file(signing_key_file());
  REQUIRE(signing.ok());
  CHECK(signing->kind == KeyKind::ed25519);
  CHECK(signing->secret.bytes() == counted(1));
  CHECK(signing->public_key == SigningKey::from_seed(counted(1)).public_key());
  auto transport = decode_key_file(transport_key_file());
  REQUIRE(transport.ok());
  CHECK(transport->kind == KeyKind::x25519);
  CHECK(transport->secret.bytes() == counted(33));
}

TEST_CASE("a key file under a passphrase, of two halves that do not fit, or damaged has a name") {
  struct Case {
    std::size_t at;
    std::uint8_t value;
    std::string_view name;
  };
  const Case cases[] = {
      {0, 'X', "malformed_key"}, {4, 2, "malformed_key"},  {5, 3, "malformed_key"},
      {6, 1, "key_protected"},   {6, 2, "malformed_key"},  {5, 2, "key_mismatch"},
      {7, 0, "key_mismatch"},    {40, 99, "key_mismatch"},
  };
  for (const Case& one : cases) {
    Bytes bytes = signing_key_file();
    bytes[one.at] = one.value;
    CAPTURE(one.at);
    CHECK(decode_key_file(bytes).error().name == one.name);
  }
  Bytes longer = signing_key_file();
  longer.push_back(0);
  CHECK(decode_key_file(longer).error().name == "malformed_key");
}

TEST_CASE("no truncation or flipped bit of a key file decodes to another key") {
  Bytes whole = signing_key_file();
  for_each_truncation(
      whole, [](ByteView bytes) { CHECK(decode_key_file(bytes).error().name == "malformed_key"); });
  // X25519 ignores the bits that it clamps, Ed25519 hashes its seed: there every bit matters.
  for_each_flipped_bit(whole, [](ByteView bytes) { CHECK_FALSE(decode_key_file(bytes).ok()); });
}

}  // namespace
}  // namespace reeve
