#include "common/merkle.h"

#include <bit>

namespace reeve {

namespace {

// The prefixes that keep leaves and inner nodes apart (RFC 6962 section 2.1).
constexpr std::array<std::uint8_t, 1> leaf_prefix{0x00};
constexpr std::array<std::uint8_t, 1> node_prefix{0x01};

}  // namespace

Digest leaf_hash(ByteView leaf) { return sha256({leaf_prefix, leaf}); }

Digest record_leaf_hash(const Salt& salt, ByteView record) {
  return sha256({leaf_prefix, salt.view(), record});
}

Digest node_hash(const Digest& left, const Digest& right) {
  return sha256({node_prefix, left.view(), right.view()});
}

Digest tree_root(std::span<const Digest> leaves) {
  TreeHead head;
  for (const Digest& leaf : leaves) head.append(leaf);
  return head.root();
}

// Recursion is as deep as the tree is high: at most 64.
std::vector<Digest> inclusion_path(std::span<const Digest> leaves, std::size_t index) {
  REEVE_ASSERT(index < leaves.size());
  if (leaves.size() == 1) return {};
  std::size_t split = std::bit_floor(leaves.size() - 1);
  bool left = index < split;
  auto path = left ? inclusion_path(leaves.first(split), index)
                   : inclusion_path(leaves.subspan(split), index - split);
  path.push_back(tree_root(left ? leaves.subspan(split) : leaves.first(split)));
  return path;
}

bool inclusion_holds(const Digest& leaf, std::uint64_t index, std::uint64_t size,
                     std::span<const Digest> path, const Digest& root) {
  if (index >= size) return false;
  std::uint64_t fn = index;  // the names of RFC 9162: the node, and the last node of its level
  std::uint64_t sn = size - 1;
  Digest hash = leaf;
  for (const Digest& sibling : path) {
    if (sn == 0) return false;
    if ((fn & 1) == 1 || fn == sn) {
      hash = node_hash(sibling, hash);
      while ((fn & 1) == 0 && fn != 0) {
        fn >>= 1;
        sn >>= 1;
      }
    } else {
      hash = node_hash(hash, sibling);
    }
    fn >>= 1;
    sn >>= 1;
  }
  return sn == 0 && hash == root;
}

Result<TreeHead> TreeHead::restore(std::uint64_t size, std::vector<Digest> peaks) {
  if (peaks.size() != static_cast<std::size_t>(std::popcount(size))) {
    return Error{"malformed", "tree head: the number of peaks does not fit its size"};
  }
  TreeHead head;
  head.size_ = size;
  head.peaks_ = std::move(peaks);
  return head;
}

void TreeHead::append(const Digest& leaf) {
  Digest hash = leaf;
  for (std::uint64_t full = size_; (full & 1) == 1; full >>= 1) {
    hash = node_hash(peaks_.back(), hash);
    peaks_.pop_back();
  }
  peaks_.push_back(hash);
  ++size_;
}

Digest TreeHead::root() const {
  if (peaks_.empty()) return sha256(ByteView{});
  Digest hash = peaks_.back();
  for (std::size_t i = peaks_.size() - 1; i > 0; --i) hash = node_hash(peaks_[i - 1], hash);
  return hash;
}

}  // namespace reeve
