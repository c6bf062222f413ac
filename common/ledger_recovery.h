// The statement by which the root's holders let a fleet go on with a ledger that was put back from
// a backup (signed object type ledger_recovery): up to which tree the old ledger is still trusted,
// and under which origin it goes on from there. Each recovery gives the ledger a new origin, so
// that nobody ever signs two trees of one size under one name. Values and checks; no I/O.
#pragma once

#include "common/note.h"
#include "common/trust.h"

namespace reeve {

struct LedgerRecovery {
  FleetId fleet{};
  std::string old_origin;
  std::string new_origin;
  TreeView trusted;         // the last of the old ledger that is; never empty
  std::int64_t made_s = 0;  // seconds since 1970
  std::string reason;
  bool operator==(const LedgerRecovery&) const = default;
};

Bytes encode_recovery(const LedgerRecovery& recovery);
// Unknown fields are refused. Errors: `malformed`, `limit_exceeded`, `unknown_field`,
// `unsupported_version`.
Result<LedgerRecovery> decode_recovery(ByteView payload);

struct VerifiedRecovery {
  LedgerRecovery recovery;
  std::uint64_t number = 0;  // of the fleet's recoveries, from 1
  std::vector<KeyHash> signers;
};
// Signed by the threshold of the root's own role, which no online key belongs to. In this order:
// size and frame, signatures (`bad_signature`, `too_few_signatures`), shape (decode_recovery()'s),
// fleet (`wrong_fleet`), and origins, which must be of two ledgers of this fleet that follow each
// other (`wrong_ledger`). Judges no time: an agent may hear of it months later.
Result<VerifiedRecovery> verify_recovery(ByteView object, const Root& root);

// The ledger's origin after so many recoveries: the fleet's own, then that with `~NUMBER` behind
// it, which no fleet can be called.
std::string ledger_origin(const Root& root, std::uint64_t recoveries);
// The opposite; absent for an origin that is none of this fleet's.
std::optional<std::uint64_t> recoveries_before(std::string_view origin, const Root& root);
// A checkpoint of this fleet's ledger, after however many recoveries. Errors: verify_checkpoint()'s
// with the root's ledger keys.
Result<Checkpoint> verify_ledger_checkpoint(std::string_view note, const Root& root);

}  // namespace reeve
