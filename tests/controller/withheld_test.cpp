// Record bodies that are taken away, one by an operator's act or all for their age: what is left
// still proves, says what is missing, and the bytes are gone from the store's files.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "controller/controller_limits.h"
#include "controller/stored_bodies.h"
#include "tests/controller/world.h"

namespace reeve {
namespace {

constexpr std::int64_t day_ns = 86'400 * second_ns;

// All bytes of the store's files.
std::string bytes_beside(const std::string& path) {
  std::string out;
  for (const auto* ending : {"", "-wal"}) {
    std::ifstream file(path + ending, std::ios::binary);
    out.append(std::istreambuf_iterator<char>(file), {});
  }
  return out;
}

struct Withholding : World {
  TestNode node{"web1"};
  Withholding() {
    enroll(node);
    connect(node);
  }
  std::string record_at(const Batch& batch, std::uint64_t index) const {
    return record_name("web1", batch.header.epoch, batch.header.stream, batch.header.first + index);
  }
  Value show(const Batch& batch, std::uint64_t index) {
    return ask("show", {{"record", record_at(batch, index)}})[0];
  }
  Value::Map redaction(const Batch& batch, std::uint64_t index) {
    const Value shown = show(batch, index);
    return {{"record", record_at(batch, index)},
            {"leaf", *shown.find("leaf")->natural()},
            {"index", index},
            {"header", batch.header_digest()},
            {"why", "it named a customer"}};
  }
  void keep_bodies(std::int64_t ns) {
    controller.reset();
    controller = *Controller::open({*store, clock, fleet.ledger_key, fleet.transport.public_key,
                                    fleet.root_object, nullptr, ns});
  }
  bool proves(const Value& item, const Batch& batch, const Digest& leaf) const {
    std::vector<Digest> path;
    for (const Value& hash : *item.find("path")->array())
      path.push_back(*fixed<32>(*hash.binary()));
    return inclusion_holds(leaf, *item.find("index")->natural(), batch.header.count, path,
                           batch.header.root);
  }
};

TEST_CASE("bodies that are partly redacted are read back with the hashes that prove the rest") {
  TestNode node("web1");
  const Batch batch = node.next_batch(Stream::urgent, 5);
  ByteView whole = encode_batch(batch);
  const Bytes bytes = encode_batch(batch);
  whole = ByteView(bytes).subspan(batch.header_object.size());
  auto records = read_bodies(batch.header, whole);
  REQUIRE(records.ok());
  CHECK(encode_bodies(*records) == Bytes(whole.begin(), whole.end()));
  (*records)[1].body.reset();
  (*records)[4].body.reset();
  const Bytes less = encode_bodies(*records);
  const auto again = read_bodies(batch.header, less);
  REQUIRE(again.ok());
  CHECK(again->size() == 5);
  CHECK_FALSE((*again)[1].body.has_value());
  CHECK((*again)[1].hash == record_leaf_hash(batch.records[1].salt, batch.records[1].bytes));
  CHECK((*again)[2].body == batch.records[2]);
  CHECK(read_bodies(batch.header, {})->empty());
  for (std::size_t at = 0; at < less.size(); ++at) {
    Bytes damaged = less;
    damaged[at] ^= 1;
    CHECK_FALSE(read_bodies(batch.header, damaged).ok());
    CHECK_FALSE((at > 0 && read_bodies(batch.header, ByteView(less).first(at)).ok()));
  }
}

TEST_CASE("a redacted record is shown as withheld by whose act and its neighbours still prove") {
  Withholding world;
  const Batch batch = world.node.next_batch(Stream::urgent, 4);
  world.deliver(world.node, batch);
  const auto size = world.controller->tree_size();
  world.ask("redact", world.redaction(batch, 2));
  CHECK(world.leaf_types()[size] == ObjectType::operator_request);
  for (int start = 0; start < 2; ++start) {
    const Value gone = world.show(batch, 2);
    CHECK(gone.find("record") == nullptr);
    CHECK(gone.find("salt") == nullptr);
    CHECK(*gone.find("withheld")->boolean());
    const Digest hash = *fixed<32>(*gone.find("hash")->binary());
    CHECK(hash == record_leaf_hash(batch.records[2].salt, batch.records[2].bytes));
    CHECK(world.proves(gone, batch, hash));
    const auto request =
        parse_signed_object(*gone.find("request")->binary(), ObjectType::operator_request);
    REQUIRE(request.ok());
    const std::array keys{world.fleet.admin.key.public_key()};
    CHECK(require_signatures(*request, keys, 1).ok());
    const Value there = world.show(batch, 3);
    CHECK(*there.find("record")->binary() == batch.records[3].bytes);
    CHECK(world.proves(there, batch,
                       record_leaf_hash(batch.records[3].salt, batch.records[3].bytes)));
    CHECK(world.ask("records").size() == 4);
    CHECK(world.ask("records", {{"rule", "ssh-config"}}).size() < 4);
    world.reopen();
  }
  CHECK(world.ask_refused("redact", world.redaction(batch, 2)).name == "not_redactable");
}

TEST_CASE("a redaction is refused by its name and changes nothing") {
  Withholding world;
  const Batch batch = world.node.next_batch(Stream::urgent, 3);
  world.deliver(world.node, batch);
  const auto good = world.redaction(batch, 1);
  const auto with = [&](std::string_view key, Value value) {
    Value::Map out = good;
    for (auto& [name, old] : out)
      if (name == key) old = std::move(value);
    return out;
  };
  const auto size = world.controller->tree_size();
  CHECK(world.ask_refused("redact", with("leaf", 1)).name == "not_redactable");
  CHECK(world.ask_refused("redact", with("index", 2)).name == "not_redactable");
  CHECK(world.ask_refused("redact", with("header", Digest{})).name == "not_redactable");
  CHECK(world.ask_refused("redact", with("why", "")).name == "malformed");
  CHECK(world.ask_refused("redact", with("record", "web1/00000000/urgent/1")).name ==
        "unknown_record");
  CHECK(world.ask_as(world.fleet.viewer, "redact", good).front().error->name == "not_permitted");
  world.store->fault = FaultyStore::Fault::commit;
  CHECK(world.ask_refused("redact", good).name == "disk_full");
  world.store->fault = FaultyStore::Fault::none;
  CHECK(world.controller->tree_size() == size);
  CHECK(*world.show(batch, 1).find("record")->binary() == batch.records[1].bytes);
}

TEST_CASE("what was redacted is in the store's files no more") {
  Withholding world;
  const Batch batch = world.node.next_batch(Stream::urgent, 3);
  world.deliver(world.node, batch);
  const std::string secret(text_of(batch.records[1].bytes));
  REQUIRE(bytes_beside(world.maker.path()).find(secret) != std::string::npos);
  world.ask("redact", world.redaction(batch, 1));
  CHECK(bytes_beside(world.maker.path()).find(secret) == std::string::npos);
}

TEST_CASE("bodies are withheld after their time a few batches at once and headers stay") {
  Withholding world;
  std::vector<Batch> old;
  for (int i = 0; i < 40; ++i) {
    old.push_back(world.node.next_batch(Stream::urgent, 2));
    REQUIRE(world.deliver(world.node, old.back()).size() == 1);
  }
  world.clock.advance(20 * day_ns);
  const Batch young = world.node.next_batch(Stream::urgent, 2);
  world.deliver(world.node, young);
  world.clock.advance(11 * day_ns);
  world.keep_bodies(30 * day_ns);
  world.connect(world.node);
  const auto withheld = [&] {
    return std::ranges::count_if(*world.store->batches({}, 100),
                                 [](const BatchRow& row) { return row.bodies.empty(); });
  };
  world.step();
  const auto first = withheld();
  CHECK(first > 0);
  CHECK(first <= static_cast<std::ptrdiff_t>(limits::retention_batches_at_once));
  CHECK(world.controller->idle_ns() <= limits::retention_pause_ns);
  for (int i = 0; i < 6; ++i) {
    world.clock.advance(limits::retention_pause_ns);
    world.step();
  }
  CHECK(withheld() == 40);
  CHECK(*world.show(young, 1).find("record")->binary() == young.records[1].bytes);
  const Value gone = world.show(old[7], 1);
  CHECK(*gone.find("withheld")->boolean());
  CHECK(gone.find("hash") == nullptr);
  CHECK(*gone.find("header")->binary() == old[7].header_object);
  const std::string files = bytes_beside(world.maker.path());
  CHECK(files.find(std::string(text_of(old[7].records[1].bytes))) == std::string::npos);
  CHECK(world.ask("records").size() == 82);
  world.clock.advance(20 * day_ns);
  world.step();
  world.step();
  CHECK(withheld() == 41);
}

TEST_CASE("a clock that is put ahead takes no body away") {
  Withholding world;
  world.deliver(world.node, world.node.next_batch(Stream::urgent, 2));
  world.keep_bodies(30 * day_ns);
  world.step();
  world.clock.jump_wall(4'000 * day_ns);
  for (int i = 0; i < 3; ++i) {
    world.clock.advance(limits::retention_interval_ns);
    world.step();
  }
  CHECK_FALSE(world.store->batches({}, 1)->front().bodies.empty());
  world.clock.jump_wall(-4'000 * day_ns);
  world.clock.advance(31 * day_ns);
  world.step();
  CHECK(world.store->batches({}, 1)->front().bodies.empty());
}

TEST_CASE("without a period every body stays") {
  Withholding world;
  world.deliver(world.node, world.node.next_batch(Stream::urgent, 2));
  world.clock.advance(4'000 * day_ns);
  world.step();
  CHECK_FALSE(world.store->batches({}, 10)->front().bodies.empty());
}

}  // namespace
}  // namespace reeve
