// The intake: what nodes send is verified, judged against the chain of its epoch and stream, and
// appended to the ledger's open transaction. Nothing is acknowledged here: a verdict carries what
// may be sent once that transaction is durable. One node can only harm its own records.
#pragma once

#include "common/wire.h"
#include "controller/ledger.h"
#include "controller/registry.h"

namespace reeve {

// What became of a message. Stable names; the controller counts by them.
struct Verdict {
  std::string name;  // "appended", "repeat", "equivocation", "hole", "heard", or an error's name
  std::optional<Acknowledgement> acknowledgement{};  // without tree_size, known at the commit
  bool is_fork = false;
};

class Intake {
 public:
  // Borrows all four for its life.
  Intake(Store& store, Ledger& ledger, Registry& registry, const Clock& clock)
      : store_(store), ledger_(ledger), registry_(registry), clock_(clock) {}

  // Within the ledger's transaction. An Error is the store's refusal: the transaction is lost. What
  // is wrong with the message itself is a Verdict:
  //  - next in its chain: `appended`;
  //  - the same header as one that is kept: `repeat`, acknowledged again, not kept again;
  //  - another header for sequences that are taken, another predecessor than the chain's last, or a
  //    successor of such a batch: `equivocation`, kept as a leaf outside the chain, the node is
  //    flagged, and acknowledged, because the acknowledgement says "kept" and no more;
  //  - ahead of everything that is kept: `hole`, no answer: the agent sends again from its pointer;
  //  - the first of an epoch must be sequence 0, name no previous header and begin with an
  //    `epoch_start` record, else `no_epoch_start`. Where another epoch names the same previous
  //    epoch, both are kept and the node is flagged `fork`.
  Result<Verdict> take_batch(const NodeId& node, ByteView payload);

  // `heard`, or `stale_heartbeat` for one that is not newer than the last. Never touches the store.
  Verdict take_heartbeat(const NodeId& node, ByteView payload);

  // After a rollback: what was read from the store may not be there.
  void forget() { chains_.clear(); }

 private:
  struct Arrival;
  Result<std::optional<Chain>> chain_of(const ChainKey& key);
  Result<Verdict> begin_chain(const Arrival& arrival);
  Result<Verdict> judge(const Arrival& arrival, Chain chain);
  Result<bool> is_hole(const Arrival& arrival, const Chain& chain) const;
  Result<Verdict> extend(const Arrival& arrival, Chain chain);
  Result<Verdict> keep_aside(const Arrival& arrival, const Chain& chain);
  Result<std::uint64_t> keep(const Arrival& arrival, const Chain& chain, Standing standing);
  void remember(const Chain& chain);

  Store& store_;
  Ledger& ledger_;
  Registry& registry_;
  const Clock& clock_;
  std::map<ChainKey, Chain> chains_;
};

}  // namespace reeve
