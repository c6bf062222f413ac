// A ledger that was put back from a backup: what the controller does not do before its recovery is
// entered, which recoveries it takes, and to whom it hands them.
#include <doctest/doctest.h>

#include <algorithm>

#include "common/ledger_recovery.h"
#include "tests/controller/world.h"

namespace reeve {
namespace {

using Types = std::vector<MessageType>;

struct PutBack : World {
  TestNode node{"web1"};
  PutBack() {
    enroll(node);
    connect(node);
    deliver(node, node.next_batch(Stream::urgent));
    put_back();
  }
  // As `reeve-controller restore` leaves the store.
  void put_back() {
    REQUIRE(store->begin().ok());
    REQUIRE(store->put_ledger_state(LedgerState::awaits_recovery).ok());
    REQUIRE(store->commit().ok());
    reopen();
    connect(node);
    received(node);
  }
  Checkpoint checkpoint() {
    const auto items = ask("checkpoint", {{"from", 0}});
    const auto checkpoint = verify_ledger_checkpoint(*items[0].find("note")->text(), fleet.root);
    REQUIRE(checkpoint.ok());
    return *checkpoint;
  }
  LedgerRecovery recovery() {
    LedgerRecovery out;
    out.fleet = fleet.root.fleet;
    const Checkpoint now = checkpoint();
    out.old_origin = now.origin;
    out.new_origin = ledger_origin(fleet.root, *recoveries_before(now.origin, fleet.root) + 1);
    out.trusted = now.tree;
    out.reason = "its disk is gone";
    return out;
  }
  Bytes sealed(const LedgerRecovery& recovery) const {
    return seal_object(ObjectType::ledger_recovery, encode_recovery(recovery), fleet.root_key);
  }
  void recover() { ask("recover", {{"recovery", sealed(recovery())}}); }
  Types heard(std::uint64_t root_version, LedgerSeen seen) {
    auto heartbeat = node.heartbeat();
    heartbeat.root_version = root_version;
    heartbeat.ledger = std::move(seen);
    send(node, MessageType::heartbeat, node.sign_heartbeat(heartbeat));
    step();
    return types();
  }
  Types types() {
    Types out;
    for (const WireMessage& message : received(node)) out.push_back(message.type);
    return out;
  }
};

const LedgerSeen lacks{90, sha256(view_of("what is lost")), "ledger_shorter", 0};

TEST_CASE("a ledger that was put back does not grow before the root's holders say from where") {
  PutBack world;
  const Checkpoint before = world.checkpoint();
  CHECK(before.origin == world.fleet.root.origin);
  CHECK(world.deliver(world.node, world.node.next_batch(Stream::urgent)).empty());
  CHECK(world.counted("recovery_needed") == 1);
  CHECK(world.ask_refused("retire", {{"node", world.node.id}, {"why", "gone"}}).name ==
        "recovery_needed");
  world.reopen();  // no tick either
  CHECK(world.checkpoint() == before);
  const auto state = world.ask("recoveries");
  REQUIRE(state.size() == 1);
  CHECK(*state[0].find("awaited")->boolean());
  CHECK(*state[0].find("origin")->text() == before.origin);
  CHECK(state[0].find("size")->natural() == before.tree.size);
  CHECK(fixed<32>(*state[0].find("root")->binary()) == before.tree.root);
}

TEST_CASE("a recovery is two leaves under a new origin, and all goes on from there") {
  PutBack world;
  const Checkpoint before = world.checkpoint();
  const Batch batch = world.node.next_batch(Stream::urgent);
  world.deliver(world.node, batch);
  const Bytes object = world.sealed(world.recovery());
  world.ask("recover", {{"recovery", object}});
  const Checkpoint after = world.checkpoint();
  CHECK(after.origin == world.fleet.root.origin + "~1");
  CHECK(after.tree.size >= before.tree.size + 2);
  auto types = world.leaf_types();
  types.erase(types.begin(), types.begin() + static_cast<std::ptrdiff_t>(before.tree.size));
  CHECK(types[0] == ObjectType::operator_request);
  CHECK(types[1] == ObjectType::ledger_recovery);
  const auto proof = world.ask("checkpoint", {{"from", before.tree.size}});
  std::vector<Digest> path;
  for (const Value& hash : *proof[0].find("consistency")->array())
    path.push_back(*fixed<32>(*hash.binary()));
  CHECK(consistency_holds(before.tree, after.tree, path));
  CHECK(world.deliver(world.node, batch).size() == 1);
  world.reopen();
  CHECK(world.checkpoint().origin == after.origin);
  CHECK(world.ask("recoveries").size() == 2);
  world.ask("recover", {{"recovery", object}});  // its reply was lost
  CHECK(world.ask("recoveries").size() == 2);
  CHECK(world.checkpoint().origin == after.origin);
}

TEST_CASE("a recovery that must not be entered is refused by its name and changes nothing") {
  PutBack world;
  const LedgerRecovery good = world.recovery();
  const auto refused = [&](const LedgerRecovery& recovery, const SigningKey& by) {
    return world
        .ask_refused(
            "recover",
            {{"recovery", seal_object(ObjectType::ledger_recovery, encode_recovery(recovery), by)}})
        .name;
  };
  const auto changed = [&](const std::function<void(LedgerRecovery&)>& change) {
    LedgerRecovery out = good;
    change(out);
    return refused(out, world.fleet.root_key);
  };
  CHECK(refused(good, world.fleet.ledger_key) == "too_few_signatures");
  CHECK(refused(good, world.fleet.policy_key) == "too_few_signatures");
  CHECK(refused(good, world.fleet.admin.key) == "too_few_signatures");
  CHECK(changed([](LedgerRecovery& r) { r.trusted.root.data[0] ^= 1; }) == "recovery_mismatch");
  CHECK(changed([](LedgerRecovery& r) { r.trusted.size += 1; }) == "recovery_mismatch");
  CHECK(changed([](LedgerRecovery& r) { r.trusted.size -= 1; }) == "recovery_mismatch");
  CHECK(changed([](LedgerRecovery& r) { r.fleet.data[0] ^= 1; }) == "wrong_fleet");
  CHECK(changed([](LedgerRecovery& r) {
          r.old_origin = r.new_origin;
          r.new_origin.back() = '2';
        }) == "wrong_ledger");
  const auto by_viewer =
      world.ask_as(world.fleet.viewer, "recover", {{"recovery", world.sealed(good)}});
  CHECK(by_viewer.front().error->name == "not_permitted");
  world.store->fault = FaultyStore::Fault::commit;
  CHECK(world.ask_refused("recover", {{"recovery", world.sealed(good)}}).name == "disk_full");
  world.store->fault = FaultyStore::Fault::none;
  CHECK(world.checkpoint().origin == world.fleet.root.origin);
  CHECK(world.checkpoint().tree == good.trusted);
  CHECK(*world.ask("recoveries")[0].find("awaited")->boolean());
  world.ask("recover", {{"recovery", world.sealed(good)}});
  // One that was signed for the ledger before is of no use any more.
  LedgerRecovery again = good;
  again.reason = "once more";
  CHECK(refused(again, world.fleet.root_key) == "wrong_ledger");
}

TEST_CASE("a recovery goes at once to who is there, and to everybody who has not followed it") {
  PutBack world;
  CHECK(world.heard(1, lacks).empty());
  world.recover();
  CHECK(world.types() == Types{MessageType::recovery});
  CHECK(world.heard(1, lacks) == Types{MessageType::recovery});
  CHECK(world.heard(1, {90, {}, "", 1}).empty());
  CHECK(world.heard(1, {}).empty());  // it has seen nothing that it would have to let go of
  world.reopen();
  world.connect(world.node);
  CHECK(world.heard(1, lacks) == Types{MessageType::recovery});
  world.put_back();
  world.recover();
  // One after the other.
  CHECK(world.heard(1, lacks) == Types{MessageType::recovery});
  CHECK(world.heard(1, {90, {}, "", 1}) == Types{MessageType::recovery});
  CHECK(world.heard(1, {90, {}, "", 2}).empty());
  CHECK(world.checkpoint().origin == world.fleet.root.origin + "~2");
}

TEST_CASE("a root that may have lost a recovery's signers comes after it") {
  PutBack world;
  world.recover();
  world.types();
  world.ask("root", {{"root", world.fleet.next_root(2)}});
  world.types();
  CHECK(world.heard(1, lacks) == Types{MessageType::recovery});
  CHECK(world.heard(1, {90, {}, "", 1}) == Types{MessageType::root});
  // Whoever refuses it, or has a later root already, is kept from nothing.
  LedgerSeen refuses = lacks;
  refuses.error = "recovery_refused";
  CHECK(world.heard(1, refuses) == Types{MessageType::root, MessageType::recovery});
  world.publish(3);
  world.types();
  CHECK(world.heard(2, lacks) == Types{MessageType::manifest, MessageType::recovery});
}

TEST_CASE("roots that were published after the backup come with the recovery") {
  PutBack world;
  Root two = world.fleet.root;
  two.version = 2;
  two.root.keys = {SigningKey::generate().public_key(), world.fleet.root_key.public_key()};
  const Bytes second = seal_object(ObjectType::root, encode_root(two), world.fleet.root_key);
  Root three = two;
  three.version = 3;
  const Bytes third = seal_object(ObjectType::root, encode_root(three), world.fleet.root_key);
  const auto recover = [&](Value::Array roots) {
    return Value::Map{{"recovery", world.sealed(world.recovery())}, {"roots", std::move(roots)}};
  };
  CHECK(world.ask_refused("recover", recover({third})).name == "root_gap");
  CHECK(world.ask_refused("root", {{"root", second}}).name == "recovery_needed");
  CHECK(world.ask("roots", {{"after", 0}}).size() == 1);
  world.ask("recover", recover({second, third}));
  for (int start = 0; start < 2; ++start) {
    CHECK(world.ask("roots", {{"after", 0}}).size() == 3);
    CHECK(world.checkpoint().origin == world.fleet.root.origin + "~1");
    world.reopen();
    world.connect(world.node);
  }
  world.types();
  CHECK(world.heard(1, lacks) ==
        Types{MessageType::root, MessageType::root, MessageType::recovery});
}

}  // namespace
}  // namespace reeve
