#include <doctest/doctest.h>

#include <algorithm>

#include "common/limits.h"
#include "tests/common/trust_fixture.h"
#include "tests/golden.h"
#include "tests/mutations.h"

namespace reeve {
namespace {

using namespace trust_fixture;

Bytes signed_certificate(const NodeCertificate& certificate,
                         std::vector<std::uint8_t> numbers = {operator_key}) {
  return sealed(ObjectType::node_certificate, encode_certificate(certificate), std::move(numbers));
}

template <class Change>
std::string error_after(Change change) {
  NodeCertificate changed = certificate();
  change(changed);
  auto decoded = decode_certificate(encode_certificate(changed));
  return decoded.ok() ? "accepted" : decoded.error().name;
}

TEST_CASE("a node certificate is its golden bytes and comes back whole") {
  check_golden("signed_certificate.bin", signed_certificate(certificate()));
  auto verified = verify_certificate(golden("signed_certificate.bin"), root());
  REQUIRE(verified.ok());
  CHECK(*verified == certificate());
}

TEST_CASE("a certificate that enrolls nobody has its own error name") {
  NodeCertificate renamed = certificate();
  renamed.node = sha256(view_of("another"));
  Bytes good = signed_certificate(certificate());
  Bytes altered = good;
  altered.back() ^= 1;
  Bytes rubbish = sealed(ObjectType::node_certificate, bytes_of("x"), {operator_key});
  struct Case {
    std::string_view what;
    Bytes object;
    std::string_view name;
  };
  const Case cases[] = {
      {"an operator without the right", signed_certificate(certificate(), {viewer_key}),
       "not_an_enroller"},
      {"a stranger", signed_certificate(certificate(), {stranger_key}), "not_an_enroller"},
      {"the root's key", signed_certificate(certificate(), {root_key}), "not_an_enroller"},
      {"the node itself", signed_certificate(certificate(), {record_key}), "not_an_enroller"},
      {"nobody", signed_certificate(certificate(), {}), "not_an_enroller"},
      {"one operator twice", signed_certificate(certificate(), {operator_key, operator_key}),
       "bad_signature"},
      {"altered", altered, "bad_signature"},
      {"another node's id", signed_certificate(renamed), "node_id_mismatch"},
      {"signed rubbish", rubbish, "malformed"},
      {"empty", {}, "malformed"},
      {"another type", sealed(ObjectType::tick, encode_certificate(certificate()), {operator_key}),
       "wrong_type"},
      {"oversized",
       sealed(ObjectType::node_certificate, Bytes(limits::message_bytes_max), {operator_key}),
       "limit_exceeded"},
  };
  for (const Case& one : cases) {
    CAPTURE(one.what);
    auto result = verify_certificate(one.object, root());
    REQUIRE_FALSE(result.ok());
    CHECK(result.error().name == one.name);
  }
}

TEST_CASE("a later certificate keeps the node id when the record key has changed") {
  NodeCertificate later = certificate();
  later.version = 2;
  later.record_key = key(stranger_key).public_key();
  auto verified = verify_certificate(signed_certificate(later), root());
  REQUIRE(verified.ok());
  CHECK(verified->node == certificate().node);
}

TEST_CASE("unknown fields of a certificate are ignored") {
  Bytes payload = with(encode_certificate(certificate()), "later", "x");
  auto verified =
      verify_certificate(sealed(ObjectType::node_certificate, payload, {operator_key}), root());
  REQUIRE(verified.ok());
  CHECK(*verified == certificate());
}

TEST_CASE("odd shapes of a certificate are refused") {
  CHECK(error_after([](NodeCertificate&) {}) == "accepted");
  CHECK(error_after([](NodeCertificate& c) { c.labels.clear(); }) == "accepted");
  CHECK(error_after([](NodeCertificate& c) { c.name = ""; }) == "malformed");
  CHECK(error_after([](NodeCertificate& c) { c.name = "../../etc"; }) == "malformed");
  CHECK(error_after([](NodeCertificate& c) { c.name = "a\x1b[2J"; }) == "malformed");
  CHECK(error_after([](NodeCertificate& c) { c.version = 0; }) == "malformed");
  CHECK(error_after([](NodeCertificate& c) { c.issued_s = -1; }) == "malformed");
  CHECK(error_after([](NodeCertificate& c) { c.labels["a b"] = "x"; }) == "malformed");
  CHECK(error_after([](NodeCertificate& c) { c.labels["role"] = "a;b"; }) == "malformed");
  CHECK(error_after([](NodeCertificate& c) {
          for (std::size_t i = 0; i < limits::labels_max; ++i) {
            c.labels["l" + std::to_string(i)] = "x";
          }
        }) == "limit_exceeded");
  Bytes payload = encode_certificate(certificate());
  for (std::string_view name :
       {"format", "node", "name", "labels", "key", "tkey", "version", "issued"}) {
    CAPTURE(name);
    CHECK(decode_certificate(with(payload, name, Value())).error().name == "malformed");
    CHECK(decode_certificate(with(payload, name, true)).error().name == "malformed");
  }
  CHECK(decode_certificate(with(payload, "format", 2)).error().name == "unsupported_version");
}

TEST_CASE("no damage to a certificate passes") {
  Bytes whole = golden("signed_certificate.bin");
  for_each_mutation(whole, [&](ByteView bytes) {
    bool changed = !std::ranges::equal(bytes, whole);
    CHECK(verify_certificate(bytes, root()).ok() == !changed);
  });
  for_each_edit(encode_certificate(certificate()), 4'000, [](ByteView bytes) {
    auto decoded = decode_certificate(bytes);
    if (decoded.ok()) CHECK(*decode_certificate(encode_certificate(*decoded)) == *decoded);
  });
}

ControllerContact contact() {
  return {"tcp://controller.example:7801", "tcp://[2001:db8::1]:7802", transport_key(3)};
}

TEST_CASE("a contact file comes back whole") {
  auto decoded = decode_contact(encode_contact(contact()));
  REQUIRE(decoded.ok());
  CHECK(*decoded == contact());
  auto other = contact();
  other.operators_address.clear();
  other.enroll_address = "tcp://controller.example:7803";
  CHECK(decode_contact(encode_contact(other)).value() == other);
}

TEST_CASE("a contact file with anything else in it is malformed") {
  const std::string good = encode_contact(contact());
  CHECK(decode_contact(good + "more\n").error().name == "malformed");
  CHECK(decode_contact(good.substr(0, good.size() - 1)).error().name == "malformed");
  CHECK(decode_contact("").error().name == "malformed");
  for (std::string address :
       {"", "tcp://", "tcp://host", "tcp://:1", "tcp://host:", "tcp://host:0", "tcp://host:65536",
        "tcp://host:7x", "tcp://ho st:1", "tcp://*:1", "ipc:///tmp/x", "tcp://a;b:1", "tcp://a/b:1",
        "tcp://::1:7801", "tcp://[]:1"}) {
    CAPTURE(address);
    auto one = contact();
    one.nodes_address = address;
    CHECK(decode_contact(encode_contact(one)).error().name == "malformed");
    if (address.empty()) continue;  // the two others may be left out
    one = contact();
    one.operators_address = address;
    CHECK(decode_contact(encode_contact(one)).error().name == "malformed");
    one = contact();
    one.enroll_address = address;
    CHECK(decode_contact(encode_contact(one)).error().name == "malformed");
  }
  for_each_truncation(view_of(good), [](ByteView bytes) {
    CHECK(decode_contact(text_of(bytes)).error().name == "malformed");
  });
  for_each_edit(view_of(good), 4'000, [](ByteView bytes) {
    auto decoded = decode_contact(text_of(bytes));
    if (decoded.ok()) CHECK(encode_contact(*decoded) == text_of(bytes));
  });
}

}  // namespace
}  // namespace reeve
