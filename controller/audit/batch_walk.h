// One half of going through a ledger again (ledger_walk.h has the other): nodes with their keys,
// batches with their bodies, and the chains that headers form. A value: a copy goes on by itself.
// It holds every record key that ever was and every chain's end, some hundreds of bytes each.
#pragma once

#include "common/key_succession.h"
#include "common/record.h"
#include "common/trust.h"
#include "controller/store/store.h"

namespace reeve {

// Records that are missing in a chain, before the batch of a leaf.
struct ChainHole {
  std::uint64_t leaf = 0;
  NodeId node;
  ChainGap gap;  // what a record of the node would have to say of them
};

class BatchWalk {
 public:
  struct Counts {
    std::uint64_t batches = 0;
    std::uint64_t records = 0;
    std::uint64_t withheld = 0;          // batches some of whose bodies are not there any more
    std::uint64_t withheld_records = 0;  // how many bodies that are
    std::optional<std::uint64_t> first_withheld;  // leaf
  };

  // In the order of the leaves; what a leaf is signed with must have been here before. Errors:
  // `leaf_not_signed`, `batch_differs` (the store's row says another thing than the header),
  // `body_changed`, `chain_broken`.
  Status take_certificate(const NodeCertificate& certificate);
  Status take_succession(ByteView object);
  Status take_batch(const Leaf& leaf, const BatchRow& row);
  // A gap that a node has told of elsewhere.
  void explain(const NodeId& node, const ChainGap& gap);

  // The first hole that no record of its node accounts for.
  std::optional<ChainHole> unexplained_hole() const;
  const Counts& counts() const { return counts_; }
  std::size_t nodes() const { return keys_.size(); }
  // Where a chain ends, as its batches say; null for one that has none.
  struct End {
    std::uint64_t next = 0;
    Digest last;
    std::uint64_t id = 0;    // the store's
    std::uint64_t leaf = 0;  // of its last batch
  };
  const std::map<ChainKey, End>& chains() const { return ends_; }

 private:
  Result<BatchHeader> judge_header(ByteView object) const;
  Status take_bodies(const Leaf& leaf, const BatchRow& row, const BatchHeader& header);
  Status take_chained(const Leaf& leaf, const BatchRow& row, const BatchHeader& header);
  bool is_accounted_for(const ChainHole& hole) const;
  Status check_aside(const BatchRow& row, const BatchHeader& header) const;

  std::map<NodeId, KeyChain> keys_;
  std::map<KeyHash, NodeId> owners_;
  std::map<ChainKey, End> ends_;
  std::vector<ChainHole> holes_;
  // What nodes have told of missing records, by the last of each; a long gap in several pieces.
  std::map<ChainKey, std::multimap<std::uint64_t, ChainGap>> gaps_;
  Counts counts_;
};

}  // namespace reeve
