#include "common/token.h"

#include <algorithm>

#include "common/seal_base64.h"
#include "common/token_limits.h"
#include "common/transport_key.h"
#include "common/wire.h"
#include "tests/common/trust_fixture.h"
#include "tests/golden.h"
#include "tests/mutations.h"

namespace reeve {
namespace {

using namespace trust_fixture;

constexpr std::uint8_t one_time_key = 10;

Token token() {
  Token out;
  out.key = key(one_time_key).public_key();
  out.fleet = root().fleet;
  out.root = sha256(encode_root(root()));
  out.controller = transport_key(ledger_key);
  out.enroll_address = "tcp://controller.example:7119";
  out.nodes_address = "tcp://controller.example:7117";
  out.name = "web-*";
  out.labels = {{"role", {"db", "web"}}, {"site", {}}};
  out.created_s = now_s - day_s;
  out.expires_s = now_s;
  out.uses = 50;
  return out;
}

Bytes signed_token(const Token& token, std::vector<std::uint8_t> numbers = {operator_key}) {
  return sealed(ObjectType::enrollment_token, encode_token(token), std::move(numbers));
}

NodeCertificate enrolled() {
  NodeCertificate out = certificate();
  out.issued_s = now_s - day_s / 2;
  return out;
}

// As a node would make it that does not look at what its token allows.
Bytes enrollment(const Token& of, const NodeCertificate& certificate,
                 std::vector<std::uint8_t> signers = {one_time_key, record_key},
                 std::vector<std::uint8_t> token_signers = {operator_key}) {
  const Bytes object = signed_token(of, std::move(token_signers));
  Bytes payload;
  append_u16(payload, static_cast<std::uint16_t>(object.size()));
  append(payload, object);
  append(payload, encode_certificate(certificate));
  return sealed(ObjectType::node_enrollment, std::move(payload), std::move(signers));
}

std::string verdict(ByteView object) {
  const auto verified = verify_certificate(object, root());
  return verified.ok() ? "accepted" : verified.error().name;
}

template <class Change>
std::string token_after(Change change) {
  Token changed = token();
  change(changed);
  const auto decoded = decode_token(encode_token(changed));
  return decoded.ok() ? "accepted" : decoded.error().name;
}

template <class Change>
std::string enrolled_after(Change change) {
  NodeCertificate changed = enrolled();
  change(changed);
  return verdict(enrollment(token(), changed));
}

TEST_CASE("a token and what a node makes with it are their golden bytes and come back whole") {
  check_golden("token.bin", encode_token(token()));
  check_golden("signed_token.bin", signed_token(token()));
  const auto verified = verify_token(golden("signed_token.bin"), root());
  REQUIRE(verified.ok());
  CHECK(*verified == token());

  const TokenText text{signed_token(token()), key(one_time_key), token()};
  const Bytes object = seal_enrollment(enrolled(), text, key(record_key));
  check_golden("node_enrollment.bin", object);
  CHECK(object == enrollment(token(), enrolled()));
  CHECK(object.size() < limits::enrollment_message_bytes_max);
  const auto node = verify_certificate(golden("node_enrollment.bin"), root());
  REQUIRE(node.ok());
  CHECK(*node == enrolled());
  CHECK(*read_certificate(object) == enrolled());
  CHECK(token_behind(object, root()) == token());
}

TEST_CASE("the text of a token survives blanks and line breaks and no damage") {
  const std::string text = encode_token_text(signed_token(token()), key(one_time_key));
  check_golden("token.txt", view_of(text));
  std::string wrapped = " " + text + "\n";
  wrapped.insert(100, "\r\n  ");
  for (const auto& given : {text, wrapped}) {
    const auto decoded = decode_token_text(given);
    REQUIRE(decoded.ok());
    CHECK(decoded->token == token());
    CHECK(decoded->key.public_key() == key(one_time_key).public_key());
    CHECK(decoded->object == signed_token(token()));
  }
  for_each_mutation(view_of(text), [&](ByteView bytes) {
    const auto decoded = decode_token_text(text_of(bytes));
    if (!decoded.ok()) CHECK(decoded.error().name == "token_damaged");
    if (decoded.ok()) CHECK(decoded->object == signed_token(token()));
  });
  const auto other = encode_token_text(signed_token(token()), key(stranger_key));
  CHECK(decode_token_text(other).error().name == "token_damaged");
  CHECK(decode_token_text(std::string(10'000, 'A')).error().name == "token_damaged");
}

TEST_CASE("base64url without padding is as RFC 4648 has it") {
  CHECK(base64url(view_of("")).empty());
  CHECK(base64url(view_of("fo")) == "Zm8");
  CHECK(base64url(Bytes{0xfb, 0xff}) == "-_8");
  CHECK(from_base64url("-_8") == Bytes{0xfb, 0xff});
  for (std::string_view bad : {"Zm8=", "Zm9", "+/8", "Z", "Zm8 ", "Zm8\n"}) {
    CAPTURE(bad);
    CHECK_FALSE(from_base64url(bad).has_value());
  }
}

TEST_CASE("odd tokens are refused") {
  CHECK(token_after([](Token&) {}) == "accepted");
  CHECK(token_after([](Token& t) { t.name = "*"; }) == "accepted");
  CHECK(token_after([](Token& t) { t.labels.clear(); }) == "accepted");
  CHECK(token_after([](Token& t) { t.name = "**"; }) == "malformed");
  CHECK(token_after([](Token& t) { t.name = "../x"; }) == "malformed");
  CHECK(token_after([](Token& t) { t.enroll_address = "ipc:///x"; }) == "malformed");
  CHECK(token_after([](Token& t) { t.nodes_address = ""; }) == "malformed");
  CHECK(token_after([](Token& t) { t.uses = 0; }) == "malformed");
  CHECK(token_after([](Token& t) { t.uses = limits::token_uses_max + 1; }) == "malformed");
  CHECK(token_after([](Token& t) { t.created_s = t.expires_s; }) == "malformed");
  CHECK(token_after([](Token& t) { t.created_s -= limits::token_lifetime_s_max; }) == "malformed");
  CHECK(token_after([](Token& t) { t.labels["a b"] = {}; }) == "malformed");
  CHECK(token_after([](Token& t) { t.labels["a"] = {"b;c"}; }) == "malformed");
  CHECK(token_after([](Token& t) {
          t.labels["a"] = std::vector<std::string>(limits::token_label_values_max + 1, "x");
        }) == "limit_exceeded");
  const Bytes payload = encode_token(token());
  for (std::string_view name : {"format", "fleet", "key", "root", "ctl", "enroll", "nodes", "name",
                                "labels", "created", "expires", "uses", "approve"}) {
    CAPTURE(name);
    CHECK(decode_token(with(payload, name, Value())).error().name == "malformed");
  }
  CHECK(decode_token(with(payload, "more", 1)).error().name == "unknown_field");
  CHECK(verify_token(signed_token(token(), {viewer_key}), root()).error().name ==
        "not_an_enroller");
  CHECK(verify_token(signed_token(token(), {stranger_key}), root()).error().name ==
        "not_an_enroller");
}

TEST_CASE("a certificate under a token needs both keys, an enroller's token and its bounds") {
  CHECK(verdict(enrollment(token(), enrolled())) == "accepted");
  CHECK(verdict(enrollment(token(), enrolled(), {record_key})) == "too_few_signatures");
  CHECK(verdict(enrollment(token(), enrolled(), {one_time_key})) == "too_few_signatures");
  CHECK(verdict(enrollment(token(), enrolled(), {stranger_key, record_key})) ==
        "too_few_signatures");
  CHECK(verdict(enrollment(token(), enrolled(), {ledger_key, record_key})) == "too_few_signatures");
  CHECK(verdict(enrollment(token(), enrolled(), {one_time_key, record_key}, {ledger_key})) ==
        "not_an_enroller");
  CHECK(verdict(enrollment(token(), enrolled(), {one_time_key, record_key}, {viewer_key})) ==
        "not_an_enroller");
  CHECK(enrolled_after([](NodeCertificate& c) { c.name = "db-1"; }) == "name_not_allowed");
  CHECK(enrolled_after([](NodeCertificate& c) { c.labels["role"] = "bastion"; }) ==
        "label_not_allowed");
  CHECK(enrolled_after([](NodeCertificate& c) { c.labels["env"] = "prod"; }) ==
        "label_not_allowed");
  CHECK(enrolled_after([](NodeCertificate& c) { c.labels.erase("site"); }) == "label_missing");
  CHECK(enrolled_after([](NodeCertificate& c) { c.labels["site"] = "anything"; }) == "accepted");
  CHECK(enrolled_after([](NodeCertificate& c) { c.version = 2; }) == "node_id_mismatch");
  CHECK(enrolled_after([](NodeCertificate& c) { c.node = sha256(view_of("x")); }) ==
        "node_id_mismatch");
  CHECK(enrolled_after([](NodeCertificate& c) { c.issued_s = token().expires_s; }) ==
        "token_expired");
  CHECK(enrolled_after([](NodeCertificate& c) { c.issued_s = token().created_s - 1; }) ==
        "token_expired");
}

TEST_CASE("a token that asks for approval is worth nothing without an operator's signature") {
  Token asking = token();
  asking.approval = Approval::by_operator;
  const Bytes object = enrollment(asking, enrolled());
  CHECK(verdict(object) == "approval_needed");
  // Which says that all the rest holds.
  CHECK(verdict(enrollment(asking, enrolled(), {one_time_key})) == "too_few_signatures");
  auto other = enrolled();
  other.labels["env"] = "prod";
  CHECK(verdict(enrollment(asking, other)) == "label_not_allowed");
  CHECK(verdict(*countersign_enrollment(object, key(viewer_key))) == "approval_needed");
  const auto approved = countersign_enrollment(object, key(operator_key));
  REQUIRE(approved.ok());
  CHECK(verdict(*approved) == "accepted");
  CHECK_FALSE(token_behind(*approved, root()).has_value());
}

TEST_CASE("no damage to a certificate under a token passes") {
  const Bytes whole = golden("node_enrollment.bin");
  for_each_mutation(whole, [&](ByteView bytes) {
    const bool changed = !std::ranges::equal(bytes, whole);
    CHECK(verify_certificate(bytes, root()).ok() == !changed);
  });
}

TEST_CASE("a statement of a transport key is its golden bytes, for one node and its record key") {
  const TransportStatement statement{certificate().node, transport_key(stranger_key), 3, now_s};
  const Bytes object =
      sealed(ObjectType::transport_key, encode_transport_statement(statement), {record_key});
  check_golden("transport_key.bin", object);
  const auto record = key(record_key).public_key();
  const auto verified =
      verify_transport_statement(golden("transport_key.bin"), certificate().node, record);
  REQUIRE(verified.ok());
  CHECK(*verified == statement);
  CHECK(verify_transport_statement(object, sha256(view_of("x")), record).error().name ==
        "wrong_node");
  CHECK(verify_transport_statement(object, certificate().node, key(stranger_key).public_key())
            .error()
            .name == "too_few_signatures");
  for_each_mutation(object, [&](ByteView bytes) {
    const bool changed = !std::ranges::equal(bytes, object);
    CHECK(verify_transport_statement(bytes, certificate().node, record).ok() == !changed);
  });
}

TEST_CASE("an answer to an enrollment comes back whole, and no damage to it crashes") {
  const EnrollAnswer answer{EnrollAnswer::Verdict::refused, sha256(view_of("request")),
                            "name_taken", "web1 names another node", "take another"};
  const Bytes bytes = encode_enroll_answer(answer);
  check_golden("enroll_answer.bin", bytes);
  REQUIRE(decode_enroll_answer(bytes).ok());
  CHECK(*decode_enroll_answer(bytes) == answer);
  for_each_truncation(
      bytes, [](ByteView cut) { CHECK(decode_enroll_answer(cut).error().name == "malformed"); });
  for_each_edit(bytes, 2'000, [](ByteView edited) {
    const auto decoded = decode_enroll_answer(edited);
    if (decoded.ok()) CHECK(encode_enroll_answer(*decoded) == Bytes(edited.begin(), edited.end()));
  });
}

}  // namespace
}  // namespace reeve
