// Words about a ledger's recovery: what somebody should see before signing one. Pure functions.
#pragma once

#include "common/ledger_recovery.h"

namespace reeve::cli {

std::string recovery_text(const LedgerRecovery& recovery);

// A recovery with whatever signatures it has.
struct ReadRecovery {
  LedgerRecovery recovery;
  std::size_t signers = 0;  // of the root's own role
};
// All of verify_recovery() but the threshold. Errors: the same.
Result<ReadRecovery> read_recovery(ByteView object, const Root& root);

}  // namespace reeve::cli
