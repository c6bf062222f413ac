// Which objects a `file` rule speaks of: one path, what a pattern matches, or what is below a
// directory; and the same for the one object that a sensor names, without a look at the others.
#pragma once

#include "agent/kinds/file_check.h"

namespace reeve {

// Errors: `check_failed` where a rule's own path cannot be looked at, `too_many_objects`. What
// cannot be looked at below a glob or a tree is a deviation and stops nothing.
Result<CheckResult> check_path(const FileWish& wish, const Eyes& eyes, const Scope& scope);
Result<CheckResult> check_glob(const FileWish& wish, const Eyes& eyes, const Scope& scope);
Result<CheckResult> check_tree(const FileWish& wish, const Eyes& eyes, const Scope& scope);

}  // namespace reeve
