// Roots and operators' acts on their way through the controller.
#include <doctest/doctest.h>

#include "common/act.h"
#include "common/limits.h"
#include "tests/controller/world.h"

namespace reeve {
namespace {

using Types = std::vector<MessageType>;

struct Trusting : World {
  TestNode node{"web1"};
  Trusting() {
    enroll(node);
    connect(node);
  }
  Types heard(std::uint64_t root_version, std::vector<ActId> pauses = {}) {
    auto heartbeat = node.heartbeat();
    heartbeat.root_version = root_version;
    heartbeat.pauses = std::move(pauses);
    send(node, MessageType::heartbeat, node.sign_heartbeat(heartbeat));
    step();
    return types();
  }
  Types types() {
    Types out;
    for (const WireMessage& message : received(node)) out.push_back(message.type);
    return out;
  }
  Bytes root_after(const Root& before, const std::function<void(Root&)>& change = {}) const {
    Root next = before;
    ++next.version;
    if (change) change(next);
    return seal_object(ObjectType::root, encode_root(next), fleet.root_key);
  }
  Act act(std::uint8_t id = 1) const {
    Act out;
    out.fleet = fleet.root.fleet;
    out.id.data.fill(id);
    out.issued_s = clock.wall_ns() / second_ns;
    out.until_s = out.issued_s + 3'600;
    out.reason = "three in the morning";
    return out;
  }
  Bytes sealed(const Act& act) const {
    return seal_object(ObjectType::operator_act, encode_act(act), fleet.admin.key);
  }
  Act end_of(Act act) const {
    act.kind = ActKind::resume;
    return act;
  }
  std::size_t leaves(ObjectType type) const {
    const auto types = leaf_types();
    return static_cast<std::size_t>(std::count(types.begin(), types.end(), type));
  }
};

TEST_CASE("a root that operators publish is logged, kept, and handed on version by version") {
  Trusting world;
  CHECK(world.heard(1).empty());
  const Bytes second = world.root_after(world.fleet.root);
  Root two = world.fleet.root;
  two.version = 2;
  const Bytes third = world.root_after(two);
  world.ask("root", {{"root", second}});
  CHECK(world.types() == Types{MessageType::root});  // who is connected hears of it at once
  world.ask("root", {{"root", second}});             // its reply was lost
  world.ask("root", {{"root", third}});
  world.types();
  CHECK(world.heard(1) == Types{MessageType::root, MessageType::root});
  CHECK(world.heard(3).empty());
  CHECK(world.leaves(ObjectType::root) == 3);
  // The state directory still holds the first root: the store knows better.
  world.reopen();
  world.connect(world.node);
  CHECK(world.heard(2) == Types{MessageType::root});
  const auto items = world.ask("roots", {{"after", 1}});
  REQUIRE(items.size() == 2);
  CHECK(*items[0].find("root")->binary() == second);
  CHECK(*items[1].find("root")->binary() == third);
  CHECK(world.ask("roots", {{"after", ~std::uint64_t{0}}}).empty());
}

TEST_CASE("a root that must not be published is refused by its name and changes nothing") {
  Trusting world;
  const auto& root = world.fleet.root;
  const auto refused = [&](Bytes object) {
    return world.ask_refused("root", {{"root", std::move(object)}}).name;
  };
  Root next = root;
  next.version = 2;
  CHECK(refused(seal_object(ObjectType::root, encode_root(next), world.fleet.policy_key)) ==
        "too_few_signatures");
  CHECK(refused(world.root_after(next)) == "root_gap");
  CHECK(refused(world.root_after(root, [](Root& r) {
          r.version = 1;
          r.expires_s += 1;
        })) == "root_rollback");
  CHECK(refused(world.root_after(root, [](Root& r) { r.fleet.data[0] ^= 1; })) == "wrong_fleet");
  CHECK(refused(world.root_after(root, [](Root& r) {
          r.ledger.keys = {SigningKey::generate().public_key()};
        })) == "key_mismatch");
  CHECK(refused(Bytes{1}) == "malformed");
  CHECK(world.ask_as(world.fleet.viewer, "root", {{"root", world.root_after(root)}})
            .front()
            .error->name == "not_permitted");
  CHECK(world.leaves(ObjectType::root) == 1);
  CHECK(world.ask("roots", {{"after", 0}}).size() == 1);
}

TEST_CASE("an operator whom the next root leaves out gets no answer any more") {
  Trusting world;
  REQUIRE(world.ask_as(world.fleet.viewer, "ping").size() == 1);
  world.ask(
      "root",
      {{"root", world.root_after(world.fleet.root, [](Root& r) { r.operators.pop_back(); })}});
  CHECK(world.ask_as(world.fleet.viewer, "ping").empty());
  CHECK_FALSE(world.controller->admits_operator(world.fleet.viewer.transport.public_key));
  CHECK(world.ask("ping").size() == 1);
}

TEST_CASE("a policy key that the next root leaves out has published its last") {
  Trusting world;
  world.publish(7);
  world.ask("root", {{"root", world.root_after(world.fleet.root, [](Root& r) {
                        r.policy = {{SigningKey::generate().public_key()}, 1};
                      })}});
  CHECK(world.ask("manifest").size() == 1);  // operators see what was published last
  const auto bundle = test_bundle({"other"});
  world.upload(bundle);
  CHECK(world.ask_refused("publish", {{"manifest", world.manifest_object(8, bundle, 1)}}).name ==
        "too_few_signatures");
  CHECK(world.ask("manifests").size() == 1);  // what was is still told
}

TEST_CASE("an act is logged, survives a start, and goes to nodes that match and lack it") {
  Trusting world;
  world.heard(1);
  const Act act = world.act();
  world.ask("act", {{"act", world.sealed(act)}});
  CHECK(world.types() == Types{MessageType::act});
  world.ask("act", {{"act", world.sealed(act)}});  // its reply was lost
  CHECK(world.leaves(ObjectType::operator_act) == 1);
  Act other = world.act(2);
  other.selector = {{{"role", {"db"}}}};
  world.ask("act", {{"act", world.sealed(other)}});
  world.types();
  world.reopen();
  world.connect(world.node);
  CHECK(world.heard(1) == Types{MessageType::act});
  CHECK(world.heard(1, {act.id}).empty());
  CHECK(world.ask("acts").size() == 2);
  world.clock.advance(3'600 * second_ns);
  CHECK(world.heard(1).empty());
  CHECK(world.ask("acts").empty());
}

TEST_CASE("the end of a pause goes to those who hold it, and the pause to nobody") {
  Trusting world;
  world.heard(1);
  const Act act = world.act();
  CHECK(world.ask_refused("act", {{"act", world.sealed(world.end_of(act))}}).name == "unknown_act");
  world.ask("act", {{"act", world.sealed(act)}});
  world.heard(1, {act.id});
  world.ask("act", {{"act", world.sealed(world.end_of(act))}});
  CHECK(world.types() == Types{MessageType::act});
  CHECK(world.heard(1).empty());
  CHECK(world.heard(1, {act.id}) == Types{MessageType::act});
  CHECK(world.ask_refused("act", {{"act", world.sealed(act)}}).name == "act_ended");
  world.reopen();
  world.connect(world.node);
  CHECK(world.heard(1).empty());
}

TEST_CASE("a root that drops an operator ends their pauses, and none begins again by it") {
  Trusting world;
  const TestOperator& vera = world.fleet.viewer;
  const auto by_vera = [&](const Act& act) {
    return seal_object(ObjectType::operator_act, encode_act(act), vera.key);
  };
  Root two = world.fleet.root;
  two.version = 2;
  two.operators[1].rights = {Right::view, Right::operate};
  world.ask("root", {{"root", world.root_after(world.fleet.root, [&](Root& r) { r = two; })}});
  const Act ended = world.act(1);
  world.ask("act", {{"act", world.sealed(ended)}});
  REQUIRE_FALSE(world.ask_as(vera, "act", {{"act", by_vera(world.end_of(ended))}})[0].error);
  for (std::uint8_t i = 2; i <= limits::acts_max; ++i)
    REQUIRE_FALSE(world.ask_as(vera, "act", {{"act", by_vera(world.act(i))}})[0].error);
  CHECK(world.ask("acts").size() == limits::acts_max);
  world.ask("root", {{"root", world.root_after(two, [](Root& r) { r.operators.pop_back(); })}});
  for (int start = 0; start < 2; ++start) {
    CHECK(world.ask("acts").size() == 1);
    CHECK(world.ask_refused("act", {{"act", world.sealed(ended)}}).name == "act_ended");
    world.reopen();
    world.connect(world.node);
  }
  world.types();
  CHECK(world.heard(3).empty());
  CHECK(world.heard(3, {ended.id}) == Types{MessageType::act});
  // Somebody else may say the end again, for agents that believe its signer no more.
  world.ask("act", {{"act", world.sealed(world.end_of(ended))}});
  CHECK(*world.ask("acts")[0].find("act")->binary() == world.sealed(world.end_of(ended)));
  world.ask("act", {{"act", world.sealed(world.act(99))}});
}

TEST_CASE("acts whose time is over make room for others") {
  Trusting world;
  for (int hours = 0; hours < 3; ++hours) {
    for (std::size_t i = 0; i < limits::acts_max; ++i)
      world.ask("act", {{"act", world.sealed(world.act(static_cast<std::uint8_t>(i + 1)))}});
    world.clock.advance(3'600 * second_ns);
  }
}

TEST_CASE("an act that must not be entered is refused by its name") {
  Trusting world;
  const auto refused = [&](const Act& act) {
    return world.ask_refused("act", {{"act", world.sealed(act)}}).name;
  };
  Act act = world.act();
  act.until_s = act.issued_s + limits::pause_s_max + 1;
  CHECK(refused(act) == "pause_too_long");
  act = world.act();
  act.fleet.data[0] ^= 1;
  CHECK(refused(act) == "wrong_fleet");
  act = world.act();
  act.issued_s -= 7'200;
  act.until_s -= 7'200;
  CHECK(refused(act) == "act_expired");
  CHECK(world
            .ask_refused("act",
                         {{"act", seal_object(ObjectType::operator_act, encode_act(world.act()),
                                              world.fleet.viewer.key)}})
            .name == "not_permitted");
  CHECK(world.ask_as(world.fleet.viewer, "act", {{"act", world.sealed(world.act())}})
            .front()
            .error->name == "not_permitted");
  for (std::size_t i = 0; i < limits::acts_max; ++i)
    world.ask("act", {{"act", world.sealed(world.act(static_cast<std::uint8_t>(i + 1)))}});
  CHECK(refused(world.act(99)) == "too_many_acts");
  CHECK(world.leaves(ObjectType::operator_act) == limits::acts_max);
}

TEST_CASE("the manifests that there were are told newest first") {
  Trusting world;
  world.publish(1);
  world.publish(4);
  const auto items = world.ask("manifests");
  REQUIRE(items.size() == 2);
  CHECK(verify_stored_manifest(*items[0].find("manifest")->binary(), world.fleet.root)
            ->manifest.version == 4);
  CHECK(world.ask("manifests", {{"before", 4}}).size() == 1);
  CHECK(world.ask("manifests", {{"before", 1}}).empty());
  CHECK(world.ask("manifests", {{"limit", 1}}).size() == 1);
  CHECK(world.ask("manifests", {{"limit", 0}}).size() == 1);
  CHECK(world.ask("manifests", {{"before", ~std::uint64_t{0}}}).size() == 2);
}

}  // namespace
}  // namespace reeve
