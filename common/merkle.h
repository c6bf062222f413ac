// RFC 6962 section 2.1 hash trees over SHA-256: record trees inside a batch and the ledger's log
// use the same hashing. Stateless functions and one compact, appendable tree head.
#pragma once

#include "common/seal.h"

namespace reeve {

Digest leaf_hash(ByteView leaf);                             // SHA-256(0x00, leaf)
Digest record_leaf_hash(const Salt& salt, ByteView record);  // SHA-256(0x00, salt, record)
Digest node_hash(const Digest& left, const Digest& right);   // SHA-256(0x01, left, right)

// The Merkle tree hash; of no leaves it is SHA-256 of the empty string.
Digest tree_root(std::span<const Digest> leaves);
// RFC 6962 section 2.1.1: the audit path of leaf `index`, lowest first; index < leaves.size().
std::vector<Digest> inclusion_path(std::span<const Digest> leaves, std::size_t index);
// RFC 9162 section 2.1.3.2.
bool inclusion_holds(const Digest& leaf, std::uint64_t index, std::uint64_t size,
                     std::span<const Digest> path, const Digest& root);

// Whatever keeps the hashes of a long tree. subtree(level, index) is the hash over the leaves from
// index << level on, 1 << level of them; asked only for subtrees that the tree fills.
class HashSource {
 public:
  virtual ~HashSource() = default;
  virtual Result<Digest> subtree(unsigned level, std::uint64_t index) const = 0;
};
// The root over the first `size` leaves, and the proofs of RFC 6962 sections 2.1.1 (index < size)
// and 2.1.2 (0 < from <= size; empty where both are one tree). Errors are the source's.
Result<Digest> tree_root(const HashSource& hashes, std::uint64_t size);
Result<std::vector<Digest>> inclusion_path(const HashSource& hashes, std::uint64_t index,
                                           std::uint64_t size);
Result<std::vector<Digest>> consistency_path(const HashSource& hashes, std::uint64_t from,
                                             std::uint64_t size);

// One tree and what grew out of it. RFC 9162 section 2.1.4.2; two trees of one size hold when their
// roots are equal and the proof is empty, and every tree has grown out of the empty one.
struct TreeView {
  std::uint64_t size = 0;
  Digest root;
  bool operator==(const TreeView&) const = default;
};
bool consistency_holds(const TreeView& from, const TreeView& to, std::span<const Digest> path);

// The right edge of a growing tree: append in O(log n), root in O(log n). Plain, storable value.
class TreeHead {
 public:
  TreeHead() = default;
  // Error `malformed` unless peaks has one hash per set bit of size.
  static Result<TreeHead> restore(std::uint64_t size, std::vector<Digest> peaks);

  void append(const Digest& leaf);
  std::uint64_t size() const { return size_; }
  Digest root() const;
  const std::vector<Digest>& peaks() const { return peaks_; }  // largest subtree first

 private:
  std::uint64_t size_ = 0;
  std::vector<Digest> peaks_;
};

}  // namespace reeve
