// The intake: what nodes send is verified, judged against the chain of its epoch and stream, and
// appended to the ledger's open transaction. Nothing is acknowledged here: a verdict carries what
// may be sent once that transaction is durable. One node can only harm its own records.
#pragma once

#include "common/wire.h"
#include "controller/ledger.h"
#include "controller/node_keys.h"

namespace reeve {

// What became of a message. Stable names; the controller counts by them.
struct Verdict {
  std::string name;  // "appended", "repeat", "equivocation", "hole", "heard", or an error's name
  std::optional<Acknowledgement> acknowledgement{};  // without tree_size, known at the commit
  bool is_fork = false;
  Bytes told{};  // a statement of the node's own that it should hear of, to show it a fork
};

class Intake {
 public:
  // Borrows all four for its life.
  Intake(Store& store, Ledger& ledger, Registry& registry, const Clock& clock)
      : store_(store), ledger_(ledger), registry_(registry), clock_(clock), keys_(store) {}

  // Within the ledger's transaction. An Error is the store's refusal: the transaction is lost. What
  // is wrong with the message itself is a Verdict:
  //  - next in its chain: `appended`;
  //  - the same header as one that is kept: `repeat`, acknowledged again, not kept again;
  //  - another header for sequences that are taken, another predecessor than the chain's last, or a
  //    successor of such a batch: `equivocation`, kept as a leaf outside the chain, the node is
  //    flagged, and acknowledged, because the acknowledgement says "kept" and no more;
  //  - ahead of everything that is kept: `hole`, no answer: the agent sends again from its pointer;
  //    but where the node's last heartbeat says that it has nothing of what lies between any more:
  //    `appended_behind_gap`, and the chain goes on from there;
  //  - the first of an epoch must be sequence 0, name no previous header and begin with an
  //    `epoch_start` record, else `no_epoch_start`. Where another epoch names the same previous
  //    epoch, or it does not know all that came of that one, both are kept and the node is flagged
  //    `fork`;
  //  - under a key that no succession here certifies: `key_unknown`, no answer; under one that may
  //    not have signed it: `wrong_epoch`, `key_retired` (key_succession.h).
  Result<Verdict> take_batch(const NodeId& node, ByteView payload);

  // Within the ledger's transaction, as take_batch(): `succeeded`, `repeat`, or `key_fork` for a
  // second successor of one key, which is kept as well and flags its node. All three are
  // acknowledged. Else the names of KeyChain::add()'s errors.
  Result<Verdict> take_succession(const NodeId& node, ByteView object);

  // `heard`, or `stale_heartbeat` for one that is not newer than the last. Only a key
  // without a successor is heard. Never writes to the store.
  Verdict take_heartbeat(const NodeId& node, ByteView payload);

  // What was taken is durable.
  void committed() { newest_before_.clear(); }
  // After a rollback: what was read from the store may not be there.
  void forget();

 private:
  struct Arrival;
  Status check_key(const Node& sender, const RecordKey& key, const BatchHeader& header) const;
  Result<Verdict> keep_succession(const Node& sender, ByteView object, const KeySuccession& link);
  Result<std::optional<Chain>> chain_of(const ChainKey& key);
  const ChainGap* gap_before(const Arrival& arrival) const;
  Result<Verdict> begin_behind_gap(const Arrival& arrival);
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
  NodeKeys keys_;
  std::map<ChainKey, Chain> chains_;
  // Of the open transaction: the newest key before it.
  std::map<NodeId, std::optional<RecordKey>> newest_before_;
};

}  // namespace reeve
