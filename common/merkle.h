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
