// Asking the controller about its nodes: shared by the commands that show or need them.
#pragma once

#include "controller/cli/session.h"
#include "controller/cli/verify.h"

namespace reeve::cli {

// Every node that the controller tells of, and those that this machine knows and the controller
// does not tell of (`not_listed`), sorted by name, those that an operator has ended behind the
// others of their name: judged by the fleet's root, by the chain of each node's record keys and by
// what this machine has seen before, which is kept for the next time. Errors: those of
// OperatorClient::request().
Result<std::vector<SeenNode>> ask_nodes(Session& session);
// Those that are expected: not ended.
Result<std::vector<SeenNode>> ask_expected_nodes(Session& session);
// By name, or by the first 8 or more digits of its id; null where no verified node is meant.
const SeenNode* meant_node(const std::vector<SeenNode>& nodes, std::string_view asked);

// A node that waits for an operator's approval; all else of it holds.
struct WaitingNode {
  Bytes enrollment;
  NodeCertificate certificate;
};
Result<std::vector<WaitingNode>> ask_waiting(Session& session);

// What the controller distributes now, judged by root and by what this fleet directory has seen;
// expiry is not judged. Absent when nothing was ever pushed. Errors: `controller_rollback` (it
// shows an older manifest than one that was pushed from here, or another one of the same version),
// those of verify_stored_manifest() and of request().
Result<std::optional<VerifiedManifest>> ask_manifest(Session& session);
// As ask_manifest(), but an older manifest is no error: for a controller restored from a backup.
Result<std::optional<VerifiedManifest>> ask_manifest_after_restore(Session& session);

}  // namespace reeve::cli
