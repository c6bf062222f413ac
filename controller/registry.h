// The registry: nodes with their certificates, last signs of life and flags, kept in memory and in
// the store. It says which transport key belongs to which node; identity is a key, never a name.
// What must be durable is written by the caller's transaction; signs of life are written now and
// then, since the next heartbeat brings them again.
#pragma once

#include <map>
#include <set>

#include "common/clock.h"
#include "common/key_succession.h"
#include "common/record.h"
#include "common/transport_key.h"
#include "common/trust.h"
#include "controller/store/store.h"

namespace reeve {

// Revoked: its keys are not to be trusted. Retired: an orderly end. Neither ever comes back.
enum class NodeState : std::uint32_t { registered = 0, revoked = 1, retired = 2 };
std::string_view name_of(NodeState state);

// Bits of NodeRow::flags: what the ledger holds against a node. Never cleared.
enum class NodeFlag : std::uint32_t { equivocation = 1, fork = 2, key_fork = 4 };
std::string_view name_of(NodeFlag flag);

struct Node {
  NodeCertificate certificate;
  Bytes certificate_object;
  std::optional<Heartbeat> heartbeat;
  Bytes heartbeat_object;
  std::optional<Epoch> ended_epoch{};     // of the heartbeats before; in this run of the controller
  std::optional<RecordKey> newest_key{};  // of its newest succession; none: the certificate's
  std::optional<std::int64_t> told_newest_ns{};  // boot time; in this run of the controller
  std::int64_t seen_wall_ns = 0;
  std::optional<std::int64_t> seen_boot_ns{};  // in this run of the controller
  std::uint32_t flags = 0;
  NodeState state{};
  Bytes ending{};            // the operator's request that revoked or retired it
  Bytes transport_object{};  // the node's own statement; empty: the certificate's key is its key
  std::uint64_t held_certificate = 0;  // as the node says; in this run of the controller
  // Sizes of checkpoints, in this run of the controller: the node's newest as it said last, and the
  // one that it was sent since then.
  std::uint64_t held_checkpoint = 0;
  std::optional<std::uint64_t> shown_checkpoint{};
  std::optional<TransportKey> new_key{};     // as the statement says
  std::optional<TransportKey> former_key{};  // good until the new one has spoken

  const NodeId& id() const { return certificate.node; }
  RecordKey first_key() const { return {certificate.record_key, 0, std::nullopt}; }
  // Its newest transport key, and the one that its session has.
  const TransportKey& transport_key() const {
    return new_key ? *new_key : certificate.transport_key;
  }
  const TransportKey& session_key() const { return former_key ? *former_key : transport_key(); }
  std::vector<TransportKey> transport_keys() const;
  // Heard from within three heartbeat intervals.
  bool is_connected(const Clock& clock) const;
  std::vector<std::string_view> flag_names() const;
};

class Registry {
 public:
  // Errors: the store's, and `store_damaged` where a certificate cannot be read.
  Status load(const Store& store);

  // The node that owns a transport key; null where nobody does or the node is revoked.
  const Node* admitted(const TransportKey& key) const;
  const Node* find(const NodeId& id) const;
  // By name, or by 64 hexadecimal digits. A name that was used again is its newest node's.
  const Node* named(std::string_view name) const;
  const std::map<NodeId, Node>& nodes() const { return nodes_; }

  // What enrolling this certificate would store; the caller stores it and then calls put(). Errors:
  // verify_certificate()'s, `limit_exceeded`, `name_taken`, `transport_key_taken`,
  // `certificate_rollback`, `record_key_changed`, `node_id_mismatch`, `node_revoked`,
  // `too_many_nodes` (limits::nodes_max that live, limits::nodes_ever_max of all).
  Result<Node> check_enrollment(ByteView certificate, const Root& root) const;
  void put(Node node);

  void heard_from(const NodeId& id, const Clock& clock);
  void set_heartbeat(const NodeId& id, Heartbeat heartbeat, Bytes object);
  void set_newest_key(const NodeId& id, std::optional<RecordKey> key);
  void told_newest(const NodeId& id, const Clock& clock);
  void add_flag(const NodeId& id, NodeFlag flag);
  // What ending this node by an operator's request would store; put() it once that is durable, and
  // it is refused at its next message. Errors: `node_unknown`, `node_revoked`.
  Result<Node> check_ending(const NodeId& id, NodeState state, ByteView request) const;
  // What a node's statement of a new transport key would store; the key that it speaks by now stays
  // good until the new one has spoken. A statement that says what the kept one says changes
  // nothing. Errors: verify_transport_statement()'s, `transport_key_taken`, `statement_rollback`.
  Result<Node> check_rekeying(const NodeId& id, ByteView statement, const TransportKey& spoken_by,
                              const RecordKey& record_key) const;
  // The node as it is here by now, with the transport keys of check_rekeying()'s: what is written.
  Node with_keys_of(const Node& rekeyed) const;
  // Once that is durable: its transport keys are the registry's.
  void rekey(const Node& rekeyed);
  void holds_certificate(const NodeId& id, std::uint64_t version) {
    at(id).held_certificate = version;
  }
  // What the node holds is what it is shown the next checkpoint from.
  void holds_checkpoint(const NodeId& id, std::uint64_t size);
  void shown_checkpoint(const NodeId& id, std::uint64_t size) { at(id).shown_checkpoint = size; }
  // A message came by this key of the node: where it is the newest, the former one is not admitted
  // any more. True when that was news.
  bool spoke_by(const NodeId& id, const TransportKey& key);

  // Writes what heard_from(), set_heartbeat() and add_flag() changed into an open transaction;
  // committed() once that is durable.
  bool has_new_flags() const { return new_flags_; }
  bool has_changes() const { return !changed_.empty(); }
  Status write_changes(Store& store) const;
  void committed();

 private:
  Status check_room() const;
  Status load_newest_key(const Leaf& leaf);
  Node& at(const NodeId& id);

  std::map<NodeId, Node> nodes_;
  std::map<TransportKey, NodeId> by_transport_key_;
  std::map<std::string, NodeId, std::less<>> by_name_;
  std::set<NodeId> changed_;
  bool new_flags_ = false;
};

NodeRow row_of(const Node& node);

}  // namespace reeve
