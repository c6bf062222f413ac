// Going through a ledger again from its first leaf, as an auditor would: each leaf's signature
// under the roots and keys that came before it, its hash, and what is stored beside it. Does no
// I/O; a value, so that a copy can try another leaf. Every root is taken from the ledger itself:
// whether one of them is the reader's own is for the reader to ask.
#pragma once

#include "common/ledger_recovery.h"
#include "controller/audit/batch_walk.h"

namespace reeve {

class LedgerWalk {
 public:
  // `trusted`: a root of the ledger that has the version of one of these must be that one.
  explicit LedgerWalk(std::vector<Root> trusted) : trusted_(std::move(trusted)) {}

  // The next leaf, and the batch that is stored beside it, null for none. After an error the walk
  // is over. Errors, besides BatchWalk's: `leaf_order` (stored before its predecessor), `leaf_hash`
  // (the stored hash is another), `leaf_malformed`, `leaf_not_signed`, `root_mismatch`,
  // `tick_differs`, `recovery_differs`, `batch_missing`, `stray_batch`.
  Status take(const Leaf& leaf, const BatchRow* batch);

  const TreeHead& tree() const { return tree_; }
  const Root* root() const { return root_ ? &*root_ : nullptr; }  // the newest so far
  // The ledger's, after the recoveries so far; empty before the first root.
  const std::string& origin() const { return origin_; }
  struct Recovered {
    std::uint64_t leaf = 0;
    TreeView trusted;
  };
  const std::vector<Recovered>& recoveries() const { return recoveries_; }
  bool is_anchored() const { return is_anchored_; }  // a trusted root was among them
  BatchWalk& batches() { return batches_; }
  const BatchWalk& batches() const { return batches_; }

 private:
  Status judge(const Leaf& leaf);
  Status judge_under_root(const Leaf& leaf);
  Status take_root(ByteView object);
  Status take_certificate(ByteView object);
  Status take_manifest(ByteView object);
  Status take_witnesses(ByteView object);
  Status take_recovery(const Leaf& leaf);
  Status check_request(ByteView object) const;
  Status check_tick(ByteView object) const;

  std::vector<Root> trusted_;
  std::optional<Root> root_;
  std::string origin_;
  std::vector<Recovered> recoveries_;
  bool is_anchored_ = false;
  std::uint64_t manifest_version_ = 0;
  std::uint64_t witnesses_version_ = 0;
  std::int64_t stored_wall_ns_ = 0;
  TreeHead tree_;
  BatchWalk batches_;
};

}  // namespace reeve
