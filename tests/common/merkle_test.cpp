#include "common/merkle.h"

#include <doctest/doctest.h>

#include "tests/mutations.h"

namespace reeve {
namespace {

constexpr std::size_t leaves_max = 70;

Bytes raw(std::string_view digits) { return unhex(digits).value_or(Bytes{}); }

// RFC 6962 section 2.1, word for word: the largest power of two below n splits the list.
Digest naive_root(std::span<const Digest> leaves) {
  if (leaves.empty()) return sha256(ByteView{});
  if (leaves.size() == 1) return leaves[0];
  std::size_t k = 1;
  while (k * 2 < leaves.size()) k *= 2;
  return node_hash(naive_root(leaves.first(k)), naive_root(leaves.subspan(k)));
}

// RFC 6962 section 2.1.1, word for word.
std::vector<Digest> naive_path(std::span<const Digest> leaves, std::size_t m) {
  if (leaves.size() <= 1) return {};
  std::size_t k = 1;
  while (k * 2 < leaves.size()) k *= 2;
  auto path = m < k ? naive_path(leaves.first(k), m) : naive_path(leaves.subspan(k), m - k);
  path.push_back(m < k ? naive_root(leaves.subspan(k)) : naive_root(leaves.first(k)));
  return path;
}

std::vector<Digest> some_leaves(std::size_t count) {
  std::vector<Digest> out;
  for (std::size_t i = 0; i < count; ++i) {
    Bytes data;
    append_u64(data, i);
    out.push_back(leaf_hash(data));
  }
  return out;
}

TEST_CASE("roots are those of Certificate Transparency's reference data") {
  const std::string_view data[] = {"",
                                   "00",
                                   "10",
                                   "2021",
                                   "3031",
                                   "40414243",
                                   "5051525354555657",
                                   "606162636465666768696a6b6c6d6e6f"};
  const std::string_view roots[] = {
      "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
      "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
      "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
      "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
      "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
      "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
      "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
      "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
      "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
  };
  std::vector<Digest> leaves;
  CHECK(hex(tree_root(leaves).view()) == roots[0]);
  for (std::size_t i = 0; i < std::size(data); ++i) {
    leaves.push_back(leaf_hash(raw(data[i])));
    CHECK(hex(tree_root(leaves).view()) == roots[i + 1]);
  }
}

TEST_CASE("a record's leaf is the hash of a zero byte, its salt and its bytes") {
  Salt salt;
  salt.data.fill(0xab);
  Bytes all{0x00};
  append(all, salt.view());
  append(all, view_of("record"));
  CHECK(record_leaf_hash(salt, view_of("record")) == sha256(all));
}

TEST_CASE("roots, paths and tree heads agree with a naive reference at every size") {
  auto leaves = some_leaves(leaves_max);
  TreeHead head;
  for (std::size_t size = 0; size <= leaves_max; ++size) {
    auto part = std::span(leaves).first(size);
    auto root = naive_root(part);
    CHECK(tree_root(part) == root);
    CHECK(head.size() == size);
    CHECK(head.root() == root);
    for (std::size_t i = 0; i < size; ++i) {
      auto path = inclusion_path(part, i);
      CHECK(path == naive_path(part, i));
      CHECK(inclusion_holds(part[i], i, size, path, root));
    }
    if (size < leaves_max) head.append(leaves[size]);
  }
}

TEST_CASE("a proof does not hold for another leaf, index, size or root, nor shortened or longer") {
  auto leaves = some_leaves(leaves_max);
  for (std::size_t size = 1; size <= leaves_max; ++size) {
    auto part = std::span(leaves).first(size);
    auto root = tree_root(part);
    std::size_t index = (size * 7) % size;
    for (std::size_t wanted : {index, size / 2, size - 1}) {
      auto path = inclusion_path(part, wanted);
      CHECK_FALSE(inclusion_holds(leaf_hash(view_of("x")), wanted, size, path, root));
      CHECK_FALSE(inclusion_holds(part[wanted], size, size, path, root));
      CHECK_FALSE(inclusion_holds(part[wanted], wanted, 0, path, root));
      CHECK_FALSE(inclusion_holds(part[wanted], wanted, size, path, sha256(view_of("x"))));
      for (std::size_t other = 0; other < size; ++other) {
        if (other != wanted) CHECK_FALSE(inclusion_holds(part[wanted], other, size, path, root));
      }
      auto longer = path;
      longer.push_back(root);
      CHECK_FALSE(inclusion_holds(part[wanted], wanted, size, longer, root));
      if (path.empty()) continue;
      auto shorter = std::span(path).first(path.size() - 1);
      CHECK_FALSE(inclusion_holds(part[wanted], wanted, size, shorter, root));
    }
  }
}

TEST_CASE("every proof with one bit flipped fails") {
  auto leaves = some_leaves(leaves_max);
  for (std::size_t size : {2UL, 3UL, 7UL, 8UL, 13UL, leaves_max}) {
    auto part = std::span(leaves).first(size);
    auto root = tree_root(part);
    for (std::size_t i = 0; i < size; ++i) {
      auto path = inclusion_path(part, i);
      for (Digest& hash : path) {
        auto before = hash;
        for_each_flipped_bit(before.view(), [&](ByteView bytes) {
          hash = *fixed<32>(bytes);
          CHECK_FALSE(inclusion_holds(part[i], i, size, path, root));
        });
        hash = before;
      }
    }
  }
}

// All leaves in memory; it refuses what no tree of its size fills.
class LeafHashes final : public HashSource {
 public:
  explicit LeafHashes(std::vector<Digest> leaves) : leaves_(std::move(leaves)) {}
  Result<Digest> subtree(unsigned level, std::uint64_t index) const override {
    REQUIRE(((index + 1) << level) <= leaves_.size());
    return naive_root(std::span(leaves_).subspan(index << level, std::size_t{1} << level));
  }

 private:
  std::vector<Digest> leaves_;
};

// RFC 6962 section 2.1.2, word for word.
std::vector<Digest> naive_subproof(std::size_t m, std::span<const Digest> leaves, bool known) {
  const std::size_t n = leaves.size();
  if (m == n) return known ? std::vector<Digest>{} : std::vector{naive_root(leaves)};
  std::size_t k = 1;
  while (k * 2 < n) k *= 2;
  auto path = m <= k ? naive_subproof(m, leaves.first(k), known)
                     : naive_subproof(m - k, leaves.subspan(k), false);
  path.push_back(m <= k ? naive_root(leaves.subspan(k)) : naive_root(leaves.first(k)));
  return path;
}

TEST_CASE("proofs out of a source of hashes are those of the specification") {
  const auto leaves = some_leaves(leaves_max);
  const LeafHashes source(leaves);
  for (std::size_t size = 1; size <= leaves_max; ++size) {
    const auto part = std::span(leaves).first(size);
    CHECK(*tree_root(source, size) == naive_root(part));
    for (std::size_t i = 0; i < size; ++i) {
      CHECK(*inclusion_path(source, i, size) == naive_path(part, i));
      CHECK(*consistency_path(source, i + 1, size) == naive_subproof(i + 1, part, true));
    }
  }
  CHECK(*tree_root(source, 0) == sha256(ByteView{}));
}

TEST_CASE("a tree is consistent with each that it grew out of") {
  const auto leaves = some_leaves(leaves_max);
  const LeafHashes source(leaves);
  for (std::size_t size = 0; size <= leaves_max; ++size) {
    const TreeView to{size, tree_root(std::span(leaves).first(size))};
    CHECK(consistency_holds({0, sha256(ByteView{})}, to, {}));
    for (std::size_t from = 1; from <= size; ++from) {
      const auto path = *consistency_path(source, from, size);
      CHECK(consistency_holds({from, tree_root(std::span(leaves).first(from))}, to, path));
    }
  }
}

TEST_CASE("a consistency proof holds for nothing else") {
  const auto leaves = some_leaves(leaves_max);
  auto others = leaves;
  others[2] = leaf_hash(view_of("rewritten"));
  const LeafHashes source(leaves);
  for (std::size_t size = 4; size <= leaves_max; ++size) {
    const TreeView to{size, tree_root(std::span(leaves).first(size))};
    const TreeView rewritten{size, tree_root(std::span(others).first(size))};
    for (std::size_t size_before = 3; size_before <= size; ++size_before) {
      const TreeView from{size_before, tree_root(std::span(leaves).first(size_before))};
      auto path = *consistency_path(source, size_before, size);
      CHECK_FALSE(consistency_holds(from, rewritten, path));
      CHECK_FALSE(consistency_holds({size_before, rewritten.root}, to, path));
      CHECK_FALSE(consistency_holds({size_before - 1, from.root}, to, path));
      CHECK_FALSE(consistency_holds(to, {size_before - 1, from.root}, path));
      path.push_back(from.root);
      CHECK_FALSE(consistency_holds(from, to, path));
      path.pop_back();
      for (Digest& hash : path) {
        hash.data[7] ^= 4;
        CHECK_FALSE(consistency_holds(from, to, path));
        hash.data[7] ^= 4;
      }
      if (path.empty()) continue;
      CHECK_FALSE(consistency_holds(from, to, std::span(path).first(path.size() - 1)));
    }
  }
  CHECK_FALSE(consistency_holds({0, Digest{}}, {1, leaves[0]}, {}));
}

TEST_CASE("a tree head that was stored goes on where it stopped") {
  auto leaves = some_leaves(leaves_max);
  for (std::size_t stop = 0; stop <= leaves_max; ++stop) {
    TreeHead head;
    for (std::size_t i = 0; i < stop; ++i) head.append(leaves[i]);
    auto restored = TreeHead::restore(head.size(), head.peaks());
    REQUIRE(restored.ok());
    for (std::size_t i = stop; i < leaves_max; ++i) restored->append(leaves[i]);
    CHECK(restored->root() == tree_root(leaves));
  }
}

TEST_CASE("a tree head whose peaks do not fit its size is refused") {
  CHECK(TreeHead::restore(1, {}).error().name == "malformed");
  CHECK(TreeHead::restore(0, some_leaves(1)).error().name == "malformed");
  CHECK(TreeHead::restore(6, some_leaves(3)).error().name == "malformed");
  CHECK(TreeHead::restore(7, some_leaves(3)).ok());
}

}  // namespace
}  // namespace reeve
