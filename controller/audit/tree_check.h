// The stored hashes of a ledger's tree against the tree that its leaves make: roots of full tiles
// as the walk passes them, then the head, then what was seen before. For ledger_audit.cpp only.
#pragma once

#include "controller/audit/ledger_audit.h"

namespace reeve {

class TreeCheck {
 public:
  TreeCheck(const Store& store, std::vector<Checkpoint> seen);

  // The next leaf's hash, and the tree with it. Errors are the store's.
  Status take(const Digest& hash, const TreeHead& tree);
  // After the last leaf.
  Status finish(const TreeHead& tree);
  const std::vector<LedgerFault>& faults() const { return faults_; }

 private:
  Status complete_tile(unsigned level);
  void check_seen(const TreeHead& tree);
  void check_head(const TreeHead& stored, const TreeHead& tree);
  void note(std::uint64_t from, std::uint64_t until, std::string name, std::string detail);

  const Store& store_;
  std::vector<Checkpoint> seen_;  // by size
  std::size_t next_seen_ = 0;
  std::uint64_t agreed_ = 0;  // size of the last of them that holds
  std::uint64_t size_ = 0;
  std::vector<std::vector<Digest>>
      open_tiles_;  // by level, the hashes of the tile that is not full
  std::vector<LedgerFault> faults_;
};

}  // namespace reeve
