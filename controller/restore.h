// A controller's state made out of a backup: the two keys and the root that `reeve init` made are
// there already, the store comes from the copy. What the old controller acknowledged after the copy
// is not in it, so that its ledger waits for the root's holders before it grows.
#pragma once

#include "controller/store/sqlite_store.h"

namespace reeve {

// Errors: `state_not_empty` (anything but keys and root is there), those of open_state_directory()
// and restore_sqlite_store().
Status restore_state(const std::string& file, const std::string& state, LedgerState ledger,
                     const CopyProgress& progress);

}  // namespace reeve
