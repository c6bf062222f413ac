// Enrollments under a token that must not be taken, each by its name: the token's and the node's
// part forged, stretched, used for another node, or approved by who may not.
#include <doctest/doctest.h>

#include "common/token.h"
#include "tests/attacks/court.h"

namespace reeve::attacks {
namespace {

// What an attacker may change on its way to an enrollment.
struct Forgery {
  Token token;
  SigningKey one_time = SigningKey::generate();
  NodeCertificate certificate;
  const SigningKey* token_signer = nullptr;
  const SigningKey* node_signer = nullptr;
  const SigningKey* one_time_signer = nullptr;
  const SigningKey* approver = nullptr;
};

Forgery honest(Court& court) {
  Forgery out;
  out.certificate = court.certificate_of(court.newcomer);
  out.token.key = out.one_time.public_key();
  out.token.fleet = court.fleet.root.fleet;
  out.token.root = sha256(view_of("root"));
  out.token.controller = court.fleet.transport.public_key;
  out.token.enroll_address = "tcp://127.0.0.1:7119";
  out.token.nodes_address = "tcp://127.0.0.1:7117";
  out.token.name = "new*";
  out.token.labels = {{"env", {"test", "lab"}}};
  out.token.created_s = out.certificate.issued_s - 100;
  out.token.expires_s = out.certificate.issued_s + 100;
  out.token_signer = &court.fleet.admin.key;
  out.node_signer = &court.newcomer.key;
  return out;
}

Bytes made(const Forgery& forgery) {
  const Bytes object =
      seal_object(ObjectType::enrollment_token, encode_token(forgery.token), *forgery.token_signer);
  const auto& signer = forgery.one_time_signer ? *forgery.one_time_signer : forgery.one_time;
  const TokenText text{object, SigningKey::from_seed(signer.seed().bytes()), forgery.token};
  Bytes enrollment = seal_enrollment(forgery.certificate, text, *forgery.node_signer);
  if (forgery.approver == nullptr) return enrollment;
  auto approved = countersign_enrollment(enrollment, *forgery.approver);
  REQUIRE(approved.ok());
  return *approved;
}

Refusal forged(std::string name, std::string refused_as,
               std::function<void(Court&, Forgery&)> change) {
  return {std::move(name), std::move(refused_as), [change](Court& court) {
            Forgery forgery = honest(court);
            change(court, forgery);
            return court.ask_as(court.fleet.admin, "enroll", {{"certificate", made(forgery)}});
          }};
}

TEST_CASE("an honest enrollment under a token is taken") {
  Court court;
  court.ask("enroll", {{"certificate", made(honest(court))}});
  CHECK(court.controller->registry().find(court.newcomer.id) != nullptr);
}

TEST_CASE("enrollment: forged tokens and forged signatures under true ones") {
  static const auto stranger = SigningKey::generate();
  strike_all({
      forged("a token that a stranger signed", "not_an_enroller",
             [](Court&, auto& forgery) { forgery.token_signer = &stranger; }),
      forged("a token that an operator without the right signed", "not_an_enroller",
             [](Court& court, auto& forgery) { forgery.token_signer = &court.fleet.viewer.key; }),
      forged("a token that the ledger key signed, which is online", "not_an_enroller",
             [](Court& court, auto& forgery) { forgery.token_signer = &court.fleet.ledger_key; }),
      forged("without the one-time key", "too_few_signatures",
             [](Court&, auto& forgery) { forgery.one_time_signer = &stranger; }),
      forged("without the node's key", "too_few_signatures",
             [](Court&, auto& forgery) { forgery.node_signer = &stranger; }),
      {"changed on its way", "bad_signature",
       [](Court& court) {
         Bytes bytes = made(honest(court));
         bytes.back() ^= 1;
         return court.ask_as(court.fleet.admin, "enroll", {{"certificate", bytes}});
       }},
  });
}

TEST_CASE("enrollment: beyond what the token allows") {
  strike_all({
      forged("after the token's end", "token_expired",
             [](Court&, auto& forgery) { forgery.certificate.issued_s += 100; }),
      forged("before the token's beginning", "token_expired",
             [](Court&, auto& forgery) { forgery.certificate.issued_s -= 101; }),
      forged("another name", "name_not_allowed",
             [](Court&, auto& forgery) { forgery.certificate.name = "web1"; }),
      forged("another value of a label", "label_not_allowed",
             [](Court&, auto& forgery) {
               forgery.certificate.labels = {{"env", "prod"}};
             }),
      forged("another label", "label_not_allowed",
             [](Court&, auto& forgery) { forgery.certificate.labels["role"] = "db"; }),
      forged("a token of another fleet", "wrong_fleet",
             [](Court&, auto& forgery) { forgery.token.fleet.data[0] ^= 1; }),
      forged("for another fleet", "wrong_fleet",
             [](Court&, auto& forgery) { forgery.certificate.fleet.data[0] ^= 1; }),
      forged("approved, of another fleet", "wrong_fleet",
             [](Court& court, auto& forgery) {
               forgery.certificate.fleet.data[0] ^= 1;
               forgery.approver = &court.fleet.admin.key;
             }),
      forged("a label left out", "label_missing",
             [](Court&, auto& forgery) { forgery.certificate.labels.clear(); }),
      forged("another node's id", "node_id_mismatch",
             [](Court& court, auto& forgery) { forgery.certificate.node = court.one.id; }),
      forged("a later version of a node that is known", "node_id_mismatch",
             [](Court&, auto& forgery) { forgery.certificate.version = 2; }),
      forged("without the approval that it asks for", "approval_needed",
             [](Court&, auto& forgery) { forgery.token.approval = Approval::by_operator; }),
      forged("approved by an operator without the right", "approval_needed",
             [](Court& court, auto& forgery) {
               forgery.token.approval = Approval::by_operator;
               forgery.approver = &court.fleet.viewer.key;
             }),
      forged("approved, for another node's id", "node_id_mismatch",
             [](Court& court, auto& forgery) {
               forgery.certificate.node = court.one.id;
               forgery.approver = &court.fleet.admin.key;
             }),
  });
}

TEST_CASE("an approval vouches for no keys that are not the node's own") {
  // What a hostile controller would show of it: nothing else stands between it and operators.
  Court court;
  Forgery forgery = honest(court);
  forgery.approver = &court.fleet.admin.key;
  REQUIRE(verify_certificate(made(forgery), court.fleet.root).ok());
  Forgery another = honest(court);
  another.approver = &court.fleet.admin.key;
  another.certificate.node = court.one.id;
  auto refused = verify_certificate(made(another), court.fleet.root);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().name == "node_id_mismatch");
  static const auto stranger = SigningKey::generate();
  forgery.node_signer = &stranger;
  refused = verify_certificate(made(forgery), court.fleet.root);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().name == "too_few_signatures");
}

}  // namespace
}  // namespace reeve::attacks
