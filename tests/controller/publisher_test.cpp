#include "controller/publisher.h"

#include <doctest/doctest.h>

#include "common/limits.h"
#include "controller/cli/cli_limits.h"
#include "controller/controller_limits.h"
#include "tests/controller/world.h"

namespace reeve {
namespace {

using Types = std::vector<MessageType>;

struct OneNode : World {
  OneNode() { enroll(node); }
  TestNode node{"web1"};

  Types types_received() {
    Types types;
    for (const auto& message : received(node)) types.push_back(message.type);
    return types;
  }
  void beat(std::uint64_t root_version, std::uint64_t manifest_version) {
    auto heartbeat = node.heartbeat();
    heartbeat.root_version = root_version;
    heartbeat.manifest_version = manifest_version;
    send(node, MessageType::heartbeat, node.sign_heartbeat(heartbeat));
    step();
  }
};

TEST_CASE("a published manifest goes to every connected node at once") {
  OneNode world;
  world.beat(1, 0);
  CHECK(world.types_received().empty());
  const auto bundle = world.publish(1);
  const auto messages = world.received(world.node);
  REQUIRE(messages.size() == 1);
  CHECK(messages[0].type == MessageType::manifest);
  const auto manifest =
      verify_manifest(messages[0].payload, world.fleet.root, 1, world.clock.wall_ns() / second_ns);
  REQUIRE(manifest.ok());
  CHECK(manifest->manifest.bundles[0].digest == sha256(bundle));
}

TEST_CASE("a node that is behind gets the manifest with its heartbeat, one that is not does not") {
  OneNode world;
  world.publish(3);
  world.types_received();
  world.beat(1, 2);
  CHECK(world.types_received() == Types{MessageType::manifest});
  world.beat(1, 3);
  CHECK(world.types_received().empty());
  world.reopen();
  world.connect(world.node);
  world.beat(1, 0);
  CHECK(world.types_received() == Types{MessageType::manifest});
}

TEST_CASE("a node that is roots behind gets the next ones, in order and a few at a time") {
  OneNode world;
  for (std::uint64_t version = 2; version <= 7; ++version) {
    world.fleet.root_object = world.fleet.next_root(version);
    world.reopen();
  }
  world.connect(world.node);
  world.beat(1, 0);
  auto trusted = world.fleet.root;
  const auto messages = world.received(world.node);
  CHECK(messages.size() == limits::roots_per_heartbeat);
  for (const auto& message : messages) {
    REQUIRE(message.type == MessageType::root);
    const auto next = verify_next_root(message.payload, trusted);
    REQUIRE(next.ok());
    trusted = *next;
  }
  CHECK(trusted.version == 5);
  world.beat(5, 0);
  CHECK(world.received(world.node).size() == 2);
  world.beat(7, 0);
  CHECK(world.received(world.node).empty());
  world.beat(900, 0);
  CHECK(world.received(world.node).empty());
}

TEST_CASE("a bundle of the current manifest is fetched in chunks, and no other") {
  OneNode world;
  std::vector<std::string> rules;
  for (int i = 0; i < 2'000; ++i) rules.push_back("rule-" + std::to_string(i));
  const auto bundle = world.publish(1, rules);
  REQUIRE(bundle.size() > limits::chunk_bytes_max);
  world.types_received();
  Bytes fetched;
  while (fetched.size() < bundle.size()) {
    const FetchRequest request{sha256(bundle), static_cast<std::uint32_t>(fetched.size())};
    world.send(world.node, MessageType::fetch, encode_fetch(request));
    world.step();
    const auto messages = world.received(world.node);
    REQUIRE(messages.size() == 1);
    const auto chunk = decode_chunk(messages[0].payload);
    REQUIRE(chunk.ok());
    CHECK(chunk->total == bundle.size());
    CHECK(chunk->offset == fetched.size());
    append(fetched, chunk->bytes);
  }
  CHECK(fetched == bundle);
  const auto answers = [&](FetchRequest request) {
    world.send(world.node, MessageType::fetch, encode_fetch(request));
    world.step();
    return world.received(world.node).size();
  };
  CHECK(answers({sha256(bundle), static_cast<std::uint32_t>(bundle.size())}) == 0);
  CHECK(answers({sha256(bundle), ~std::uint32_t{0}}) == 0);
}

TEST_CASE("a bundle outside the current manifest is answered with none") {
  OneNode world;
  const auto bundle = world.publish(1);
  world.publish(2, {"another"});
  world.types_received();
  for (const auto& digest : {sha256(bundle), sha256(view_of("unheard"))}) {
    world.send(world.node, MessageType::fetch, encode_fetch({digest, 0}));
    world.step();
    const auto messages = world.received(world.node);
    REQUIRE(messages.size() == 1);
    const auto chunk = decode_chunk(messages[0].payload);
    REQUIRE(chunk.ok());
    CHECK(*chunk == Chunk{digest, 0, 0, {}});
  }
}

TEST_CASE("manifests that must not be published are refused by name and change nothing") {
  OneNode world;
  world.publish(5);
  const auto size = world.controller->tree_size();
  const auto bundle = test_bundle({"next"});
  const auto refused = [&](Bytes manifest) {
    return world.ask_refused("publish", {{"manifest", std::move(manifest)}}).name;
  };
  CHECK(refused(world.manifest_object(6, bundle, 1)) == "bundle_missing");
  world.upload(bundle);
  CHECK(refused(world.manifest_object(5, bundle, 1)) == "manifest_rollback");
  CHECK(refused(world.manifest_object(4, bundle, 1)) == "manifest_rollback");
  CHECK(refused(world.manifest_object(6, bundle, 2)) == "bundle_mismatch");
  auto forged = world.manifest_object(6, bundle, 1);
  forged.back() ^= 1;
  CHECK(refused(forged) == "bad_signature");
  CHECK(refused(world.manifest_object(~std::uint64_t{0}, bundle, 1)) == "limit_exceeded");
  const auto stranger = SigningKey::generate();
  const auto object =
      *parse_signed_object(world.manifest_object(6, bundle, 1), ObjectType::manifest);
  CHECK(refused(seal_object(ObjectType::manifest, object.payload, stranger)) ==
        "too_few_signatures");
  world.clock.advance((limits::manifest_lifetime_s + 1) * second_ns);
  const auto late = world.manifest_object(6, bundle, 1);
  world.clock.advance((limits::manifest_lifetime_s + 1) * second_ns);
  CHECK(refused(late) == "manifest_expired");
  CHECK(world.controller->tree_size() == size);
}

TEST_CASE("publishing the current manifest again is success and no second leaf") {
  OneNode world;
  const auto bundle = world.publish(1);
  const auto size = world.controller->tree_size();
  const auto current = *world.ask("manifest")[0].find("manifest")->binary();
  world.ask("publish", {{"manifest", current}});
  CHECK(world.controller->tree_size() == size);
}

TEST_CASE("a bundle that is kept need not be uploaded again") {
  OneNode world;
  const auto bundle = world.publish(1);
  world.ask("publish", {{"manifest", world.manifest_object(2, bundle, 1)}});
  CHECK(world.counted("answered") > 0);
  world.reopen();
  const auto manifest = world.ask("manifest");
  REQUIRE(manifest.size() == 1);
  CHECK(*manifest[0].find("manifest")->binary() == world.manifest_object(2, bundle, 1));
}

TEST_CASE("operators can read any published bundle back") {
  OneNode world;
  const auto bundle = world.publish(1);
  world.publish(2, {"another"});
  const auto items = world.ask("bundle", {{"digest", sha256(bundle)}, {"offset", 10}});
  REQUIRE(items.size() == 1);
  CHECK(items[0].find("total")->natural() == bundle.size());
  CHECK(*items[0].find("bytes")->binary() == Bytes(bundle.begin() + 10, bundle.end()));
  CHECK(world.ask_refused("bundle", {{"digest", Digest{}}, {"offset", 0}}).name ==
        "unknown_bundle");
  CHECK(world.ask("manifest").size() == 1);
}

TEST_CASE("a manifest of keys that the root has dropped is handed out no more") {
  OneNode world;
  world.publish(7);
  auto next = world.fleet.root;
  next.version = 2;
  next.policy = {{SigningKey::generate().public_key()}, 1};
  world.fleet.root_object = seal_object(ObjectType::root, encode_root(next), world.fleet.root_key);
  world.reopen();
  world.connect(world.node);
  world.beat(2, 0);
  CHECK(world.received(world.node).empty());
  CHECK(world.ask("manifest").size() == 1);  // operators see what was published last
}

TEST_CASE("uploads are bounded, ordered and forgotten when idle") {
  FakeClock clock;
  Uploads uploads(clock);
  const KeyHash owner;
  const Bytes bytes(1'000, 7);
  const auto digest = sha256(bytes);
  const auto part = [&](std::size_t offset, std::size_t size) {
    return Uploads::Part{digest, offset, bytes.size(), ByteView(bytes).subspan(offset, size)};
  };
  CHECK(uploads.add(owner, part(500, 10)).error().name == "upload_gap");
  REQUIRE(uploads.add(owner, part(0, 400)).ok());
  CHECK(uploads.add(owner, part(500, 10)).error().name == "upload_gap");
  REQUIRE(uploads.add(owner, part(0, 400)).ok());  // a part again
  CHECK(uploads.find(digest) == nullptr);
  REQUIRE(uploads.add(owner, part(400, 600)).ok());
  REQUIRE(uploads.find(digest) != nullptr);
  CHECK(*uploads.find(digest) == bytes);
  auto wrong = part(0, 10);
  wrong.total = 2'000;
  CHECK(uploads.add(owner, wrong).error().name == "upload_mismatch");
  clock.advance(limits::upload_idle_ns + 1);
  CHECK(uploads.add(owner, part(400, 600)).error().name == "upload_gap");
  CHECK(uploads.find(digest) == nullptr);
}

TEST_CASE("an upload that does not have its digest is forgotten") {
  FakeClock clock;
  Uploads uploads(clock);
  const Bytes bytes(10, 7);
  const Uploads::Part part{sha256(view_of("other")), 0, bytes.size(), bytes};
  CHECK(uploads.add({}, part).error().name == "upload_mismatch");
  CHECK(uploads.find(part.digest) == nullptr);
  CHECK(uploads.add({}, part).error().name == "upload_mismatch");
}

TEST_CASE("an operator cannot fill the memory with uploads") {
  FakeClock clock;
  Uploads uploads(clock);
  const Bytes bytes(10, 7);
  const auto begin = [&](std::uint64_t number, std::uint64_t total) {
    Digest digest;
    digest.data[0] = static_cast<std::uint8_t>(number);
    const auto added = uploads.add({}, {digest, 0, total, bytes});
    return added.ok() ? std::string() : added.error().name;
  };
  CHECK(begin(0, limits::bundle_bytes_max + 1) == "limit_exceeded");
  CHECK(begin(0, 0) == "limit_exceeded");
  for (std::uint64_t i = 0; i < limits::upload_bytes_max / limits::bundle_bytes_max; ++i) {
    CHECK(begin(i, limits::bundle_bytes_max).empty());
  }
  CHECK(begin(99, limits::bundle_bytes_max) == "too_many_uploads");
  clock.advance(limits::upload_idle_ns + 1);
  for (std::uint64_t i = 0; i < limits::uploads_per_operator; ++i) CHECK(begin(i, 20).empty());
  CHECK(begin(99, 20) == "too_many_uploads");
}

}  // namespace
}  // namespace reeve
