#include "controller/registry.h"

#include <fmt/format.h>

#include <array>

#include "common/limits.h"

namespace reeve {
namespace {

std::optional<NodeId> id_of(std::string_view name) {
  const auto bytes = unhex(name);
  return bytes ? fixed<32>(*bytes) : std::nullopt;
}

Result<Node> read_row(const NodeRow& row) {
  auto object = parse_signed_object(row.certificate, ObjectType::node_certificate);
  if (!object.ok()) return object.error();
  auto certificate = decode_certificate(object->payload);
  if (!certificate.ok()) return certificate.error();
  Node node;
  node.certificate = std::move(*certificate);
  node.certificate_object = row.certificate;
  node.seen_wall_ns = row.seen_wall_ns;
  node.flags = row.flags;
  node.state = row.state == 0 ? NodeState::registered : NodeState::revoked;
  if (row.heartbeat.empty()) return node;
  auto sealed = parse_signed_object(row.heartbeat, ObjectType::heartbeat);
  if (!sealed.ok()) return sealed.error();
  auto heartbeat = decode_heartbeat(sealed->payload);
  if (!heartbeat.ok()) return heartbeat.error();
  node.heartbeat = std::move(*heartbeat);
  node.heartbeat_object = row.heartbeat;
  return node;
}

// Keys change only with a key succession; a controller must not be able to swap them.
Status check_successor(const NodeCertificate& next, const Node& known) {
  if (known.state == NodeState::revoked) {
    return Error{"node_revoked", fmt::format("{} is revoked", known.certificate.name),
                 "enroll the host anew, with new keys"};
  }
  if (next.version <= known.certificate.version) {
    return Error{"certificate_rollback",
                 fmt::format("{}: version {} is registered, this is {}", next.name,
                             known.certificate.version, next.version)};
  }
  if (next.record_key != known.certificate.record_key) {
    return Error{"record_key_changed", fmt::format("{}: another record key", next.name)};
  }
  return {};
}

}  // namespace

std::string_view name_of(NodeFlag flag) {
  switch (flag) {
    case NodeFlag::equivocation:
      return "equivocation";
    case NodeFlag::fork:
      return "fork";
  }
  assertion_failed("a flag has a name", __FILE__, __LINE__);
}

std::vector<std::string_view> Node::flag_names() const {
  std::vector<std::string_view> names;
  for (const auto flag : {NodeFlag::equivocation, NodeFlag::fork}) {
    if ((flags & static_cast<std::uint32_t>(flag)) != 0) names.push_back(name_of(flag));
  }
  if (state == NodeState::revoked) names.push_back("revoked");
  return names;
}

bool Node::is_connected(const Clock& clock) const {
  constexpr auto silence_ns =
      limits::heartbeat_interval_ns * limits::heartbeats_missed_until_silent;
  return state == NodeState::registered && seen_boot_ns &&
         clock.boottime_ns() - *seen_boot_ns <= silence_ns;
}

NodeRow row_of(const Node& node) {
  return NodeRow{node.id(),
                 node.certificate_object,
                 node.heartbeat_object,
                 node.seen_wall_ns,
                 node.flags,
                 static_cast<std::uint32_t>(node.state)};
}

Status Registry::load(const Store& store) {
  const auto rows = store.nodes();
  if (!rows.ok()) return rows.error();
  for (const auto& row : *rows) {
    auto node = read_row(row);
    if (!node.ok()) {
      return Error{"store_damaged",
                   fmt::format("node {}: {}", hex(row.node.view()), node.error().detail)};
    }
    put(std::move(*node));
  }
  return {};
}

const Node* Registry::find(const NodeId& id) const {
  const auto found = nodes_.find(id);
  return found == nodes_.end() ? nullptr : &found->second;
}

const Node* Registry::admitted(const TransportKey& key) const {
  const auto owner = by_transport_key_.find(key);
  if (owner == by_transport_key_.end()) return nullptr;
  const auto* node = find(owner->second);
  return node != nullptr && node->state == NodeState::registered ? node : nullptr;
}

const Node* Registry::named(std::string_view name) const {
  if (const auto found = by_name_.find(name); found != by_name_.end()) return find(found->second);
  const auto id = id_of(name);
  return id ? find(*id) : nullptr;
}

Result<Node> Registry::check_enrollment(ByteView certificate, const Root& root) const {
  if (certificate.size() > limits::certificate_bytes_max) {
    return Error{"limit_exceeded",
                 fmt::format("a certificate has at most {} bytes", limits::certificate_bytes_max)};
  }
  auto verified = verify_certificate(certificate, root);
  if (!verified.ok()) return verified.error();
  const auto* known = find(verified->node);
  if (known != nullptr) {
    REEVE_TRY(check_successor(*verified, *known));
  } else if (verified->node != key_hash(verified->record_key)) {
    return Error{"node_id_mismatch", "an unknown node's id must be the hash of its record key"};
  } else if (nodes_.size() >= limits::nodes_max) {
    return Error{"too_many_nodes", fmt::format("{} nodes are registered", nodes_.size())};
  }
  const auto* namesake = named(verified->name);
  if ((namesake != nullptr && namesake->id() != verified->node) || id_of(verified->name)) {
    return Error{"name_taken", fmt::format("{} names another node", verified->name)};
  }
  const auto owner = by_transport_key_.find(verified->transport_key);
  if (owner != by_transport_key_.end() && owner->second != verified->node) {
    return Error{"transport_key_taken",
                 fmt::format("{}: another node has this transport key", verified->name)};
  }
  Node node = known != nullptr ? *known : Node{};
  node.certificate = std::move(*verified);
  node.certificate_object.assign(certificate.begin(), certificate.end());
  return node;
}

void Registry::put(Node node) {
  const auto id = node.id();
  if (const auto* known = find(id)) {
    by_transport_key_.erase(known->certificate.transport_key);
    by_name_.erase(known->certificate.name);
  }
  by_transport_key_[node.certificate.transport_key] = id;
  by_name_[node.certificate.name] = id;
  nodes_[id] = std::move(node);
}

Node& Registry::at(const NodeId& id) {
  const auto found = nodes_.find(id);
  REEVE_ASSERT(found != nodes_.end());
  return found->second;
}

void Registry::heard_from(const NodeId& id, const Clock& clock) {
  auto& node = at(id);
  node.seen_wall_ns = clock.wall_ns();
  node.seen_boot_ns = clock.boottime_ns();
  changed_.insert(id);
}

void Registry::set_heartbeat(const NodeId& id, Heartbeat heartbeat, Bytes object) {
  auto& node = at(id);
  if (node.heartbeat && node.heartbeat->epoch != heartbeat.epoch) {
    node.ended_epoch = node.heartbeat->epoch;
  }
  node.heartbeat = std::move(heartbeat);
  node.heartbeat_object = std::move(object);
  changed_.insert(id);
}

void Registry::add_flag(const NodeId& id, NodeFlag flag) {
  auto& node = at(id);
  const auto bit = static_cast<std::uint32_t>(flag);
  if ((node.flags & bit) != 0) return;
  node.flags |= bit;
  new_flags_ = true;
  changed_.insert(id);
}

void Registry::revoke(const NodeId& id) { at(id).state = NodeState::revoked; }

Status Registry::write_changes(Store& store) const {
  for (const auto& id : changed_) REEVE_TRY(store.put_node(row_of(*find(id))));
  return {};
}

void Registry::committed() {
  changed_.clear();
  new_flags_ = false;
}

}  // namespace reeve
