// One suite for every implementation of the store's seam: add a maker to STORE_MAKERS.
#include "controller/store/store.h"

#include <doctest/doctest.h>

#include "tests/store/temporary_store.h"

namespace reeve {
namespace {

#define STORE_MAKERS TemporarySqliteStore

constexpr std::uint8_t byte_of(std::uint64_t number) {
  return static_cast<std::uint8_t>(number & 0xff);
}

Digest digest_of(std::uint64_t number) {
  Bytes bytes;
  append_u64(bytes, number);
  return sha256(bytes);
}

Epoch epoch_of(std::uint8_t number) {
  Epoch epoch;
  epoch.data[0] = number;
  return epoch;
}

Leaf example_leaf(std::uint64_t index, std::int64_t stored_wall_ns) {
  const Bytes object{1, 2, 3, byte_of(index)};
  return Leaf{index, ObjectType::batch_header, stored_wall_ns, leaf_hash(object), object};
}

NodeRow example_node(std::uint64_t number) {
  return NodeRow{digest_of(number), Bytes{9, byte_of(number)}, Bytes{}, 77, 0, 0};
}

// Stores a leaf and its batch of ten records; the header is digest_of(leaf).
void add_batch(Store& store, const Chain& chain, std::uint64_t leaf, std::uint64_t first,
               std::vector<std::string> rules, Standing standing = Standing::chained) {
  REQUIRE(store.append_leaf(example_leaf(leaf, 1'000)).ok());
  const BatchRow batch{leaf,     chain.id,       chain.key.node,  first, 10, digest_of(leaf),
                       standing, Bytes{5, 6, 7}, std::move(rules)};
  REQUIRE(store.append_batch(batch).ok());
}

Chain add_chain(Store& store, const NodeId& node, Epoch epoch, Epoch previous = {}) {
  const auto chain =
      store.put_chain(Chain{{node, epoch, Stream::urgent}, previous, 10, digest_of(1), 0});
  REQUIRE(chain.ok());
  return *chain;
}

std::vector<std::uint64_t> leaves_of(const Store& store, const BatchFilter& filter,
                                     std::size_t limit = 100) {
  const auto batches = store.batches(filter, limit);
  REQUIRE(batches.ok());
  std::vector<std::uint64_t> leaves;
  for (const auto& batch : *batches) leaves.push_back(batch.leaf);
  return leaves;
}

TEST_CASE_TEMPLATE("a new store is empty", Maker, STORE_MAKERS) {
  Maker maker;
  auto& store = maker.store();
  CHECK(*store.leaf_count() == 0);
  CHECK(store.tree_head()->size() == 0);
  CHECK_FALSE(store.leaf(0)->has_value());
  CHECK_FALSE(store.latest_manifest()->has_value());
  CHECK(store.nodes()->empty());
  CHECK(store.roots()->empty());
}

TEST_CASE_TEMPLATE("what is committed is there after opening again", Maker, STORE_MAKERS) {
  Maker maker;
  const auto leaf = example_leaf(0, 1'234);
  REQUIRE(maker.store().begin().ok());
  REQUIRE(maker.store().append_leaf(leaf).ok());
  REQUIRE(maker.store().commit().ok());
  auto& store = maker.reopen();
  CHECK(*store.leaf_count() == 1);
  CHECK(*store.leaf(0) == leaf);
}

TEST_CASE_TEMPLATE("what is not committed is gone after a rollback", Maker, STORE_MAKERS) {
  Maker maker;
  auto& store = maker.store();
  REQUIRE(store.begin().ok());
  REQUIRE(store.append_leaf(example_leaf(0, 1)).ok());
  REQUIRE(store.put_node(example_node(1)).ok());
  CHECK(*store.leaf_count() == 1);
  store.rollback();
  CHECK(*store.leaf_count() == 0);
  CHECK(store.nodes()->empty());
  store.rollback();  // without a transaction: nothing
}

TEST_CASE_TEMPLATE("what is not committed is gone after a death", Maker, STORE_MAKERS) {
  Maker maker;
  REQUIRE(maker.store().begin().ok());
  REQUIRE(maker.store().append_leaf(example_leaf(0, 1)).ok());
  CHECK(*maker.reopen().leaf_count() == 0);
}

TEST_CASE_TEMPLATE("one leaf index is taken once", Maker, STORE_MAKERS) {
  Maker maker;
  auto& store = maker.store();
  REQUIRE(store.append_leaf(example_leaf(0, 1)).ok());
  const auto again = store.append_leaf(example_leaf(0, 1));
  REQUIRE_FALSE(again.ok());
  CHECK(again.error().name == "store_failed");
}

TEST_CASE_TEMPLATE("leaf hashes come in order and end with the leaves", Maker, STORE_MAKERS) {
  Maker maker;
  auto& store = maker.store();
  for (std::uint64_t i = 0; i < 5; ++i) REQUIRE(store.append_leaf(example_leaf(i, 1)).ok());
  const auto hashes = store.leaf_hashes(3, 100);
  REQUIRE(hashes->size() == 2);
  CHECK((*hashes)[0] == example_leaf(3, 1).hash);
  CHECK((*hashes)[1] == example_leaf(4, 1).hash);
  CHECK(store.leaf_hashes(1, 2)->size() == 2);
  CHECK(store.leaf_hashes(~std::uint64_t{0}, ~std::uint64_t{0})->empty());
}

TEST_CASE_TEMPLATE("the first leaf since a moment is found", Maker, STORE_MAKERS) {
  Maker maker;
  auto& store = maker.store();
  CHECK(*first_leaf_since(store, 0) == 0);
  for (std::uint64_t i = 0; i < 9; ++i) {
    REQUIRE(store.append_leaf(example_leaf(i, static_cast<std::int64_t>(i / 2) * 10)).ok());
  }
  CHECK(*first_leaf_since(store, -5) == 0);
  CHECK(*first_leaf_since(store, 0) == 0);
  CHECK(*first_leaf_since(store, 1) == 2);
  CHECK(*first_leaf_since(store, 10) == 2);
  CHECK(*first_leaf_since(store, 40) == 8);
  CHECK(*first_leaf_since(store, 41) == 9);
}

TEST_CASE_TEMPLATE("the tree head is kept whole", Maker, STORE_MAKERS) {
  Maker maker;
  TreeHead head;
  for (std::uint64_t i = 0; i < 11; ++i) head.append(digest_of(i));
  REQUIRE(maker.store().put_tree_head(TreeHead{}).ok());
  REQUIRE(maker.store().put_tree_head(head).ok());
  const auto back = maker.reopen().tree_head();
  REQUIRE(back.ok());
  CHECK(back->size() == 11);
  CHECK(back->root() == head.root());
}

TEST_CASE_TEMPLATE("a chain is found by its key and moves on", Maker, STORE_MAKERS) {
  Maker maker;
  auto& store = maker.store();
  const auto node = example_node(1);
  REQUIRE(store.put_node(node).ok());
  auto chain = add_chain(store, node.node, epoch_of(1));
  CHECK(chain.id != 0);
  chain.next = 20;
  chain.last = digest_of(2);
  REQUIRE(store.put_chain(chain).ok());
  CHECK(*store.chain(chain.key) == chain);
  CHECK_FALSE(store.chain({node.node, epoch_of(1), Stream::routine})->has_value());
  CHECK_FALSE(store.chain({node.node, epoch_of(2), Stream::urgent})->has_value());
}

TEST_CASE_TEMPLATE("a rival names the same previous epoch", Maker, STORE_MAKERS) {
  Maker maker;
  auto& store = maker.store();
  const auto node = example_node(1);
  REQUIRE(store.put_node(node).ok());
  const auto first = add_chain(store, node.node, epoch_of(1));
  CHECK_FALSE(*store.has_rival(first));
  const auto second = add_chain(store, node.node, epoch_of(2), epoch_of(1));
  CHECK_FALSE(*store.has_rival(second));
  const auto third = add_chain(store, node.node, epoch_of(3), epoch_of(1));
  CHECK(*store.has_rival(third));
  CHECK(*store.has_rival(second));
}

TEST_CASE_TEMPLATE("chains are found by the range of their epochs", Maker, STORE_MAKERS) {
  Maker maker;
  auto& store = maker.store();
  const auto node = example_node(1);
  REQUIRE(store.put_node(node).ok());
  for (std::uint8_t i = 1; i < 6; ++i) add_chain(store, node.node, epoch_of(i), epoch_of(0));
  const ChainKey low{node.node, epoch_of(2), Stream::urgent};
  const ChainKey high{node.node, epoch_of(4), Stream::urgent};
  const auto chains = store.chains_between(low, high, 10);
  REQUIRE(chains->size() == 3);
  CHECK((*chains)[0].key.epoch == epoch_of(2));
  CHECK(store.chains_between(low, high, 2)->size() == 2);
}

TEST_CASE_TEMPLATE("a batch is found by its end and its header", Maker, STORE_MAKERS) {
  Maker maker;
  auto& store = maker.store();
  const auto node = example_node(1);
  REQUIRE(store.put_node(node).ok());
  const auto chain = add_chain(store, node.node, epoch_of(1));
  add_batch(store, chain, 0, 0, {});
  add_batch(store, chain, 1, 0, {}, Standing::equivocation);
  add_batch(store, chain, 2, 10, {});
  CHECK(*store.find_batch(chain.id, 10, digest_of(0)) == 0);
  CHECK(*store.find_batch(chain.id, 10, digest_of(1)) == 1);
  CHECK_FALSE(store.find_batch(chain.id, 20, digest_of(1))->has_value());
  CHECK_FALSE(store.find_batch(chain.id + 1, 10, digest_of(0))->has_value());
}

TEST_CASE_TEMPLATE("the chained batch that holds a sequence is found", Maker, STORE_MAKERS) {
  Maker maker;
  auto& store = maker.store();
  const auto node = example_node(1);
  REQUIRE(store.put_node(node).ok());
  const auto chain = add_chain(store, node.node, epoch_of(1));
  add_batch(store, chain, 0, 0, {});
  add_batch(store, chain, 1, 5, {}, Standing::equivocation);
  add_batch(store, chain, 2, 10, {});
  CHECK((*store.batch_with(chain.id, 0))->leaf == 0);
  CHECK((*store.batch_with(chain.id, 9))->leaf == 0);
  const auto second = *store.batch_with(chain.id, 10);
  CHECK(second->leaf == 2);
  CHECK(second->node == node.node);
  CHECK(second->count == 10);
  CHECK(second->bodies == Bytes{5, 6, 7});
  CHECK_FALSE(store.batch_with(chain.id, 20)->has_value());
  CHECK_FALSE(store.batch_with(chain.id, ~std::uint64_t{0})->has_value());
}

TEST_CASE_TEMPLATE("batches are filtered by node and rule and paged by leaf", Maker, STORE_MAKERS) {
  Maker maker;
  auto& store = maker.store();
  REQUIRE(store.put_node(example_node(1)).ok());
  REQUIRE(store.put_node(example_node(2)).ok());
  const auto one = add_chain(store, digest_of(1), epoch_of(1));
  const auto two = add_chain(store, digest_of(2), epoch_of(1));
  add_batch(store, one, 0, 0, {"a"});
  add_batch(store, two, 1, 0, {"a", "b", "a"});
  add_batch(store, one, 2, 10, {"b"});
  add_batch(store, two, 3, 10, {});
  CHECK(leaves_of(store, {}) == std::vector<std::uint64_t>{0, 1, 2, 3});
  CHECK(leaves_of(store, {}, 2) == std::vector<std::uint64_t>{0, 1});
  CHECK(leaves_of(store, {.from_leaf = 2}) == std::vector<std::uint64_t>{2, 3});
  CHECK(leaves_of(store, {.node = digest_of(1)}) == std::vector<std::uint64_t>{0, 2});
  CHECK(leaves_of(store, {.rule = "b"}) == std::vector<std::uint64_t>{1, 2});
  CHECK(leaves_of(store, {.node = digest_of(2), .rule = "a"}) == std::vector<std::uint64_t>{1});
  CHECK(leaves_of(store, {.node = digest_of(2), .rule = "a", .from_leaf = 2}).empty());
  CHECK(leaves_of(store, {.rule = "unheard"}).empty());
  CHECK(leaves_of(store, {.node = digest_of(3)}).empty());
}

TEST_CASE_TEMPLATE("a node is replaced by its id", Maker, STORE_MAKERS) {
  Maker maker;
  auto& store = maker.store();
  auto node = example_node(1);
  REQUIRE(store.put_node(node).ok());
  REQUIRE(store.put_node(example_node(2)).ok());
  node.heartbeat = Bytes{1, 2, 3};
  node.seen_wall_ns = 99;
  node.flags = 3;
  node.state = 1;
  REQUIRE(store.put_node(node).ok());
  const auto nodes = maker.reopen().nodes();
  REQUIRE(nodes->size() == 2);
  CHECK((*nodes)[0] == node);
}

TEST_CASE_TEMPLATE("roots come by version and the latest manifest is the newest", Maker,
                   STORE_MAKERS) {
  Maker maker;
  auto& store = maker.store();
  REQUIRE(store.put_root(2, Bytes{2}).ok());
  REQUIRE(store.put_root(1, Bytes{1}).ok());
  CHECK(*store.roots() == std::vector<Bytes>{{1}, {2}});
  CHECK_FALSE(store.put_root(2, Bytes{3}).ok());
  REQUIRE(store.put_manifest(7, Bytes{7}).ok());
  REQUIRE(store.put_manifest(9, Bytes{9}).ok());
  CHECK(**store.latest_manifest() == Bytes{9});
  CHECK_FALSE(store.put_manifest(9, Bytes{1}).ok());
}

TEST_CASE_TEMPLATE("manifests are read backwards in pages, and acts as they were put", Maker,
                   STORE_MAKERS) {
  Maker maker;
  auto& store = maker.store();
  REQUIRE(store.begin().ok());
  for (const std::uint64_t version : {1, 2, 5})
    REQUIRE(store.put_manifest(version, Bytes{byte_of(version)}).ok());
  REQUIRE(store.put_act(7, Bytes{7}).ok());
  REQUIRE(store.put_act(3, Bytes{3}).ok());
  REQUIRE(store.commit().ok());
  CHECK(*store.manifests(0, 2) == std::vector<Bytes>{{5}, {2}});
  CHECK(*store.manifests(2, 9) == std::vector<Bytes>{{1}});
  CHECK(store.manifests(1, 9)->empty());
  CHECK(*store.acts() == std::vector<Bytes>{{7}, {3}});
}

TEST_CASE_TEMPLATE("a bundle is kept once under its digest", Maker, STORE_MAKERS) {
  Maker maker;
  auto& store = maker.store();
  const Bytes bundle(200'000, 0x42);
  const auto digest = sha256(bundle);
  REQUIRE(store.put_bundle(digest, bundle).ok());
  REQUIRE(store.put_bundle(digest, bundle).ok());
  CHECK(**store.bundle(digest) == bundle);
  CHECK_FALSE(store.bundle(digest_of(1))->has_value());
}

}  // namespace
}  // namespace reeve
