// The controller's ledger as the operator's machine believes it: a checkpoint under a ledger key of
// the root, grown out of the newest one that this fleet directory has seen. A controller that
// rewrites its log, or goes back to an older one, is refused by whoever has seen the later.
#pragma once

#include "common/ledger_recovery.h"
#include "controller/cli/session.h"

namespace reeve::cli {

struct SeenLedger {
  std::string note;  // as the controller signed it
  Checkpoint checkpoint;
  std::uint64_t grown_from = 0;  // size of the checkpoint that it was proven to contain
};

// Errors: `ledger_rewritten`, `split_view` (of one size with another root), those of
// verify_checkpoint(), the controller's. What is believed is
// kept as the newest. Where the root's holders have let the ledger go on from an earlier tree since
// this machine saw it, that is said on stderr and followed.
Result<SeenLedger> ask_ledger(Session& session);

// The newest checkpoint that this directory believes: the empty tree, of no origin, where there is
// none, or only one under a key that the root no longer names. Errors: those of a damaged file.
Result<Checkpoint> newest_seen(const Fleet& fleet);
// Before anybody signs that agents are to trust it: what this machine has seen of that ledger must
// be its beginning. Where less is to be trusted than was seen, only the backup can show that, which
// is said on standard error. Errors: `ledger_rewritten`, newest_seen()'s, the controller's.
Status require_beginning(Session& session, const Checkpoint& trusted);

// The tree of `at` leaves, or the newest, as the controller says, and the recoveries that it keeps:
// signed objects, not judged.
struct RecoveryState {
  Checkpoint tree;
  bool is_awaited = false;
  std::uint64_t root_version = 0;  // of the controller's newest root
  std::vector<Bytes> recoveries;
};
Result<RecoveryState> ask_recoveries(Session& session, std::optional<std::uint64_t> at);

// Errors that tell of another ledger, or other witnesses, than those that were seen: exit code 2.
bool contradicts_what_was_seen(const Error& error);

// Whether a head that the controller has shown elsewhere belongs to the ledger that this machine
// has seen, and to which it has grown now. Errors: those of ask_ledger().
Status require_in_ledger(Session& session, const TreeView& shown);

// Whether leaf `index` is in the tree of a checkpoint. Errors: those of verify_checkpoint(),
// `not_in_ledger`.
Result<Checkpoint> judge_inclusion(std::string_view note, const Digest& leaf, std::uint64_t index,
                                   std::span<const Digest> path, const Root& root);

}  // namespace reeve::cli
