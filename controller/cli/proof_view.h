// How a proof that was judged is shown: what was proven, and on whose word, a line each. And which
// roots a command trusts that judges offline.
#pragma once

#include "common/proof/proof_check.h"
#include "controller/cli/json.h"
#include "controller/cli/options.h"

namespace reeve::cli {

// NODE/EPOCH/STREAM/SEQUENCE, by the node's name in its certificate.
std::string proven_name(const ProvenRecord& proven);
std::string proof_page(const ProvenRecord& proven);
JsonObject proof_json(const ProvenRecord& proven);
// `print_error`, and with --json the same as an object on standard output. Returns exit code 2.
int print_refuted(const Error& error, const Arguments& arguments);

OptionSpec root_option();  // --root FILE
// Those that --root names, else all that the fleet directory has pinned. Errors: `root_unusable`,
// those of open_fleet_offline().
Result<std::vector<Root>> roots_to_trust(const Arguments& arguments);

}  // namespace reeve::cli
