#include <doctest/doctest.h>

#include <algorithm>

#include "common/limits.h"
#include "common/transport_key.h"
#include "tests/controller/world.h"

using namespace reeve;

namespace {

// A node that goes on under a new key, as an agent's start does.
struct Rotated {
  Bytes statement;
  KeySuccession link;
};

Rotated rotate(TestNode& node, std::uint64_t number, const Epoch& epoch,
               std::array<KeySuccession::End, 2> ends = {}) {
  Rotated out;
  out.link.node = node.id;
  out.link.number = number;
  out.link.epoch = epoch;
  out.link.ended = number == 1 ? Epoch{} : node.epoch;
  out.link.ends = ends;
  SigningKey next = SigningKey::generate();
  out.link.key = next.public_key();
  out.statement = seal_succession(out.link, node.key);
  node.key = std::move(next);
  node.begin_epoch(node.epoch);
  node.epoch = epoch;
  return out;
}

Epoch epoch_of(std::uint8_t byte) {
  Epoch epoch;
  epoch.data.fill(byte);
  return epoch;
}

struct Joined : World {
  TestNode node{"web1"};
  Joined() { enroll(node); }
  std::vector<Acknowledgement> tell(const Bytes& statement) {
    send(node, MessageType::succession, statement);
    step();
    return acknowledged(node);
  }
  bool hears_heartbeat() {
    const auto before = counted("heard");
    send(node, MessageType::heartbeat, node.sign_heartbeat(node.heartbeat()));
    step();
    return counted("heard") > before;
  }
};

}  // namespace

TEST_CASE(
    "a succession is one leaf, acknowledged each time it comes, and its key is then believed") {
  Joined world;
  const Rotated rotated = rotate(world.node, 1, epoch_of(1));
  CHECK(!world.hears_heartbeat());
  CHECK(world.counted("key_unknown") == 1);
  const auto size = world.controller->tree_size();
  const auto first = world.tell(rotated.statement);
  REQUIRE(first.size() == 1);
  CHECK(first[0].last == 1);
  CHECK(first[0].header == sha256(rotated.statement));
  CHECK(world.controller->tree_size() == size + 1);
  const auto again = world.tell(rotated.statement);
  REQUIRE(again.size() == 1);
  CHECK(again[0].leaf_index == first[0].leaf_index);
  CHECK(world.controller->tree_size() == size + 1);
  CHECK(world.hears_heartbeat());
  CHECK(world.deliver(world.node, world.node.next_batch(Stream::urgent)).size() == 1);
  world.reopen();
  world.connect(world.node);
  CHECK(world.hears_heartbeat());
  CHECK(world.deliver(world.node, world.node.next_batch(Stream::urgent)).size() == 1);
}

TEST_CASE("what a key did not sign before its successor is refused, what it did is taken late") {
  Joined world;
  REQUIRE(world.tell(rotate(world.node, 1, epoch_of(1)).statement).size() == 1);
  const Batch kept = world.node.next_batch(Stream::urgent);
  const Batch beyond = world.node.next_batch(Stream::urgent);
  const Batch other_epoch = [&] {
    TestNode thief = world.node.clone();
    thief.begin_epoch(world.node.epoch);
    return thief.next_batch(Stream::urgent);
  }();
  const std::uint64_t records = kept.header.count;
  const Bytes old_beat = world.node.sign_heartbeat(world.node.heartbeat());
  const Rotated second =
      rotate(world.node, 2, epoch_of(2), {KeySuccession::End{records, kept.header_digest()}, {}});
  REQUIRE(world.tell(second.statement).size() == 1);
  CHECK(world.deliver(world.node, kept).size() == 1);
  CHECK(world.deliver(world.node, beyond).empty());
  CHECK(world.counted("key_retired") == 1);
  CHECK(world.deliver(world.node, other_epoch).empty());
  CHECK(world.counted("wrong_epoch") == 1);
  world.send(world.node, MessageType::heartbeat, old_beat);
  world.step();
  CHECK(world.counted("key_retired") == 2);
}

TEST_CASE("two successors of one key are both kept, flagged, and told to the node") {
  Joined world;
  TestNode twin = world.node.clone();
  const Rotated ours = rotate(world.node, 1, epoch_of(1));
  const Rotated theirs = rotate(twin, 1, epoch_of(2));
  REQUIRE(world.tell(ours.statement).size() == 1);
  world.send(world.node, MessageType::succession, theirs.statement);
  world.step();
  CHECK(world.counted("key_fork") == 1);
  bool told = false;
  for (const WireMessage& message : world.received(world.node)) {
    if (message.type != MessageType::newest_succession) continue;
    told = true;
    CHECK(std::equal(message.payload.begin(), message.payload.end(), ours.statement.begin(),
                     ours.statement.end()));
  }
  CHECK(told);
  const auto* node = world.controller->registry().find(world.node.id);
  CHECK(node->flag_names() == std::vector<std::string_view>{"key_fork"});
  // Both branches go on.
  CHECK(world.hears_heartbeat());
  CHECK(world.deliver(world.node, world.node.next_batch(Stream::urgent)).size() == 1);
  CHECK(world.deliver(world.node, twin.next_batch(Stream::urgent)).size() == 1);
  world.reopen();
  node = world.controller->registry().find(world.node.id);
  const auto flags = node->flag_names();
  CHECK(std::find(flags.begin(), flags.end(), "key_fork") != flags.end());
}

TEST_CASE("statements that do not follow are refused by name and change nothing") {
  Joined world;
  TestNode stranger("other");
  const auto size = world.controller->tree_size();
  const auto refused = [&](const Bytes& statement, const std::string& name) {
    const auto before = world.counted(name);
    CHECK(world.tell(statement).empty());
    CHECK(world.counted(name) == before + 1);
    CHECK(world.controller->tree_size() == size);
  };
  KeySuccession link = rotate(stranger, 1, epoch_of(1)).link;
  refused(seal_succession(link, world.node.key), "wrong_node");
  refused(seal_succession(link, stranger.key), "key_unknown");
  link.node = world.node.id;
  link.number = 7;
  refused(seal_succession(link, world.node.key), "broken_chain");
  link.number = 1;
  link.key = world.node.key.public_key();
  refused(seal_succession(link, world.node.key), "broken_chain");
  Bytes changed = seal_succession(link, world.node.key);
  changed.back() ^= 1;
  refused(changed, "bad_signature");
  refused({}, "malformed");
}

TEST_CASE("a key that the store refused is not known, and is taken when it comes again") {
  Joined world;
  const Rotated rotated = rotate(world.node, 1, epoch_of(1));
  world.store->fault = FaultyStore::Fault::commit;
  CHECK(world.tell(rotated.statement).empty());
  CHECK(world.store->refused > 0);
  world.store->fault = FaultyStore::Fault::none;
  world.clock.advance(2 * limits::store_retry_ns);
  CHECK(!world.hears_heartbeat());
  CHECK(world.tell(rotated.statement).size() == 1);
  CHECK(world.hears_heartbeat());
}

TEST_CASE(
    "a node under a key that is unknown here is told the newest that is known, now and then") {
  Joined world;
  const Rotated first = rotate(world.node, 1, epoch_of(1));
  REQUIRE(world.tell(first.statement).size() == 1);
  static_cast<void>(world.received(world.node));
  rotate(world.node, 2, epoch_of(2));
  const auto told = [&] {
    std::size_t count = 0;
    for (const WireMessage& message : world.received(world.node))
      if (message.type == MessageType::newest_succession) ++count;
    return count;
  };
  CHECK(!world.hears_heartbeat());
  CHECK(!world.hears_heartbeat());
  CHECK(told() == 1);
  world.clock.advance(limits::tell_newest_ns);
  CHECK(!world.hears_heartbeat());
  CHECK(told() == 1);
}

TEST_CASE("operators are given the statements of the nodes that they ask for, from a leaf on") {
  Joined world;
  const Rotated first = rotate(world.node, 1, epoch_of(1));
  const Rotated second = rotate(world.node, 2, epoch_of(2));
  const auto at = world.tell(first.statement);
  REQUIRE(world.tell(second.statement).size() == 1);
  const auto ask = [&](std::uint64_t from) {
    Value::Array nodes;
    nodes.emplace_back(Value::Map{{"node", world.node.id}, {"from", from}});
    return world.ask("successions", {{"nodes", std::move(nodes)}});
  };
  const auto all = ask(0);
  REQUIRE(all.size() == 2);
  CHECK(*all[0].find("succession")->binary() == first.statement);
  CHECK(*all[1].find("succession")->binary() == second.statement);
  CHECK(ask(at[0].leaf_index + 1).size() == 1);
  CHECK(world.ask("successions", {{"nodes", Value::Array{}}}).empty());
  CHECK(world.ask_refused("successions", {{"nodes", 7}}).name == "malformed");
}

namespace {

Bytes transport_statement(const TestNode& node, const TransportKey& key, std::uint64_t version) {
  return seal_object(ObjectType::transport_key,
                     encode_transport_statement({node.id, key, version, 1}), node.key);
}

// What the controller answers to a statement of a transport key.
bool is_rekeyed(Joined& world, const TestNode& by, const Bytes& statement) {
  world.send(by, MessageType::rekey, statement);
  world.step();
  bool told = false;
  for (const auto& message : world.received(by)) {
    told = told || (message.type == MessageType::rekeyed &&
                    std::ranges::equal(message.payload, sha256(statement).view()));
  }
  return told;
}

}  // namespace

TEST_CASE("a record key that has a successor moves its node's session to no other key") {
  Joined world;
  const auto stolen = world.node.clone();
  world.connect(world.node);
  REQUIRE(world.tell(rotate(world.node, 1, epoch_of(1)).statement).size() == 1);
  const auto theirs = generate_transport_keys().public_key;
  CHECK_FALSE(is_rekeyed(world, world.node, transport_statement(stolen, theirs, 1)));
  CHECK(world.counted("key_retired") == 1);
  CHECK_FALSE(world.controller->admits_node(theirs));
  const auto ours = generate_transport_keys().public_key;
  const auto statement = transport_statement(world.node, ours, 1);
  CHECK(is_rekeyed(world, world.node, statement));
  // Its answer was lost, and the node has yet another record key when it asks again.
  REQUIRE(world.tell(rotate(world.node, 2, epoch_of(2)).statement).size() == 1);
  CHECK(is_rekeyed(world, world.node, statement));
  CHECK(is_rekeyed(world, world.node, transport_statement(world.node, ours, 1)));
  CHECK_FALSE(is_rekeyed(world, world.node, transport_statement(world.node, theirs, 1)));
  CHECK(world.controller->admits_node(ours));
  world.reopen();
  CHECK(world.controller->admits_node(ours));
}

TEST_CASE("a transport key that comes with a flag takes nothing of the flag") {
  Joined world;
  world.connect(world.node);
  auto twin = world.node.clone();
  const auto key = generate_transport_keys().public_key;
  world.send(world.node, MessageType::rekey, transport_statement(world.node, key, 1));
  world.send(world.node, world.node.next_batch(Stream::urgent));
  world.send(world.node, twin.next_batch(Stream::urgent));
  world.step();
  world.reopen();
  CHECK(world.controller->admits_node(key));
  CHECK(world.controller->registry().find(world.node.id)->flag_names().size() == 1);
}
