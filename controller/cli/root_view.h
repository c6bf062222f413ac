// Words about roots: who may sign what, and what a next root changes. Pure functions.
#pragma once

#include "common/trust.h"

namespace reeve::cli {

std::string root_json(const Root& root);  // one line
std::string root_text(const Root& root, std::int64_t now_wall_ns);
// What somebody should see before signing a next root.
std::string root_change_text(const Root& before, const Root& after);
// A next root with whatever signatures it has: all of verify_next_root() but thresholds, and those
// signatures hold. Errors: `wrong_fleet`, `root_rollback`, `root_gap`, `bad_signature`,
// decode_root()'s.
Result<Root> read_next_root(ByteView object, const Root& trusted);

}  // namespace reeve::cli
