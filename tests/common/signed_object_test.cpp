#include "common/signed_object.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "common/limits.h"
#include "tests/common/trust_fixture.h"
#include "tests/golden.h"
#include "tests/mutations.h"

namespace reeve {
namespace {

using namespace trust_fixture;

const Bytes payload = bytes_of("payload");

Bytes two_signatures() { return sealed(ObjectType::tick, payload, {1, 2}); }

std::vector<PublicKey> keys(std::vector<std::uint8_t> numbers) { return role(numbers).keys; }

SignedObject parsed(ByteView bytes) {
  auto object = parse_signed_object(bytes, ObjectType::tick);
  REQUIRE(object.ok());
  return *object;
}

TEST_CASE("a signed object is its golden bytes and comes back whole") {
  check_golden("signed_twice.bin", two_signatures());
  Bytes bytes = golden("signed_twice.bin");
  CHECK(*signed_object_size(bytes) == bytes.size());
  SignedObject object = parsed(bytes);
  CHECK(object.payload == payload);
  CHECK(object.signatures.size() == 2);
  CHECK(encode_signed_object(object) == bytes);
  CHECK(*count_signatures(object, keys({1, 2})) == 2);
}

TEST_CASE("the layout is magic, version, type, count, length, signatures, payload") {
  Bytes bytes = two_signatures();
  CHECK(hex(ByteView(bytes).first(signed_object_header_bytes)) ==
        "5256534f"
        "01"
        "06"
        "0002"
        "00000007");
  CHECK(bytes.size() == signed_object_header_bytes + 2 * 96 + payload.size());
}

TEST_CASE("a signature covers the context, the type and the payload") {
  Bytes message = bytes_of("reeve/1");
  message.push_back(6);
  append(message, payload);
  SignedObject object = parsed(two_signatures());
  CHECK(object.signatures[0].key == key(1).hash());
  CHECK(signature_holds(message, object.signatures[0].bytes, key(1).public_key()));
}

TEST_CASE("the size of an object is known when more follows it") {
  Bytes bytes = two_signatures();
  auto size = bytes.size();
  append(bytes, view_of("more"));
  CHECK(*signed_object_size(bytes) == size);
  CHECK(parse_signed_object(bytes, ObjectType::tick).error().name == "malformed");
}

TEST_CASE("an object of another type is refused, and its signature does not carry over") {
  Bytes bytes = two_signatures();
  CHECK(parse_signed_object(bytes, ObjectType::root).error().name == "wrong_type");
  bytes[5] = static_cast<std::uint8_t>(ObjectType::root);
  auto object = parse_signed_object(bytes, ObjectType::root);
  REQUIRE(object.ok());
  CHECK(count_signatures(*object, keys({1})).error().name == "bad_signature");
}

TEST_CASE("more signatures than the limit are malformed") {
  SignedObject object{ObjectType::tick, {}, payload};
  for (std::size_t i = 0; i < limits::signatures_max; ++i) {
    Signature signature;
    signature.key.data[0] = static_cast<std::uint8_t>(i);
    object.signatures.push_back(signature);
  }
  Bytes bytes = encode_signed_object(object);
  CHECK(parse_signed_object(bytes, ObjectType::tick).ok());
  bytes[7] = static_cast<std::uint8_t>(limits::signatures_max + 1);
  bytes.resize(bytes.size() + 96);
  CHECK(parse_signed_object(bytes, ObjectType::tick).error().name == "malformed");
}

TEST_CASE("signatures are counted by known keys only") {
  SignedObject object = parsed(two_signatures());
  CHECK(*count_signatures(object, keys({})) == 0);
  CHECK(*count_signatures(object, keys({3})) == 0);
  CHECK(*count_signatures(object, keys({1, 3})) == 1);
  CHECK(*count_signatures(object, keys({1, 1})) == 1);
  CHECK(require_signatures(object, keys({1, 2, 3}), 2).ok());
  CHECK(require_signatures(object, keys({1, 2, 3}), 3).error().name == "too_few_signatures");
}

TEST_CASE("a stranger's signature that does not hold neither counts nor harms") {
  SignedObject object = parsed(sealed(ObjectType::tick, payload, {1, 7}));
  object.signatures[1].bytes.data[0] ^= 1;
  CHECK(*count_signatures(object, keys({1})) == 1);
  CHECK(count_signatures(object, keys({1, 7})).error().name == "bad_signature");
}

TEST_CASE("a key that signs twice is a bad signature, whoever it is") {
  for (std::uint8_t number : std::vector<std::uint8_t>{1, 7}) {
    SignedObject object = parsed(sealed(ObjectType::tick, payload, {1, 2, number, 7}));
    CHECK(count_signatures(object, keys({1, 2})).error().name == "bad_signature");
  }
}

TEST_CASE("no damage to a signed object passes for two signatures") {
  Bytes whole = two_signatures();
  for_each_mutation(whole, [&](ByteView bytes) {
    auto object = parse_signed_object(bytes, ObjectType::tick);
    bool changed = !std::ranges::equal(bytes, whole);
    bool holds = object.ok() && require_signatures(*object, keys({1, 2}), 2).ok();
    CHECK(holds == !changed);
  });
}

}  // namespace
}  // namespace reeve
