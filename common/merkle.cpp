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

namespace {

// Where RFC 6962 splits `count` leaves, at least two: the largest power of two below.
std::uint64_t split_of(std::uint64_t count) { return std::bit_floor(count - 1); }

// MTH over `count` leaves from `first` on, which a split of a whole tree leads to: every full
// subtree in it begins at a multiple of its size. As deep as the tree is high.
Result<Digest> range_root(const HashSource& hashes, std::uint64_t first, std::uint64_t count) {
  if (std::has_single_bit(count)) {
    const auto level = static_cast<unsigned>(std::countr_zero(count));
    return hashes.subtree(level, first >> level);
  }
  const std::uint64_t split = split_of(count);
  const auto left = range_root(hashes, first, split);
  if (!left.ok()) return left;
  const auto right = range_root(hashes, first + split, count - split);
  if (!right.ok()) return right;
  return node_hash(*left, *right);
}

// A subtree on the way down to what is proven; its sibling's hash goes into the proof.
struct Span {
  std::uint64_t first = 0;
  std::uint64_t count = 0;
};

Status push_root(std::vector<Digest>& path, const HashSource& hashes, const Span& span) {
  auto root = range_root(hashes, span.first, span.count);
  if (!root.ok()) return root.error();
  path.push_back(*root);
  return {};
}

}  // namespace

Result<Digest> tree_root(const HashSource& hashes, std::uint64_t size) {
  if (size == 0) return sha256(ByteView{});
  return range_root(hashes, 0, size);
}

Result<std::vector<Digest>> inclusion_path(const HashSource& hashes, std::uint64_t index,
                                           std::uint64_t size) {
  REEVE_ASSERT(index < size);
  std::vector<Digest> path;  // highest first
  for (Span at{0, size}; at.count > 1;) {
    const std::uint64_t split = split_of(at.count);
    const Span left{at.first, split};
    const Span right{at.first + split, at.count - split};
    const bool goes_left = index < right.first;
    REEVE_TRY(push_root(path, hashes, goes_left ? right : left));
    at = goes_left ? left : right;
  }
  return std::vector<Digest>(path.rbegin(), path.rend());
}

// SUBPROOF of RFC 6962, from the root down: `at` holds the edge of the older tree; once it begins
// behind leaf 0, the reader does not know its hash any more and gets that as well.
Result<std::vector<Digest>> consistency_path(const HashSource& hashes, std::uint64_t from,
                                             std::uint64_t size) {
  REEVE_ASSERT(from > 0 && from <= size);
  std::vector<Digest> path;  // highest first
  Span at{0, size};
  while (at.first + at.count != from) {
    const std::uint64_t split = split_of(at.count);
    const Span left{at.first, split};
    const Span right{at.first + split, at.count - split};
    const bool goes_left = from <= right.first;
    REEVE_TRY(push_root(path, hashes, goes_left ? right : left));
    at = goes_left ? left : right;
  }
  if (at.first > 0) REEVE_TRY(push_root(path, hashes, at));
  return std::vector<Digest>(path.rbegin(), path.rend());
}

bool consistency_holds(const TreeView& from, const TreeView& to, std::span<const Digest> path) {
  if (from.size > to.size) return false;
  if (from.size == 0) return path.empty() && from.root == sha256(ByteView{});
  if (from.size == to.size) return path.empty() && from.root == to.root;
  // The names of RFC 9162: where the older tree is full, its root stands for the first hash.
  const bool is_full = std::has_single_bit(from.size);
  if (!is_full && path.empty()) return false;
  std::uint64_t fn = from.size - 1;
  std::uint64_t sn = to.size - 1;
  while ((fn & 1) == 1) {
    fn >>= 1;
    sn >>= 1;
  }
  Digest fr = is_full ? from.root : path.front();
  Digest sr = fr;
  for (const Digest& c : is_full ? path : path.subspan(1)) {
    if (sn == 0) return false;
    if ((fn & 1) == 1 || fn == sn) {
      fr = node_hash(c, fr);
      sr = node_hash(c, sr);
      while ((fn & 1) == 0 && fn != 0) {
        fn >>= 1;
        sn >>= 1;
      }
    } else {
      sr = node_hash(sr, c);
    }
    fn >>= 1;
    sn >>= 1;
  }
  return sn == 0 && fr == from.root && sr == to.root;
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
