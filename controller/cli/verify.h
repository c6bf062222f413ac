// What the controller says, judged on the operator's machine (docs/architecture.md section 4):
// certificates by the root, heartbeats and batch headers by the certificate's record key and the
// chain of successions from it, records by their path to the header's Merkle root. Pure functions;
// what cannot be verified is kept and marked, never dropped.
#pragma once

#include "common/record.h"
#include "controller/cli/known_nodes.h"
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
  std::optional<Heartbeat> heartbeat;          // signed by a key in the certificate's chain
  std::optional<RecordKey> key;                // which signed it
  Digest heartbeat_digest;                     // zero without one
  std::string unproven;                        // why something was not believed, else empty
  std::int64_t seen_wall_ns = 0;               // the controller's word only
  bool connected = false;                      // the controller's word only
  std::vector<std::string> flags;              // the controller's word only
  std::optional<Ending> ended{};               // verified, see node_standing.h

  std::string known_name{};  // of a node that is not listed

  std::string name() const {
    if (certificate) return certificate->name;
    return known_name.empty() ? "(unknown)" : known_name;
  }
};

// Verified keys of nodes, each from a key that was known before.
using KeyChains = std::map<NodeId, KeyChain>;
// What this machine goes by besides the root.
struct Known {
  const KnownNodes& nodes;
  const KeyChains& chains;
};
// Reasons of `unproven` besides errors' names: `certificate_rollback`, `heartbeat_rollback` (older
// than what this machine has seen of the node), `key_unknown` (no chain leads to the signer, as far
// as it was followed), `key_retired`, `key_fork` (a key of the node has two successors),
// `key_rollback` (a chain from the certificate that ends before the key that this machine knows).
SeenNode judge_node(const Value& item, const Root& root, const Known& known);
SeenNode judge_node(const Value& item, const Root& root);  // by the certificate alone

// Nodes that this machine knows and that are not among those listed, as `unproven`, `not_listed`.
std::vector<SeenNode> unlisted(const KnownNodes& known, const std::vector<SeenNode>& listed);
// Takes into `known` what of a node was proven; true when anything but its heartbeat is new.
bool remember(KnownNodes& known, const SeenNode& node, const KeyChain* chain,
              std::uint64_t next_leaf);

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
// either direction it counts for nothing. A stamp from the future, or an old one of a node that the
// controller calls connected, is `unproven`, not `silent`: that host's clock is wrong, or its
// heartbeat was held back.
bool has_wrong_clock(const SeenNode& node, std::int64_t now_wall_ns);
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
  bool is_withheld = false;   // its body; the record is empty then
  Bytes redaction{};          // the operator's request that took it away, not judged; else empty

  bool proven() const { return unproven.empty(); }
};
// The hashes of a proof in a reply. Error `malformed`.
Result<std::vector<Digest>> read_path(Fields& fields, std::string_view key);
// Absent when the item is not readable at all, which is the controller's error: `malformed`.
// The chains begin at the keys of the certificates. Besides errors' names `unproven` may be
// `node_unknown`, `key_unknown` (also where the chain has yet to be asked for), `key_fork` and
// `key_rollback`.
Result<SeenRecord> judge_record(const Value& item, const Certificates& certificates,
                                const Known& known);
Result<SeenRecord> judge_record(const Value& item, const Certificates& certificates);

}  // namespace reeve::cli
