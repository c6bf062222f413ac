// The ledger's witnesses as the operator's machine believes them: the newest set that an operator
// with the right to administer has signed, and what its members have cosigned, each by its own
// chain of keys. The newest set is kept in the fleet directory, so that no controller goes back to
// an older one or to none.
#pragma once

#include "common/proof/proof_check.h"
#include "controller/cli/session.h"

namespace reeve::cli {

// The newest set that this directory has seen; absent where there is none, or where the root's
// operators vouch for it no more. Errors: the file's.
Result<std::optional<VerifiedWitnessSet>> known_witnesses(const Fleet& fleet);
// What the controller shows as the newest; kept from then on. Errors: `witnesses_rollback` (older
// than what was seen, or none), `witnesses_mismatch`, those of verify_witness_set() and request().
Result<std::optional<VerifiedWitnessSet>> ask_witnesses(Session& session);

// The newest checkpoint that enough witnesses have cosigned.
struct SeenCosigned {
  std::string note;
  Bytes witnesses;               // signed object
  std::vector<Bytes> cosigners;  // as parts of a proof file
  Checkpoint checkpoint;         // under a ledger key of the root
  ProvenWitnesses proven;
};
// Absent where the fleet has no witnesses, or none is there yet. Errors: those of ask_witnesses(),
// of verify_checkpoint() and of verify_cosignatures().
Result<std::optional<SeenCosigned>> ask_cosigned(Session& session);

// "9 of 15 (8 needed)".
std::string cosigned_text(const ProvenWitnesses& witnesses);

}  // namespace reeve::cli
