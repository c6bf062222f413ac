// The recoveries of this ledger that the root's holders have signed, as they are kept and handed to
// nodes. Agents verify each of them again; an honest controller just does not spread what they
// would refuse. Borrows nothing but for the time of a call.
#pragma once

#include "common/ledger_recovery.h"
#include "common/record.h"
#include "controller/ledger.h"

namespace reeve {

class Recoveries {
 public:
  Status load(const Store& store);  // errors are the store's
  std::uint64_t count() const { return rows_.size(); }
  const std::vector<RecoveryRow>& rows() const { return rows_; }
  bool holds(ByteView object) const;

  // The next recovery of this ledger. Errors: verify_recovery()'s, `wrong_ledger` where it goes on
  // from another one, `recovery_mismatch` where the tree that it trusts is none of this ledger's.
  Result<VerifiedRecovery> check(ByteView object, const Root& root, const Ledger& ledger) const;
  // Once that is durable.
  void adopt(RecoveryRow row) { rows_.push_back(std::move(row)); }

  // The next one that a node of this heartbeat lacks, as a message, once the node has, or is being
  // sent, the root of its time. A node without a checkpoint lacks none.
  std::optional<Bytes> message_for(const Heartbeat& heartbeat) const;
  // The newest root that such a node may have by now: a later one may have lost the signers. A node
  // that has one already, or that refuses the recovery, is not kept from policy for it.
  std::uint64_t root_max(const Heartbeat& heartbeat) const;

 private:
  const RecoveryRow* lacked_by(const Heartbeat& heartbeat) const;

  std::vector<RecoveryRow> rows_;  // by number, from 1
};

}  // namespace reeve
