// Where a leaf stands in the ledger and in time, as the controller tells it: its path, and the
// ticks around it. Nothing here is believed before verify_proof() or verify_times() has judged it.
#pragma once

#include "common/proof/proof_check.h"
#include "controller/cli/json.h"
#include "controller/cli/session.h"

namespace reeve::cli {

struct SeenPlace {
  struct Tick {
    std::uint64_t leaf = 0;
    std::vector<Digest> path;
    Bytes object;  // empty: there is none
    ProofTick part() const { return {leaf, path, object}; }
  };
  std::vector<Digest> path;
  Tick before;
  Tick after;
};
// In the tree of `size` leaves. Errors: `malformed`, those of request().
Result<SeenPlace> ask_place(Session& session, std::uint64_t leaf, std::uint64_t size);

// When something came into the ledger, in words: "in the ledger between ... and ...", or plainly
// that nothing shows it. `own_wall_ns` is what its node says.
std::string time_text(const ProvenTimes& times, const std::optional<ProvenWitnesses>& witnesses,
                      std::int64_t own_wall_ns);
// The members `ledger_after` and `ledger_before`; null where nothing shows it.
void add_times(JsonObject& out, const ProvenTimes& times,
               const std::optional<ProvenWitnesses>& witnesses);

}  // namespace reeve::cli
