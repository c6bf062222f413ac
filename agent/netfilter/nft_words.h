// What can be said of a text in nft's syntax without nft: whether it may read files, and whether
// it keeps to definitions of tables. Both look at the text as nft's scanner cuts it into words
// (comments to the end of a line, texts in double quotes). Pure functions.
#pragma once

#include "common/result.h"

namespace reeve {

// A text that could name a file, or of which nft would see only a part. Errors: `firewall_escape`.
Status reads_no_file(std::string_view text);

// Outside of braces a text may only define and add: what deletes, flushes, resets, destroys or
// prints can leave no trace in an empty namespace and yet change a host's. Errors:
// `firewall_escape`; `ruleset_refused` for braces that do not match or nest too deep.
Status only_adds(std::string_view text);

}  // namespace reeve
