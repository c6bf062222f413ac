// Asking the controller about its nodes: shared by the commands that show or need them.
#pragma once

#include "controller/cli/session.h"
#include "controller/cli/verify.h"

namespace reeve::cli {

// Every node that the controller tells of, judged by the fleet's root, sorted by name. Errors:
// those of OperatorClient::request().
Result<std::vector<SeenNode>> ask_nodes(Session& session);

// What the controller distributes now, judged by root and by what this fleet directory has seen;
// expiry is not judged. Absent when nothing was ever pushed. Errors: `controller_rollback` (it
// shows an older manifest than one that was pushed from here, or another one of the same version),
// those of verify_stored_manifest() and of request().
Result<std::optional<VerifiedManifest>> ask_manifest(Session& session);
// As ask_manifest(), but an older manifest is no error: for a controller restored from a backup.
Result<std::optional<VerifiedManifest>> ask_manifest_after_restore(Session& session);

}  // namespace reeve::cli
