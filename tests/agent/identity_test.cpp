// What changes of an agent's identity while it runs: its certificate and its transport key.
#include "common/paths.h"
#include "common/transport_key.h"
#include "tests/agent/agent_world.h"

namespace reeve::testing {
namespace {

namespace fixture = trust_fixture;

Bytes certificate(const std::function<void(NodeCertificate&)>& change,
                  std::uint8_t signer = fixture::operator_key) {
  auto next = fixture::certificate();
  next.version = 2;
  change(next);
  return fixture::sealed(ObjectType::node_certificate, encode_certificate(next), {signer});
}

AgentWorld::Signed web_policy(const AgentWorld& world, std::uint64_t version) {
  return world.sign(version, {file_rule("secret", "/etc/secret")}, [](Manifest& manifest) {
    manifest.bundles[0].selector = {{{"role", {"db"}}}};
  });
}

std::size_t rules_of(const AgentWorld& world) {
  std::size_t rules = 0;
  const auto heartbeat = world.last_heartbeat();
  for (const auto count : heartbeat->rules) rules += count;
  return rules;
}

TEST_CASE("a later certificate is adopted with what its labels select, and stays after a restart") {
  AgentWorld world;
  world.start();
  world.link_up();
  const auto policy = web_policy(world, 1);
  world.push(policy);
  world.advance(limits::heartbeat_interval_ns);
  CHECK(rules_of(world) == 0);
  const Bytes next = certificate([](NodeCertificate& c) { c.labels["role"] = "db"; });
  world.hear(MessageType::certificate, next);
  CHECK(world.records("certificate_adopted").empty());  // its bundle is not here yet
  world.serve_fetches(policy);
  CHECK(world.records("certificate_adopted").size() == 1);
  world.advance(limits::heartbeat_interval_ns);
  CHECK(rules_of(world) == 1);
  CHECK(world.courier.payloads(MessageType::certificate_held) ==
        std::vector<Bytes>{{0, 0, 0, 0, 0, 0, 0, 2}});
  const auto kept = world.disk.read(paths::certificate, limits::message_bytes_max);
  CHECK(**kept == next);
  // Heard again, it changes nothing.
  world.hear(MessageType::certificate, next);
  CHECK(world.records("certificate_adopted").size() == 1);
  CHECK(world.courier.payloads(MessageType::certificate_held).size() == 2);
}

TEST_CASE("a certificate whose share waits for its stage keeps no later version out") {
  AgentWorld world;
  world.start();
  world.link_up();
  // Of the other role, and its stage does not open while this test lasts.
  const auto first = world.sign(1, {file_rule("secret", "/etc/secret")}, [](Manifest& manifest) {
    manifest.bundles[0].selector = {{{"role", {"db"}}}};
    manifest.bundles[0].stages = {{1, manifest.created_s + 86'400}};
  });
  world.push(first);
  REQUIRE(world.agent->policy_store().version() == 1);
  const Bytes next = certificate([](NodeCertificate& c) { c.labels["role"] = "db"; });
  world.hear(MessageType::certificate, next);
  const auto second = world.sign(2, {file_rule("other", "/etc/other")});
  world.hear(MessageType::manifest, second.object);
  world.hear(MessageType::certificate, next);  // each heartbeat brings both
  world.serve_fetches(second);
  CHECK(world.agent->policy_store().version() == 2);
  world.hear(MessageType::certificate, next);
  world.serve_fetches(second);
  CHECK(world.records("certificate_adopted").size() == 1);
}

TEST_CASE("a certificate is adopted where there is no policy yet") {
  AgentWorld world;
  world.start();
  world.link_up();
  world.hear(MessageType::certificate,
             certificate([](NodeCertificate& c) { c.labels["role"] = "db"; }));
  CHECK(world.records("certificate_adopted").size() == 1);
  world.push(web_policy(world, 1));
  world.advance(limits::heartbeat_interval_ns);
  CHECK(rules_of(world) == 1);
}

TEST_CASE("a certificate that is older, another node's or not an enroller's changes nothing") {
  struct Case {
    std::string_view what;
    Bytes object;
    std::string_view name;
  };
  const auto other = fixture::key(fixture::stranger_key).public_key();
  const Case cases[] = {
      {"older", certificate([](NodeCertificate& c) { c.version = 1; }), ""},
      {"another record key", certificate([&](NodeCertificate& c) { c.record_key = other; }),
       "certificate_mismatch"},
      {"another node", certificate([&](NodeCertificate& c) { c.node = key_hash(other); }),
       "certificate_mismatch"},
      {"another transport key", certificate([](NodeCertificate& c) {
         c.transport_key = fixture::transport_key(fixture::stranger_key);
       }),
       "certificate_mismatch"},
      {"by the controller", certificate([](NodeCertificate&) {}, fixture::ledger_key),
       "not_an_enroller"},
      {"by a viewer", certificate([](NodeCertificate&) {}, fixture::viewer_key), "not_an_enroller"},
  };
  for (const auto& one : cases) {
    CAPTURE(one.what);
    AgentWorld world;
    world.start();
    world.link_up();
    world.hear(MessageType::certificate, one.object);
    CHECK(world.records("certificate_adopted").empty());
    CHECK_FALSE(world.disk.read(paths::certificate, limits::message_bytes_max)->has_value());
    const auto refused = world.records("policy_refused");
    CHECK(refused.size() == (one.name.empty() ? 0 : 1));
    if (!refused.empty()) CHECK(*refused[0].body.find("error")->text() == one.name);
  }
}

// The key that a courier which starts now is given.
TransportKey courier_key(AgentWorld& world) {
  world.agent->courier_started();
  const auto config = decode_courier_config(world.courier.payloads(MessageType::configure).back());
  return config->node_key;
}

TEST_CASE(
    "a transport key is replaced when the controller has it, and the old one is kept till then") {
  AgentWorld world;
  world.start();
  world.link_up();
  const auto before = courier_key(world);
  REQUIRE(world.agent->rotate_transport_key().ok());
  world.link_up();
  const auto asked = world.courier.payloads(MessageType::rekey);
  REQUIRE(asked.size() == 1);
  // Under the record key of this start, which the certificate's has certified.
  const auto keys = world.key_chain();
  const auto signer = signer_of(asked[0], ObjectType::transport_key);
  REQUIRE(signer.ok());
  REQUIRE(keys.find(*signer) != nullptr);
  CHECK(keys.find(*signer)->number == 1);
  const auto statement = verify_transport_statement(asked[0], world.identity.certificate.node,
                                                    keys.find(*signer)->key);
  REQUIRE(statement.ok());
  CHECK(statement->version == 1);
  CHECK_FALSE(world.agent->wants_new_courier());
  CHECK(courier_key(world) == before);
  world.hear(MessageType::rekeyed, sha256(view_of("another")).view());
  CHECK_FALSE(world.agent->wants_new_courier());
  world.hear(MessageType::rekeyed, sha256(asked[0]).view());
  CHECK(world.agent->wants_new_courier());
  CHECK(courier_key(world) == statement->key);
  CHECK(world.records("transport_key_changed").size() == 1);
  // Where the new one does not connect, the former is tried in turn.
  CHECK(courier_key(world) == before);
  CHECK(courier_key(world) == statement->key);
  world.hear(MessageType::link_state, Bytes{1, 1});
  CHECK(courier_key(world) == statement->key);
  CHECK(courier_key(world) == statement->key);
}

TEST_CASE("a controller that has lost a transport key is told of it again") {
  AgentWorld world;
  world.start();
  world.link_up();
  REQUIRE(world.agent->rotate_transport_key().ok());
  world.link_up();
  const auto statement = world.courier.payloads(MessageType::rekey).back();
  world.hear(MessageType::rekeyed, sha256(statement).view());
  const auto newest = courier_key(world);
  world.link_up();  // by the former key, in its turn
  world.advance(limits::ack_timeout_ns);
  const auto asked = world.courier.payloads(MessageType::rekey);
  REQUIRE(asked.size() >= 2);
  CHECK(asked.back() == statement);
  world.hear(MessageType::rekeyed, sha256(statement).view());
  CHECK(courier_key(world) == newest);
}

TEST_CASE("a rotation that a restart interrupts goes on with the same key") {
  AgentWorld world;
  world.start();
  world.link_up();
  REQUIRE(world.agent->rotate_transport_key().ok());
  world.link_up();
  const auto begun = read_transport_statement(world.courier.payloads(MessageType::rekey).back());
  world.start();
  world.link_up();
  const auto first = world.courier.payloads(MessageType::rekey).back();
  CHECK(read_transport_statement(first)->key == begun->key);
  // By the record key of this start: the one before has a successor, and moves nobody.
  const auto keys = world.key_chain();
  const auto signer = keys.find(*signer_of(first, ObjectType::transport_key));
  REQUIRE(signer != nullptr);
  CHECK(signer->number == 2);
  REQUIRE(world.agent->rotate_transport_key().ok());
  world.advance(limits::ack_timeout_ns);
  CHECK(world.courier.payloads(MessageType::rekey).back() == first);
}

}  // namespace
}  // namespace reeve::testing
