// The undo of a `file` fix: what the fix replaces is looked at before it, and put back by the same
// Hands, which open safely and refuse what is not the object that the fix left.
#pragma once

#include "agent/kinds/file_rule.h"

namespace reeve {

// Costs nothing where the rule speaks of owner, group and mode alone: the deviation has them.
Replaced replaced_file(const FileRule& rule, const Deviation& deviation, const Eyes& eyes);

// Errors: `object_changed`, `content_not_kept`, `cannot_undo`, those of Hands.
Status undo_file(const FileRule& rule, const Kept& kept, Hands& hands, const Eyes& eyes);

}  // namespace reeve
