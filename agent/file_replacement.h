// Puts a file in the place of another in such a way that its name never stands for anything but the
// old file or the new one, whole, whatever is killed and when: a draft beside it that only we can
// read until it is as it must be, synced, then renamed over the name. Used by LinuxHost alone.
#pragma once

#include "agent/safe_path.h"

namespace reeve {

// Hands::put_file() (host.h). Drafts that a kill left behind go with the next call for their name.
// What remains of a race: an object that takes the name between the last look and rename(2) is
// replaced as well, as the rule wants of whatever has the name; a directory or what stands there
// where nothing did is not. Errors: `object_changed`, `unsafe_path`, `acl_unsupported`,
// `fix_failed`.
Status put_new_file(const SafePath& paths, const FileReference& object, const NewFile& file);

}  // namespace reeve
