#include "controller/intake.h"

#include <doctest/doctest.h>

#include "common/limits.h"
#include "controller/controller_limits.h"
#include "tests/controller/world.h"

namespace reeve {
namespace {

using Flags = std::vector<std::string_view>;

Flags flags_of(World& world, const TestNode& node) {
  return world.controller->registry().find(node.id)->flag_names();
}

std::size_t batch_leaves(const World& world) {
  const auto types = world.leaf_types();
  return static_cast<std::size_t>(std::count(types.begin(), types.end(), ObjectType::batch_header));
}

struct OneNode : World {
  OneNode() { enroll(node); }
  TestNode node{"web1"};
};

TEST_CASE("a batch that is next in its chain is appended and acknowledged") {
  OneNode world;
  const auto first = world.node.next_batch(Stream::urgent, 3);
  const auto acks = world.deliver(world.node, first);
  REQUIRE(acks.size() == 1);
  CHECK(acks[0].node == world.node.id);
  CHECK(acks[0].epoch == world.node.epoch);
  CHECK(acks[0].stream == Stream::urgent);
  CHECK(acks[0].last == 2);
  CHECK(acks[0].header == first.header_digest());
  CHECK(acks[0].tree_size == world.controller->tree_size());
  const auto leaf = *world.store->leaf(acks[0].leaf_index);
  REQUIRE(leaf.has_value());
  CHECK(leaf->object == first.header_object);
  CHECK(world.deliver(world.node, world.node.next_batch(Stream::urgent))[0].last == 4);
  CHECK(flags_of(world, world.node).empty());
}

TEST_CASE("each stream has a chain of its own") {
  OneNode world;
  CHECK(world.deliver(world.node, world.node.next_batch(Stream::urgent)).size() == 1);
  CHECK(world.deliver(world.node, world.node.next_batch(Stream::routine)).size() == 1);
  CHECK(world.counted("appended") == 2);
  CHECK(flags_of(world, world.node).empty());
}

TEST_CASE("many batches of one turn are one transaction and each is acknowledged") {
  OneNode world;
  const auto commits = world.store->commits;
  for (int i = 0; i < 20; ++i) world.send(world.node, world.node.next_batch(Stream::routine));
  world.step();
  CHECK(world.acknowledged(world.node).size() == 20);
  CHECK(world.store->commits == commits + 1);
}

TEST_CASE("a repeat is acknowledged again as before and not kept again") {
  OneNode world;
  const auto first = world.node.next_batch(Stream::urgent);
  const auto once = world.deliver(world.node, first);
  world.deliver(world.node, world.node.next_batch(Stream::urgent));
  const auto twice = world.deliver(world.node, first);
  REQUIRE(twice.size() == 1);
  CHECK(twice[0].leaf_index == once[0].leaf_index);
  CHECK(batch_leaves(world) == 2);
  CHECK(world.counted("repeat") == 1);
  world.reopen();
  CHECK(world.deliver(world.node, first)[0].leaf_index == once[0].leaf_index);
  CHECK(batch_leaves(world) == 2);
}

TEST_CASE("a repeat within one turn is kept once") {
  OneNode world;
  const auto first = world.node.next_batch(Stream::urgent);
  world.send(world.node, first);
  world.send(world.node, first);
  world.step();
  CHECK(world.acknowledged(world.node).size() == 2);
  CHECK(batch_leaves(world) == 1);
}

TEST_CASE("a batch ahead of its chain gets no answer until the hole is filled") {
  OneNode world;
  const auto first = world.node.next_batch(Stream::urgent);
  const auto second = world.node.next_batch(Stream::urgent);
  const auto third = world.node.next_batch(Stream::urgent);
  CHECK(world.deliver(world.node, second).empty());  // an unknown epoch that does not begin at 0
  world.deliver(world.node, first);
  CHECK(world.deliver(world.node, third).empty());
  CHECK(world.counted("hole") == 2);
  CHECK(batch_leaves(world) == 1);
  CHECK(world.deliver(world.node, second).size() == 1);
  CHECK(world.deliver(world.node, third).size() == 1);
  CHECK(flags_of(world, world.node).empty());
}

TEST_CASE("the same sequences under another header are equivocation: kept, flagged, no chain") {
  OneNode world;
  world.deliver(world.node, world.node.next_batch(Stream::urgent));
  const auto header = world.node.next_header(Stream::urgent);
  const auto honest = world.node.next_batch(Stream::urgent);
  world.deliver(world.node, honest);
  const auto other = world.node.batch(header, 2, "another-rule");
  const auto acks = world.deliver(world.node, other);
  REQUIRE(acks.size() == 1);
  CHECK(acks[0].header == other.header_digest());
  CHECK(batch_leaves(world) == 3);
  CHECK(flags_of(world, world.node) == Flags{"equivocation"});
  // The chain goes on from the first of both.
  CHECK(world.deliver(world.node, world.node.next_batch(Stream::urgent)).size() == 1);
  CHECK(world.counted("appended") == 3);
  // The second one again is a repeat.
  CHECK(world.deliver(world.node, other)[0].leaf_index == acks[0].leaf_index);
  CHECK(batch_leaves(world) == 4);
  world.clock.advance(limits::node_rows_interval_ns);
  world.step();
  world.reopen();
  CHECK(flags_of(world, world.node) == Flags{"equivocation"});
}

TEST_CASE("a partly overlapping batch is equivocation") {
  OneNode world;
  const auto first = world.node.next_batch(Stream::urgent, 4);
  world.deliver(world.node, first);
  auto header = world.node.next_header(Stream::urgent);
  header.first = 2;
  CHECK(world.deliver(world.node, world.node.batch(header, 6, "r")).size() == 1);
  CHECK(world.counted("equivocation") == 1);
}

TEST_CASE("the next sequence after another predecessor is equivocation") {
  OneNode world;
  world.deliver(world.node, world.node.next_batch(Stream::urgent));
  auto header = world.node.next_header(Stream::urgent);
  header.previous = sha256(view_of("another"));
  CHECK(world.deliver(world.node, world.node.batch(header, 2, "r")).size() == 1);
  CHECK(world.counted("equivocation") == 1);
  CHECK(world.deliver(world.node, world.node.next_batch(Stream::urgent)).size() == 1);
  CHECK(world.counted("appended") == 2);
}

TEST_CASE("what follows a batch that is kept aside is kept aside too, however far ahead") {
  OneNode world;
  world.deliver(world.node, world.node.next_batch(Stream::urgent));
  auto clone = world.node.clone();
  const auto theirs = clone.next_batch(Stream::urgent, 8, "clone");
  const auto theirs_too = clone.next_batch(Stream::urgent, 8, "clone");
  world.deliver(world.node, world.node.next_batch(Stream::urgent));
  CHECK(world.deliver(world.node, theirs).size() == 1);
  CHECK(world.deliver(world.node, theirs_too).size() == 1);
  CHECK(world.counted("equivocation") == 2);
  CHECK(world.counted("hole") == 0);
}

TEST_CASE("an epoch that does not begin with epoch_start is refused") {
  OneNode world;
  auto header = world.node.next_header(Stream::urgent);
  std::vector<SaltedRecord> records{
      {random_bytes<16>(), encode_record("receipt", {1, 1}, Severity::high, {})}};
  CHECK(world.deliver(world.node, seal_batch(header, records, world.node.key)).empty());
  header.previous = sha256(view_of("something"));
  CHECK(world.deliver(world.node, world.node.batch(header, 2, "r")).empty());
  CHECK(world.counted("no_epoch_start") == 2);
  CHECK(batch_leaves(world) == 0);
}

TEST_CASE("two epochs that name one predecessor are a fork: both kept, the node flagged") {
  OneNode world;
  const auto epoch = world.node.epoch;
  world.deliver(world.node, world.node.next_batch(Stream::urgent));
  world.node.begin_epoch(epoch);
  world.deliver(world.node, world.node.next_batch(Stream::urgent));
  world.deliver(world.node, world.node.next_batch(Stream::routine));
  CHECK(flags_of(world, world.node).empty());
  world.node.begin_epoch(epoch);
  CHECK(world.deliver(world.node, world.node.next_batch(Stream::urgent)).size() == 1);
  CHECK(flags_of(world, world.node) == Flags{"fork"});
  CHECK(world.counted("fork") == 1);
  CHECK(batch_leaves(world) == 4);
}

TEST_CASE("a node that begins twice without a predecessor is a fork") {
  OneNode world;
  world.deliver(world.node, world.node.next_batch(Stream::urgent));
  world.node.begin_epoch({});
  world.deliver(world.node, world.node.next_batch(Stream::urgent));
  CHECK(flags_of(world, world.node) == Flags{"fork"});
}

TEST_CASE("a batch signed by another key or naming another node is refused") {
  OneNode world;
  TestNode other("web2");
  world.enroll(other);
  auto theirs = other.next_batch(Stream::urgent);
  CHECK(world.deliver(world.node, theirs).empty());  // their signature over our connection
  CHECK(world.counted("key_unknown") == 1);
  auto header = world.node.next_header(Stream::urgent);
  header.node = other.id;
  CHECK(world.deliver(world.node, world.node.batch(header, 2, "r")).empty());
  CHECK(world.counted("wrong_node") == 1);
  CHECK(batch_leaves(world) == 0);
}

TEST_CASE("a batch whose bodies are not what was signed is refused") {
  OneNode world;
  const auto batch = world.node.next_batch(Stream::urgent);
  auto bytes = encode_batch(batch);
  bytes.back() ^= 1;
  world.send(world.node, MessageType::batch, bytes);
  world.step();
  CHECK(world.acknowledged(world.node).empty());
  CHECK(world.counted("root_mismatch") == 1);
  CHECK(world.deliver(world.node, batch).size() == 1);
}

TEST_CASE("sequences beyond the store's numbers are refused") {
  OneNode world;
  world.deliver(world.node, world.node.next_batch(Stream::urgent));
  auto header = world.node.next_header(Stream::urgent);
  header.first = ~std::uint64_t{0} - 10;
  CHECK(world.deliver(world.node, world.node.batch(header, 2, "r")).empty());
  CHECK(world.counted("limit_exceeded") == 1);
}

TEST_CASE("what an unregistered key sends is dropped and counted") {
  World world;
  TestNode stranger("stranger");
  world.connect(stranger);
  CHECK(world.deliver(stranger, stranger.next_batch(Stream::urgent)).empty());
  CHECK(world.counted("unregistered") == 1);
}

TEST_CASE("a revoked node is out at its next message") {
  OneNode world;
  CHECK(world.deliver(world.node, world.node.next_batch(Stream::urgent)).size() == 1);
  world.ask("revoke", {{"node", world.node.id}, {"why", ""}});
  CHECK(world.deliver(world.node, world.node.next_batch(Stream::urgent)).empty());
  CHECK(world.counted("unregistered") == 1);
  CHECK_FALSE(world.controller->admits_node(world.node.transport.public_key));
}

TEST_CASE("the latest heartbeat is kept and an older one changes nothing") {
  OneNode world;
  const auto older = world.node.heartbeat();
  const auto newer = world.node.heartbeat();
  world.send(world.node, MessageType::heartbeat, world.node.sign_heartbeat(newer));
  world.step();
  world.clock.advance(second_ns);
  world.send(world.node, MessageType::heartbeat, world.node.sign_heartbeat(older));
  world.step();
  const auto* node = world.controller->registry().find(world.node.id);
  CHECK(node->heartbeat == newer);
  CHECK(node->seen_wall_ns == world.clock.wall_ns() - second_ns);
  CHECK(world.counted("stale_heartbeat") == 1);
}

TEST_CASE("a heartbeat of an epoch that has ended changes nothing") {
  OneNode world;
  auto before = world.node.clone();
  world.send(world.node, MessageType::heartbeat, world.node.sign_heartbeat(world.node.heartbeat()));
  world.node.begin_epoch(world.node.epoch);
  const auto newer = world.node.heartbeat();
  world.send(world.node, MessageType::heartbeat, world.node.sign_heartbeat(newer));
  before.heartbeat();
  world.send(world.node, MessageType::heartbeat, before.sign_heartbeat(before.heartbeat()));
  world.step();
  CHECK(world.controller->registry().find(world.node.id)->heartbeat == newer);
  CHECK(world.counted("stale_heartbeat") == 1);
}

TEST_CASE("a heartbeat of another node or with a broken signature is refused") {
  OneNode world;
  auto heartbeat = world.node.heartbeat();
  auto bytes = world.node.sign_heartbeat(heartbeat);
  bytes.back() ^= 1;
  world.send(world.node, MessageType::heartbeat, bytes);
  heartbeat.node = sha256(view_of("another"));
  world.send(world.node, MessageType::heartbeat, world.node.sign_heartbeat(heartbeat));
  world.step();
  CHECK(world.counted("heard") == 0);
  CHECK(world.counted("bad_signature") == 1);
  CHECK(world.counted("wrong_node") == 1);
}

// Certificate and heartbeat go to operators in one item, and an item never in two replies.
TEST_CASE("a heartbeat that no reply could carry is refused, and operators hear of all nodes") {
  OneNode world;
  auto heartbeat = world.node.heartbeat();
  heartbeat.blind_spots.assign(1'000, std::string(55, 'x'));
  const auto bytes = world.node.sign_heartbeat(heartbeat);
  REQUIRE(bytes.size() > limits::heartbeat_bytes_max);
  REQUIRE(bytes.size() < limits::message_bytes_max - wire_header_bytes);
  world.send(world.node, MessageType::heartbeat, bytes);
  world.step();
  CHECK(world.counted("heard") == 0);
  CHECK(world.counted("limit_exceeded") == 1);
  const auto items = world.ask("status");
  REQUIRE(items.size() == 1);
  CHECK(encode(items[0]).size() < limits::message_bytes_max);
}

TEST_CASE("signs of life reach the store now and then and survive a stop") {
  OneNode world;
  const auto heartbeat = world.node.heartbeat();
  world.clock.advance(limits::node_rows_interval_ns);
  world.send(world.node, MessageType::heartbeat, world.node.sign_heartbeat(heartbeat));
  world.step();
  world.reopen();
  const auto* node = world.controller->registry().find(world.node.id);
  CHECK(node->heartbeat == heartbeat);
  CHECK_FALSE(node->is_connected(world.clock));
}

}  // namespace
}  // namespace reeve
