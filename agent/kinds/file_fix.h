// The fix of a `file` rule: the smallest acts that bring one object to what the rule wants, in an
// order in which nobody gets more in between than before or after.
#pragma once

#include "agent/kinds/file_check.h"

namespace reeve {

// Errors: those of Hands, `content_unknown`, the deviation's own refusal.
Status fix_file(const FileWish& wish, const Deviation& deviation, Hands& hands, const Eyes& eyes);

}  // namespace reeve
