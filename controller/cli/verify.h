// What the controller says, judged on the operator's machine (docs/architecture.md section 4):
// certificates by the root, heartbeats and batch headers by the certificate's record key, records
// by their path to the header's Merkle root. Pure functions; what cannot be verified is kept and
// marked, never dropped.
#pragma once

#include "common/batch.h"
#include "common/record.h"
#include "controller/operator_protocol.h"

namespace reeve::cli {

// An operator's signed request that ended a node.
struct Ending {
  std::string how;  // "revoked", "retired"
  std::string who;
  std::int64_t wall_ns = 0;
  std::string why;
};

// One item of `status`.
struct SeenNode {
  std::optional<NodeCertificate> certificate;  // signed by an enroller of the root
  std::optional<Heartbeat> heartbeat;          // signed by the certificate's record key
  Digest heartbeat_digest;                     // zero without one
  std::string unproven;                        // why something was not believed, else empty
  std::int64_t seen_wall_ns = 0;               // the controller's word only
  bool connected = false;                      // the controller's word only
  std::vector<std::string> flags;              // the controller's word only
  std::optional<Ending> ended{};               // verified, see node_standing.h

  std::string name() const { return certificate ? certificate->name : "(unknown)"; }
};
SeenNode judge_node(const Value& item, const Root& root);

enum class NodeState { compliant, deviating, stale, silent, unproven, refused, paused };
std::string_view name_of(NodeState state);

// How rule states add up: `holds`, `waived` and `not_applicable` are as they should be; `unknown`,
// `paused` and `unsupported` are not known to hold; all others deviate.
struct RuleSums {
  std::uint64_t all = 0;
  std::uint64_t deviating = 0;
  std::uint64_t unknown = 0;  // paused ones too
  std::uint64_t paused = 0;
};
RuleSums sum_rules(const Heartbeat& heartbeat);

// In this order: nothing believable is `unproven`, nothing fresh `silent`, then `refused`, `stale`,
// `deviating`, `paused`; rules whose state is not known make a node `unproven`. Freshness is the
// heartbeat's own stamp against now: beyond limits::heartbeats_missed_until_silent intervals in
// either direction it counts for nothing (a stamp from the future is `unproven`).
NodeState state_of(const SeenNode& node, std::int64_t now_wall_ns);
bool is_fresh(const Heartbeat& heartbeat, std::int64_t now_wall_ns);

// The verified certificates of a fleet, by node.
using Certificates = std::map<NodeId, NodeCertificate>;
Certificates certificates_of(const std::vector<SeenNode>& nodes);

// One item of `records`.
struct SeenRecord {
  std::uint64_t cursor = 0;
  std::uint64_t leaf = 0;           // index in the ledger
  std::int64_t stored_wall_ns = 0;  // the controller's word only
  Digest header_digest;             // of the signed header, the ledger's leaf
  Digest leaf_hash;                 // of the same, in the ledger's tree
  BatchHeader header;
  std::uint64_t index = 0;  // within the batch
  std::string node;         // the certificate's name, else the node id in hexadecimal
  std::string name;         // NODE/EPOCH8/STREAM/SEQUENCE
  Record record;
  std::string unproven;       // why, else empty
  bool equivocation = false;  // the controller holds another batch of the same identity

  bool proven() const { return unproven.empty(); }
};
// The hashes of a proof in a reply. Error `malformed`.
Result<std::vector<Digest>> read_path(Fields& fields, std::string_view key);
// Absent when the item is not readable at all, which is the controller's error: `malformed`.
Result<SeenRecord> judge_record(const Value& item, const Certificates& certificates);

}  // namespace reeve::cli
