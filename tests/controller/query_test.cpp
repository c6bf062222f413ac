#include "controller/query.h"

#include <doctest/doctest.h>

#include "common/limits.h"
#include "controller/controller_limits.h"
#include "tests/controller/world.h"

namespace reeve {
namespace {

std::uint64_t number_in(const Value& item, std::string_view key) {
  const auto* value = item.find(key);
  REQUIRE(value != nullptr);
  REQUIRE(value->natural().has_value());
  return *value->natural();
}

// Verifies an item as an operator's machine would, and gives back the record.
Record verified_record(const Value& item, const TestNode& node) {
  const auto header_object = *item.find("header")->binary();
  const auto object = parse_signed_object(header_object, ObjectType::batch_header);
  REQUIRE(object.ok());
  const std::array keys{node.key.public_key()};
  REQUIRE(require_signatures(*object, keys, 1).ok());
  const auto header = decode_batch_header(object->payload);
  REQUIRE(header.ok());
  std::vector<Digest> path;
  for (const auto& hash : *item.find("path")->array()) {
    path.push_back(fixed<32>(*hash.binary()).value_or(Digest{}));
  }
  const auto salt = fixed<16>(*item.find("salt")->binary()).value_or(Salt{});
  const auto bytes = *item.find("record")->binary();
  REQUIRE(inclusion_holds(record_leaf_hash(salt, bytes), number_in(item, "index"), header->count,
                          path, header->root));
  auto record = decode_record(bytes);
  REQUIRE(record.ok());
  return *record;
}

struct TwoNodes : World {
  TwoNodes() {
    enroll(one);
    enroll(two);
  }
  TestNode one{"web1"};
  TestNode two{"web2"};
};

TEST_CASE("records come oldest first and each proves itself") {
  TwoNodes world;
  world.deliver(world.one, world.one.next_batch(Stream::urgent, 7));
  world.deliver(world.two, world.two.next_batch(Stream::routine, 1));
  const auto items = world.ask("records");
  REQUIRE(items.size() == 8);
  for (std::size_t i = 0; i < items.size(); ++i) {
    const auto& node = i < 7 ? world.one : world.two;
    CHECK(*items[i].find("name")->text() == node.name);
    CHECK(*items[i].find("node")->binary() == Bytes(node.id.data.begin(), node.id.data.end()));
    const auto record = verified_record(items[i], node);
    CHECK(record.type == (i == 0 || i == 7 ? "epoch_start" : "receipt"));
    if (i > 0) CHECK(number_in(items[i], "cursor") > number_in(items[i - 1], "cursor"));
  }
}

TEST_CASE("pages follow one another without a gap or a double") {
  TwoNodes world;
  for (int i = 0; i < 12; ++i) {
    world.deliver(world.one, world.one.next_batch(Stream::urgent, 5));
    world.deliver(world.two, world.two.next_batch(Stream::urgent, 3));
  }
  const auto all = world.ask("records");
  REQUIRE(all.size() == 12 * 8);
  Value::Array paged;
  for (;;) {
    Value::Map arguments{{"limit", 7}};
    if (!paged.empty()) arguments.emplace_back("after", number_in(paged.back(), "cursor"));
    const auto page = world.ask("records", arguments);
    CHECK(page.size() <= 7);
    if (page.empty()) break;
    paged.insert(paged.end(), page.begin(), page.end());
  }
  CHECK(paged == all);
}

TEST_CASE("a page is bounded whatever limit is asked for") {
  TwoNodes world;
  world.deliver(world.one, world.one.next_batch(Stream::urgent, 400));
  for (const auto limit : {std::uint64_t{100'000}, ~std::uint64_t{0}}) {
    CHECK(world.ask("records", {{"limit", limit}}).size() == limits::operator_reply_items_max);
  }
  CHECK(world.ask("records").size() == limits::operator_reply_items_max);
  CHECK(world.ask("records", {{"limit", 0}}).size() == 1);
  CHECK(world.ask("records", {{"after", ~std::uint64_t{0}}}).empty());
}

TEST_CASE("records are filtered by node, by rule and by the time they were stored") {
  TwoNodes world;
  world.deliver(world.one, world.one.next_batch(Stream::urgent, 3, "ssh-config"));
  world.deliver(world.two, world.two.next_batch(Stream::urgent, 3, "ssh-config"));
  world.clock.advance(60 * second_ns);
  const auto later = world.clock.wall_ns();
  world.deliver(world.one, world.one.next_batch(Stream::urgent, 4, "passwd-mode"));
  CHECK(world.ask("records", {{"node", "web1"}}).size() == 7);
  CHECK(world.ask("records", {{"node", hex(world.two.id.view())}}).size() == 3);
  CHECK(world.ask("records", {{"rule", "ssh-config"}}).size() == 4);
  CHECK(world.ask("records", {{"rule", "ssh-config"}, {"node", "web2"}}).size() == 2);
  CHECK(world.ask("records", {{"rule", "unheard"}}).empty());
  CHECK(world.ask("records", {{"since", later}}).size() == 4);
  CHECK(world.ask("records", {{"since", later - second_ns}, {"node", "web1"}}).size() == 4);
  CHECK(world.ask("records", {{"since", later + 1}}).empty());
  CHECK(world.ask("records", {{"since", -1}}).size() == 10);
  CHECK(world.ask_refused("records", {{"node", "web9"}}).name == "unknown_node");
  CHECK(world.ask_refused("records", {{"limit", "ten"}}).name == "malformed");
}

TEST_CASE("a batch whose bodies are no records is kept and shown as it is") {
  TwoNodes world;
  world.deliver(world.one, world.one.next_batch(Stream::urgent, 1));
  const auto header = world.one.next_header(Stream::urgent);
  const auto odd = seal_batch(header, {{random_bytes<16>(), Bytes{0xff, 0x00}}}, world.one.key);
  CHECK(world.deliver(world.one, odd).size() == 1);
  const auto items = world.ask("records");
  REQUIRE(items.size() == 2);
  CHECK(*items[1].find("record")->binary() == Bytes{0xff, 0x00});
  CHECK(world.ask("records", {{"rule", "r"}}).empty());
}

std::vector<Digest> hashes_in(const Value& item, std::string_view key) {
  std::vector<Digest> hashes;
  for (const Value& hash : *item.find(key)->array()) hashes.push_back(*fixed<32>(*hash.binary()));
  return hashes;
}

Checkpoint checkpoint_in(const World& world, const Value& item, std::string_view key) {
  const std::array keys{world.fleet.ledger_key.public_key()};
  const auto checkpoint = verify_checkpoint(*item.find(key)->text(), world.fleet.root.origin, keys);
  REQUIRE(checkpoint.ok());
  return *checkpoint;
}

TEST_CASE("a record is shown by its name, with the proof that its leaf is in the ledger") {
  TwoNodes world;
  world.deliver(world.one, world.one.next_batch(Stream::urgent, 3));
  world.deliver(world.one, world.one.next_batch(Stream::urgent, 3));
  const auto name = record_name("web1", world.one.epoch, Stream::urgent, 4);
  const auto items = world.ask("show", {{"record", name}});
  REQUIRE(items.size() == 2);
  const auto record = verified_record(items[0], world.one);
  CHECK(record.body.find("n")->natural() == 4);
  const auto tree = checkpoint_in(world, items[1], "checkpoint").tree;
  CHECK(tree == TreeView{world.controller->tree_size(), world.controller->tree_root()});
  CHECK(inclusion_holds(leaf_hash(*items[0].find("header")->binary()), number_in(items[0], "leaf"),
                        tree.size, hashes_in(items[1], "inclusion"), tree.root));
  const auto by_id = record_name(hex(world.one.id.view()), world.one.epoch, Stream::urgent, 4);
  CHECK(world.ask("show", {{"record", by_id}})[0] == items[0]);
}

TEST_CASE("the checkpoint comes with the proof that it has grown out of an earlier one") {
  TwoNodes world;
  const auto first = checkpoint_in(world, world.ask("checkpoint", {{"from", 0}})[0], "note").tree;
  CHECK(first.size == world.controller->tree_size());
  for (int i = 0; i < 9; ++i) {
    world.deliver(world.one, world.one.next_batch(Stream::urgent, 1));
    const auto item = world.ask("checkpoint", {{"from", first.size}})[0];
    const auto now = checkpoint_in(world, item, "note").tree;
    CHECK(now.size > first.size);
    CHECK(consistency_holds(first, now, hashes_in(item, "consistency")));
  }
  const auto size = world.controller->tree_size();
  CHECK(hashes_in(world.ask("checkpoint", {{"from", size}})[0], "consistency").empty());
  CHECK(world.ask_refused("checkpoint", {{"from", size + 1}}).name == "ledger_too_short");
  // Between two trees that both are past.
  const auto between = world.ask("checkpoint", {{"from", first.size}, {"to", size - 1}})[0];
  const auto leaves = world.store->leaf_hashes(0, size - 1);
  const TreeView before{size - 1, tree_root(*leaves)};
  CHECK(consistency_holds(first, before, hashes_in(between, "consistency")));
  CHECK(world.ask_refused("checkpoint", {{"from", 1}, {"to", size + 1}}).name ==
        "ledger_too_short");
  CHECK(world.ask_refused("checkpoint", {{"from", 2}, {"to", 1}}).name == "malformed");
}

TEST_CASE("a name without a record is refused by name") {
  TwoNodes world;
  world.deliver(world.one, world.one.next_batch(Stream::urgent, 3));
  const auto refused = [&](std::string name) {
    return world.ask_refused("show", {{"record", std::move(name)}}).name;
  };
  CHECK(refused("nonsense") == "malformed");
  CHECK(refused(record_name("web9", world.one.epoch, Stream::urgent, 0)) == "unknown_node");
  CHECK(refused(record_name("web1", world.one.epoch, Stream::urgent, 3)) == "unknown_record");
  CHECK(refused(record_name("web1", world.one.epoch, Stream::routine, 0)) == "unknown_record");
  CHECK(refused(record_name("web1", random_bytes<16>(), Stream::urgent, 0)) == "unknown_record");
}

TEST_CASE("an epoch prefix that fits two epochs is ambiguous") {
  TwoNodes world;
  const auto first = world.one.epoch;
  world.deliver(world.one, world.one.next_batch(Stream::urgent));
  world.one.begin_epoch(first);
  world.one.epoch = first;
  world.one.epoch.data[15] ^= 1;
  world.deliver(world.one, world.one.next_batch(Stream::urgent));
  const auto name = record_name("web1", first, Stream::urgent, 0);
  CHECK(world.ask_refused("show", {{"record", name}}).name == "ambiguous_record");
  const auto full = "web1/" + hex(first.view()) + "/urgent/0";
  CHECK(world.ask("show", {{"record", full}}).size() == 2);
}

TEST_CASE("what is kept aside is listed as equivocation and the chained record is the one shown") {
  TwoNodes world;
  world.deliver(world.one, world.one.next_batch(Stream::urgent, 2));
  const auto header = world.one.next_header(Stream::urgent);
  world.deliver(world.one, world.one.next_batch(Stream::urgent, 2, "honest"));
  world.deliver(world.one, world.one.batch(header, 2, "other"));
  const auto items = world.ask("records");
  REQUIRE(items.size() == 6);
  CHECK(items[3].find("equivocation") == nullptr);
  REQUIRE(items[4].find("equivocation") != nullptr);
  const auto shown =
      world.ask("show", {{"record", record_name("web1", world.one.epoch, Stream::urgent, 2)}});
  CHECK(shown[0] == items[2]);
}

TEST_CASE("status shows every node by name with what it signed") {
  TwoNodes world;
  const auto heartbeat = world.two.heartbeat();
  world.send(world.two, MessageType::heartbeat, world.two.sign_heartbeat(heartbeat));
  world.step();
  const auto items = world.ask("status");
  REQUIRE(items.size() == 2);
  CHECK(*items[0].find("certificate")->binary() == world.one.certificate(world.fleet));
  CHECK(items[0].find("heartbeat") == nullptr);
  CHECK(*items[0].find("connected")->boolean() == false);
  CHECK(*items[1].find("heartbeat")->binary() == world.two.sign_heartbeat(heartbeat));
  CHECK(*items[1].find("connected")->boolean() == true);
  CHECK(items[1].find("seen")->integer() == world.clock.wall_ns());
  CHECK(items[1].find("flags")->array()->empty());
  world.clock.advance(3 * limits::heartbeat_interval_ns + 1);
  CHECK(*world.ask("status")[1].find("connected")->boolean() == false);
}

TEST_CASE("the status of many nodes comes in parts") {
  World world;
  for (int i = 0; i < 200; ++i) {
    TestNode node("node-" + std::to_string(i));
    world.ask("enroll", {{"certificate", node.certificate(world.fleet)}});
  }
  const auto replies = world.ask_as(world.fleet.viewer, "status");
  CHECK(replies.size() > 1);
  std::size_t seen = 0;
  for (const auto& reply : replies) seen += reply.items.size();
  CHECK(seen == 200);
}

}  // namespace
}  // namespace reeve
