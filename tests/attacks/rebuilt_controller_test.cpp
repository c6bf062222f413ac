// A controller that an attacker rebuilt from every file of the real one: the real program's code,
// the same CURVE key, the nodes registered again, and a root, policy and operators of its own. A
// real agent talks to it, and the security team asks it with what `reeve status` judges by.
#include <doctest/doctest.h>

#include "controller/cli/verify.h"
#include "tests/attacks/besieged_agent.h"
#include "tests/controller/world.h"

namespace reeve::testing {
namespace {

namespace fixture = trust_fixture;

// World makes keys of its own: here they are the attacker's.
struct Rebuilt {
  Rebuilt() {
    const Bytes certificate =
        seal_object(ObjectType::node_certificate, encode_certificate(fixture::certificate()),
                    evil.fleet.admin.key);
    evil.ask("enroll", {{"certificate", certificate}});
    link = evil.nodes.connect(fixture::certificate().transport_key);
    for (const Bytes& message : agent.courier.sent) REQUIRE(link->send(message));
    agent.courier.sent.clear();
    pump();
  }

  // Everything that both have to say.
  void pump() {
    for (int i = 0; i < 10; ++i) {
      evil.step();
      while (auto message = link->receive()) agent.courier.incoming.push_back(std::move(*message));
      agent.settle();
      for (const Bytes& message : agent.courier.sent) REQUIRE(link->send(message));
      agent.courier.sent.clear();
    }
  }

  // As the attacker's controller tells them; they follow from the node's true first key.
  cli::KeyChains chains() {
    const auto certificate = fixture::certificate();
    cli::KeyChains out;
    auto& chain = out.try_emplace(certificate.node, certificate.node,
                                  RecordKey{certificate.record_key, 0, std::nullopt})
                      .first->second;
    Value::Array asked;
    asked.emplace_back(Value::Map{{"node", certificate.node}});
    for (const Value& item : evil.ask("successions", {{"nodes", std::move(asked)}}))
      REQUIRE(chain.add(*item.find("succession")->binary()).ok());
    return out;
  }

  // Not reported by name: it goes out with the next heartbeat.
  std::string refused() const { return agent.agent->policy_store().last_refusal(); }

  Besieged agent;
  World evil;
  std::unique_ptr<FakeClientLink> link;
};

TEST_CASE("a controller rebuilt by an attacker moves no host") {
  Rebuilt world;
  const Standing before = world.agent.standing();
  world.evil.publish(99, {"evil"});
  world.pump();
  world.agent.check_unmoved(before);
  CHECK(world.refused() == "too_few_signatures");
  CHECK(world.agent.refusals() == std::vector<std::string>{"too_few_signatures"});
  // Nor do further roots of the attacker's, sent as if they followed the agent's own.
  for (std::uint64_t version = 2; version < 7; ++version)
    world.agent.hear(MessageType::root, world.evil.fleet.next_root(version));
  world.agent.check_unmoved(before);
  world.agent.host.add_file(Besieged::watched, 0666);
  world.agent.wake(0, Besieged::watched);
  CHECK(world.agent.host.at(Besieged::watched).mode == 0600);
}

TEST_CASE("a controller rebuilt by an attacker is shown as what it is") {
  Rebuilt world;
  world.evil.publish(99, {"evil"});
  world.agent.advance(limits::heartbeat_interval_ns);
  world.pump();
  const auto items = world.evil.ask("status");
  std::size_t nodes = 0;
  for (const Value& item : items) {
    if (item.find("certificate") == nullptr) continue;
    ++nodes;
    const auto seen = cli::judge_node(item, world.agent.root());
    CHECK(seen.unproven == "not_an_enroller");
    CHECK(cli::state_of(seen, world.agent.clock.wall_ns()) == cli::NodeState::unproven);
    // With the true certificate the heartbeat is true as well, and tells of what was refused.
    Value::Map honest;
    for (const auto& [key, value] : *item.map())
      if (key != "certificate") honest.emplace_back(key, value);
    honest.emplace_back("certificate", fixture::sealed(ObjectType::node_certificate,
                                                       encode_certificate(fixture::certificate()),
                                                       {fixture::operator_key}));
    const auto proven =
        cli::judge_node(Value(honest), world.agent.root(), {cli::KnownNodes{}, world.chains()});
    REQUIRE(proven.heartbeat);
    CHECK(proven.heartbeat->manifest_version == Besieged::version_in_force);
    CHECK(proven.heartbeat->refused == "too_few_signatures");
    CHECK(cli::state_of(proven, world.agent.clock.wall_ns()) == cli::NodeState::refused);
  }
  CHECK(nodes == 1);
  // The manifest that it calls the newest is nobody's.
  const auto manifest = world.evil.ask("manifest");
  REQUIRE(manifest.size() == 1);
  CHECK_FALSE(
      verify_stored_manifest(*manifest[0].find("manifest")->binary(), world.agent.root()).ok());
}

}  // namespace
}  // namespace reeve::testing
