// How records look: as one JSON object, as one line of a listing and, for `reeve show`, as a page.
// Everything that came from elsewhere is made printable here.
#pragma once

#include "controller/cli/verify.h"

namespace reeve::cli {

// One object and a newline. Members that this command adds (record, node, leaf, proven, ...) win
// over fields of the same name in a record's body, which a node chose.
std::string record_json(const SeenRecord& seen);

std::string records_heading(std::size_t columns);
// One line; longer than `columns` only where the record's name does not fit, which is never cut.
std::string record_line(const SeenRecord& seen, std::size_t columns);

// In words, then field by field. `root` names the signers of its policy.
std::string record_page(const SeenRecord& seen, const Root& root);

}  // namespace reeve::cli
