// The published files of a log against the leaves of the store. For ledger_audit.cpp only.
#pragma once

#include "controller/audit/ledger_audit.h"

namespace reeve {

struct PublishedLog {
  std::optional<std::uint64_t> size;  // of the published checkpoint; none: nothing is published
  std::optional<LedgerFault> fault;
};

// The published checkpoint as it is now. To be read before the store is, so that a controller that
// goes on publishing is not mistaken for one that has rewritten. Absent where there is none.
Result<std::optional<std::string>> read_published_checkpoint(const PublishedFile& published);

// Compares every tile and entry that this checkpoint needs. `tree` is over the leaves that are
// there; `root` judges the signature. Errors are the store's and the disk's.
Result<PublishedLog> check_published(const Store& store, const PublishedFile& published,
                                     const std::string& note, const Root& root,
                                     std::uint64_t leaves);

}  // namespace reeve
