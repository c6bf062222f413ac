// A bundle that the controller keeps, in parts, and what its digest says it is.
#pragma once

#include "controller/cli/session.h"

namespace reeve::cli {

// Errors: `unknown_bundle`, `wrong_digest`, `malformed`, those of request().
Result<Bytes> fetch_bundle(Session& session, const Digest& digest);

}  // namespace reeve::cli
