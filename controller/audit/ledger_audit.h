// Everything that a controller has stored, judged offline: every leaf (ledger_walk.h), the tree
// over them, the checkpoint, what else the store repeats of them, and the published files. It only
// reads, and believes nothing but the roots and checkpoints that it is given. What is not evidence
// is not judged: when a leaf was stored (but for the order), when nodes were seen, the index over
// rules.
#pragma once

#include <functional>

#include "common/note.h"
#include "controller/audit/ledger_walk.h"

namespace reeve {

struct AuditTrust {
  std::vector<Root> roots;       // at least one
  std::vector<Checkpoint> seen;  // heads of this ledger that were believed before
};

// What is wrong, and with which leaves: from `leaf` on, before `until`.
struct LedgerFault {
  std::uint64_t leaf = 0;
  std::uint64_t until = 0;
  Error error;
};

struct LedgerAudit {
  TreeView tree;  // of the leaves that are there
  std::string origin;
  std::uint64_t root_version = 0;
  BatchWalk::Counts counts;
  std::size_t nodes = 0;
  std::string checkpoint;                  // as stored; of this tree
  std::optional<std::uint64_t> published;  // size of the published checkpoint
  std::optional<LedgerFault> fault;        // the first; the rest is not filled in then
};

// The files of a published log, by name; absent where there is none. Errors are the disk's.
using PublishedFile = std::function<Result<std::optional<Bytes>>(const std::string& name)>;

// Faults by name, besides LedgerWalk's: `leaf_missing`, `tree_differs` (a hash that is stored of
// the tree is another), `checkpoint_not_signed`, `checkpoint_differs`, `ledger_rewritten` (not
// grown out of what was seen, or of what a recovery leaves of that), `chain_hole` (records are
// missing and their node has not accounted for them), `table_differs` (a copy of what stands in
// leaves), `published_differs`, `root_mismatch` (none of the trusted roots stands in it). Errors
// are the store's and the disk's. `progress` hears of every few leaves.
Result<LedgerAudit> audit_ledger(const Store& store, const PublishedFile& published,
                                 const AuditTrust& trust,
                                 const std::function<void(std::uint64_t)>& progress);

}  // namespace reeve
