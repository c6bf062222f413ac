// What the store keeps beside the leaves and repeats of them: roots, manifests, bundles,
// certificates, key successions and where chains end. For ledger_audit.cpp only.
#pragma once

#include "controller/audit/ledger_audit.h"

namespace reeve {

class TableCheck {
 public:
  // Every leaf, in order.
  void take(const Leaf& leaf);
  // After the last leaf: the first table that says another thing than the leaves, with the leaf
  // that it should repeat. Errors are the store's.
  Result<std::optional<LedgerFault>> finish(const Store& store, const BatchWalk& batches) const;

 private:
  struct Copy {
    std::uint64_t leaf = 0;
    Digest digest;  // of the object
  };
  LedgerFault stray(std::string_view table) const;
  Result<std::optional<LedgerFault>> check_table(const Result<std::vector<Bytes>>& rows,
                                                 const std::vector<Copy>& copies,
                                                 std::string_view table) const;
  Result<std::optional<LedgerFault>> check_chains(const Store& store,
                                                  const BatchWalk& batches) const;
  Result<std::optional<LedgerFault>> check_nodes(const Store& store) const;
  Result<std::optional<LedgerFault>> check_bundles(const Store& store) const;

  std::uint64_t leaves_ = 0;
  std::vector<Copy> roots_;
  std::vector<Copy> manifests_;
  std::vector<Copy> acts_;
  std::vector<Copy> recoveries_;
  std::map<NodeId, Copy> certificates_;      // the newest
  std::map<Digest, std::uint64_t> bundles_;  // digest, and the leaf of the last manifest with it
};

}  // namespace reeve
