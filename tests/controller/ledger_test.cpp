#include "controller/ledger.h"

#include <doctest/doctest.h>

#include "controller/controller_limits.h"
#include "tests/fakes/fake_clock.h"
#include "tests/store/temporary_store.h"

namespace reeve {
namespace {

struct World {
  TemporarySqliteStore maker;
  FakeClock clock;
  SigningKey key = SigningKey::generate();
  std::unique_ptr<Ledger> ledger = open();

  std::unique_ptr<Ledger> open() {
    auto opened = Ledger::open(maker.store(), clock, key, "fleet");
    REQUIRE(opened.ok());
    return std::move(*opened);
  }
  void commit_leaf(std::uint8_t content) {
    REQUIRE(ledger->begin().ok());
    REQUIRE(ledger->append(ObjectType::batch_header, Bytes{content}).ok());
    REQUIRE(ledger->commit().ok());
  }
  std::vector<ObjectType> types() {
    std::vector<ObjectType> types;
    for (std::uint64_t i = 0; i < ledger->size(); ++i) {
      types.push_back((*maker.store().leaf(i))->type);
    }
    return types;
  }
};

constexpr auto header = ObjectType::batch_header;
constexpr auto tick = ObjectType::tick;

TEST_CASE("the first leaves of a run are followed by a tick, then one comes hourly") {
  World world;
  world.commit_leaf(1);
  world.commit_leaf(2);
  world.clock.advance(limits::tick_interval_ns - 1);
  world.commit_leaf(3);
  world.clock.advance(1);
  world.commit_leaf(4);
  CHECK(world.types() == std::vector{header, tick, header, header, header, tick});
}

TEST_CASE("an hour without leaves brings no tick") {
  World world;
  world.commit_leaf(1);
  world.clock.advance(3 * limits::tick_interval_ns);
  REQUIRE(world.ledger->begin().ok());
  REQUIRE(world.ledger->commit().ok());
  CHECK(world.types() == std::vector{header, tick});
}

TEST_CASE("a tick is signed by the ledger key and names the tree before it") {
  World world;
  world.commit_leaf(1);
  const auto leaf = *world.maker.store().leaf(1);
  REQUIRE(leaf.has_value());
  const auto object = parse_signed_object(leaf->object, tick);
  REQUIRE(object.ok());
  const std::array keys{world.key.public_key()};
  CHECK(require_signatures(*object, keys, 1).ok());
  const auto content = decode_tick(object->payload);
  REQUIRE(content.ok());
  const std::array before{leaf_hash(Bytes{1})};
  CHECK(*content == Tick{"fleet", world.clock.wall_ns(), 1, tree_root(before)});
}

TEST_CASE("the tree head is the root over all leaves, also after opening again") {
  World world;
  for (std::uint8_t i = 0; i < 21; ++i) {
    world.commit_leaf(i);
    const auto hashes = world.maker.store().leaf_hashes(0, 100);
    CHECK(world.ledger->root() == tree_root(*hashes));
    CHECK(world.maker.store().tree_head()->root() == tree_root(*hashes));
  }
  const auto root = world.ledger->root();
  world.maker.reopen();
  world.ledger = world.open();
  CHECK(world.ledger->size() == 22);
  CHECK(world.ledger->root() == root);
}

TEST_CASE("a rollback leaves neither leaf nor tree nor tick") {
  World world;
  REQUIRE(world.ledger->begin().ok());
  REQUIRE(world.ledger->append(header, Bytes{1}).ok());
  REQUIRE(world.ledger->append_tick().ok());
  CHECK(world.ledger->size() == 2);
  world.ledger->rollback();
  CHECK(world.ledger->size() == 0);
  CHECK(*world.maker.store().leaf_count() == 0);
  world.commit_leaf(2);
  CHECK(world.types() == std::vector{header, tick});
}

TEST_CASE("the order of leaves is the order of their times although the clock is set back") {
  World world;
  world.commit_leaf(1);
  const auto stored = (*world.maker.store().leaf(0))->stored_wall_ns;
  world.clock.jump_wall(-3'600'000'000'000);
  world.commit_leaf(2);
  CHECK((*world.maker.store().leaf(2))->stored_wall_ns == stored);
  world.ledger = world.open();
  world.commit_leaf(3);
  CHECK((*world.maker.store().leaf(3))->stored_wall_ns == stored);
}

TEST_CASE("a store whose tree head does not cover its leaves is refused") {
  World world;
  world.commit_leaf(1);
  REQUIRE(world.maker.store().put_tree_head(TreeHead{}).ok());
  const auto opened = Ledger::open(world.maker.store(), world.clock, world.key, "fleet");
  REQUIRE_FALSE(opened.ok());
  CHECK(opened.error().name == "store_damaged");
}

TEST_CASE("a tick cut at any byte is refused") {
  const auto bytes = encode_tick(Tick{"fleet", 5, 7, {}});
  REQUIRE(decode_tick(bytes).ok());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    CHECK_FALSE(decode_tick(ByteView(bytes).first(size)).ok());
  }
}

}  // namespace
}  // namespace reeve
