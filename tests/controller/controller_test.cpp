#include "controller/controller.h"

#include <doctest/doctest.h>

#include "common/limits.h"
#include "controller/controller_limits.h"
#include "tests/controller/world.h"

namespace reeve {
namespace {

struct OneNode : World {
  OneNode() { enroll(node); }
  TestNode node{"web1"};
};

Digest root_over_leaves(const World& world) {
  const auto hashes = world.store->leaf_hashes(0, 1'000'000);
  REQUIRE(hashes.ok());
  return tree_root(*hashes);
}

TEST_CASE("nothing is acknowledged when the commit fails, and nothing is lost") {
  for (const auto fault :
       {FaultyStore::Fault::commit, FaultyStore::Fault::write, FaultyStore::Fault::begin}) {
    OneNode world;
    world.deliver(world.node, world.node.next_batch(Stream::urgent));
    const auto size = world.controller->tree_size();
    const auto root = world.controller->tree_root();
    const auto second = world.node.next_batch(Stream::urgent);
    const auto third = world.node.next_batch(Stream::urgent);
    world.store->fault = fault;
    world.send(world.node, second);
    world.send(world.node, third);
    const auto notes = world.step();
    CHECK(world.store->refused == 1);
    CHECK(world.acknowledged(world.node).empty());
    REQUIRE(notes.size() == 1);
    CHECK(notes[0].find("disk_full") != std::string::npos);
    CHECK(world.controller->tree_size() == size);
    CHECK(world.controller->tree_root() == root);

    world.store->fault = FaultyStore::Fault::none;
    CHECK(world.deliver(world.node, second).empty());  // the store rests
    CHECK(world.counted("store_resting") >= 1);
    world.clock.advance(limits::store_retry_ns);
    CHECK(world.deliver(world.node, second).size() == 1);
    CHECK(world.deliver(world.node, third).size() == 1);
    CHECK(world.counted("equivocation") == 0);
    CHECK(world.controller->tree_root() == root_over_leaves(world));
  }
}

TEST_CASE("policy still reaches nodes while the store refuses to write") {
  OneNode world;
  const auto bundle = world.publish(1);
  world.received(world.node);
  world.store->fault = FaultyStore::Fault::commit;
  world.send(world.node, world.node.next_batch(Stream::urgent));
  world.send(world.node, MessageType::fetch, encode_fetch({sha256(bundle), 0}));
  world.step();
  const auto messages = world.received(world.node);
  REQUIRE(messages.size() == 1);
  CHECK(messages[0].type == MessageType::chunk);
  CHECK(world.store->refused == 1);
}

TEST_CASE("a change that an operator asks for is refused whole when the commit fails") {
  World world;
  TestNode node("web1");
  world.store->fault = FaultyStore::Fault::commit;
  const auto error = world.ask_refused("enroll", {{"certificate", node.certificate(world.fleet)}});
  CHECK(error.name == "disk_full");
  CHECK(world.controller->registry().find(node.id) == nullptr);
  world.store->fault = FaultyStore::Fault::none;
  world.enroll(node);
  CHECK(world.deliver(node, node.next_batch(Stream::urgent)).size() == 1);
}

TEST_CASE("the ledger holds root, ticks, operators' acts and batches, and its head their tree") {
  OneNode world;
  world.deliver(world.node, world.node.next_batch(Stream::urgent));
  world.publish(1);
  using T = ObjectType;
  CHECK(world.leaf_types() == std::vector{T::root, T::tick, T::operator_request,
                                          T::node_certificate, T::batch_header, T::operator_request,
                                          T::manifest});
  CHECK(world.controller->tree_root() == root_over_leaves(world));
}

TEST_CASE("after a restart the tree goes on where it was, with one tick more") {
  OneNode world;
  for (int i = 0; i < 9; ++i) world.deliver(world.node, world.node.next_batch(Stream::routine));
  const auto size = world.controller->tree_size();
  world.reopen();
  CHECK(world.controller->tree_size() == size + 1);
  CHECK(world.leaf_types().back() == ObjectType::tick);
  CHECK(world.controller->tree_root() == root_over_leaves(world));
  world.connect(world.node);
  CHECK(world.deliver(world.node, world.node.next_batch(Stream::routine)).size() == 1);
  CHECK(world.controller->tree_root() == root_over_leaves(world));
}

TEST_CASE("messages that are no messages are dropped and counted") {
  OneNode world;
  const auto& key = world.node.transport.public_key;
  auto client = world.nodes.connect(sha256(view_of("a second connection")));
  CHECK(client->send(Bytes{1, 2, 3}));
  world.send(world.node, MessageType::manifest, Bytes{1});
  world.send(world.node, MessageType::batch, Bytes{});
  world.send(world.node, MessageType::heartbeat, Bytes(limits::heartbeat_bytes_max, 0xff));
  world.send(world.node, MessageType::fetch, Bytes(3, 0));
  world.step();
  CHECK(world.received(world.node).empty());
  CHECK(world.counted("unregistered") == 1);
  CHECK(world.counted("wrong_type") == 1);
  CHECK(world.counted("malformed") == 2);
  CHECK(world.counted("not_published") == 1);
  CHECK(world.controller->admits_node(key));
}

TEST_CASE("one turn takes a bounded number of messages and leaves the rest for the next") {
  OneNode world;
  for (std::size_t i = 0; i < limits::messages_per_commit + 5; ++i) {
    world.send(world.node, MessageType::fetch, Bytes{});
  }
  world.step();
  CHECK(world.counted("not_published") == limits::messages_per_commit);
  world.step();
  CHECK(world.counted("not_published") == limits::messages_per_commit + 5);
}

TEST_CASE("an idle controller has nothing to do for a long time") {
  OneNode world;
  world.step();
  CHECK(world.controller->idle_ns() == limits::controller_idle_ns);
  world.clock.advance(limits::node_rows_interval_ns);
  world.send(world.node, MessageType::heartbeat, world.node.sign_heartbeat(world.node.heartbeat()));
  world.step();
  world.send(world.node, MessageType::heartbeat, world.node.sign_heartbeat(world.node.heartbeat()));
  world.step();
  CHECK(world.controller->idle_ns() == limits::node_rows_interval_ns);
}

TEST_CASE("a root of the next version is taken over and logged; any other is refused by name") {
  World world;
  const auto first = world.fleet.root_object;
  world.fleet.root_object = world.fleet.next_root(2);
  world.reopen();
  CHECK(world.leaf_types()[2] == ObjectType::root);
  const auto refused = [&](Bytes root) {
    world.fleet.root_object = std::move(root);
    const auto opened = world.open();
    REQUIRE_FALSE(opened.ok());
    return opened.error().name;
  };
  auto older = world.fleet.root;
  older.expires_s += 1;
  CHECK(refused(seal_object(ObjectType::root, encode_root(older), world.fleet.root_key)) ==
        "root_rollback");
  CHECK(refused(world.fleet.next_root(4)) == "root_gap");
  auto other = world.fleet.root;
  other.version = 2;
  other.origin = "another";
  CHECK(refused(seal_object(ObjectType::root, encode_root(other), world.fleet.root_key)) ==
        "root_mismatch");
  CHECK(refused(Bytes{1, 2, 3}) == "malformed");
  // One that it has had before: the store knows the chain from there on.
  world.fleet.root_object = first;
  CHECK(world.open().ok());
}

TEST_CASE("a ledger key that the root does not name is refused") {
  World world;
  world.fleet.ledger_key = SigningKey::generate();
  const auto opened = world.open();
  REQUIRE_FALSE(opened.ok());
  CHECK(opened.error().name == "key_mismatch");
}

TEST_CASE("a start that cannot be logged is refused and leaves nothing") {
  World world;
  const auto size = world.controller->tree_size();
  world.store->fault = FaultyStore::Fault::commit;
  CHECK_FALSE(world.open().ok());
  CHECK(world.store->refused == 1);
  CHECK(*world.store->leaf_count() == size);
}

}  // namespace
}  // namespace reeve
