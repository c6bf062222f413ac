#include "controller/registry.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "common/limits.h"
#include "common/token.h"
#include "controller/controller_limits.h"

namespace reeve {
namespace {

std::optional<NodeId> id_of(std::string_view name) {
  const auto bytes = unhex(name);
  return bytes ? fixed<32>(*bytes) : std::nullopt;
}

// What is not known is as bad as can be.
NodeState state_of(std::uint32_t number) {
  if (number == static_cast<std::uint32_t>(NodeState::registered)) return NodeState::registered;
  if (number == static_cast<std::uint32_t>(NodeState::retired)) return NodeState::retired;
  return NodeState::revoked;
}

// The former key while it is good, else zeros, then the node's statement.
Bytes transport_row(const Node& node) {
  if (node.transport_object.empty()) return {};
  Bytes out;
  append(out, node.former_key.value_or(TransportKey{}).view());
  append(out, node.transport_object);
  return out;
}

Status read_transport(ByteView row, Node& node) {
  if (row.empty()) return {};
  ByteReader reader(row);
  const auto former = reader.take_fixed<32>();
  const auto statement = read_transport_statement(reader.rest());
  if (!statement.ok()) return statement.error();
  node.transport_object.assign(reader.rest().begin(), reader.rest().end());
  node.new_key = statement->key;
  if (!former.is_zero()) node.former_key = former;
  return {};
}

Result<Node> read_row(const NodeRow& row) {
  auto certificate = read_certificate(row.certificate);
  if (!certificate.ok()) return certificate.error();
  Node node;
  node.certificate = std::move(*certificate);
  node.certificate_object = row.certificate;
  node.seen_wall_ns = row.seen_wall_ns;
  node.flags = row.flags;
  node.state = state_of(row.state);
  node.ending = row.ending;
  REEVE_TRY(read_transport(row.transport, node));
  if (row.heartbeat.empty()) return node;
  auto sealed = parse_signed_object(row.heartbeat, ObjectType::heartbeat);
  if (!sealed.ok()) return sealed.error();
  auto heartbeat = decode_heartbeat(sealed->payload);
  if (!heartbeat.ok()) return heartbeat.error();
  node.heartbeat = std::move(*heartbeat);
  node.heartbeat_object = row.heartbeat;
  return node;
}

Error ended(const Node& node) {
  return Error{"node_revoked", fmt::format("{} is {}", node.certificate.name, name_of(node.state)),
               "enroll the host anew, with new keys"};
}

// Keys change only with a key succession; a controller must not be able to swap them.
Status check_successor(const NodeCertificate& next, const Node& known) {
  if (known.state != NodeState::registered) return ended(known);
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
    case NodeFlag::key_fork:
      return "key_fork";
  }
  assertion_failed("a flag has a name", __FILE__, __LINE__);
}

std::string_view name_of(NodeState state) {
  switch (state) {
    case NodeState::registered:
      return "registered";
    case NodeState::revoked:
      return "revoked";
    case NodeState::retired:
      return "retired";
  }
  assertion_failed("a state has a name", __FILE__, __LINE__);
}

std::vector<TransportKey> Node::transport_keys() const {
  std::vector<TransportKey> keys{certificate.transport_key};
  if (new_key) keys.push_back(*new_key);
  if (former_key) keys.push_back(*former_key);
  return keys;
}

std::vector<std::string_view> Node::flag_names() const {
  std::vector<std::string_view> names;
  for (const auto flag : {NodeFlag::equivocation, NodeFlag::fork, NodeFlag::key_fork}) {
    if ((flags & static_cast<std::uint32_t>(flag)) != 0) names.push_back(name_of(flag));
  }
  if (state != NodeState::registered) names.push_back(name_of(state));
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
                 static_cast<std::uint32_t>(node.state),
                 node.ending,
                 transport_row(node)};
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
  const auto newest = store.newest_successions();
  if (!newest.ok()) return newest.error();
  for (const auto& leaf : *newest) REEVE_TRY(load_newest_key(leaf));
  return {};
}

Status Registry::load_newest_key(const Leaf& leaf) {
  const auto object = parse_signed_object(leaf.object, ObjectType::key_succession);
  if (!object.ok()) {
    return Error{"store_damaged", fmt::format("leaf {}: {}", leaf.index, object.error().detail)};
  }
  const auto succession = decode_succession(object->payload);
  if (!succession.ok() || find(succession->node) == nullptr) {
    return Error{"store_damaged", fmt::format("leaf {}: is no key of a node here", leaf.index)};
  }
  set_newest_key(succession->node, successor_of(*succession));
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
  REEVE_ASSERT(node != nullptr);
  if (node->state != NodeState::registered) return nullptr;
  return key == node->transport_key() || key == node->session_key() ? node : nullptr;
}

const Node* Registry::named(std::string_view name) const {
  if (const auto found = by_name_.find(name); found != by_name_.end()) return find(found->second);
  const auto id = id_of(name);
  return id ? find(*id) : nullptr;
}

Status Registry::check_room() const {
  if (nodes_.size() < limits::nodes_max) return {};
  if (nodes_.size() >= limits::nodes_ever_max) {
    return Error{"too_many_nodes", fmt::format("{} nodes were ever registered", nodes_.size()),
                 "this fleet is full for good: begin another one with reeve init"};
  }
  const auto live = std::ranges::count_if(
      nodes_, [](const auto& entry) { return entry.second.state == NodeState::registered; });
  if (static_cast<std::size_t>(live) < limits::nodes_max) return {};
  return Error{"too_many_nodes", fmt::format("{} nodes are registered", live),
               "retire those whose hosts are gone: reeve node retire NODE"};
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
  } else {
    REEVE_TRY(check_room());
  }
  const auto* namesake = named(verified->name);
  const bool is_taken = namesake != nullptr && namesake->id() != verified->node &&
                        namesake->state == NodeState::registered;
  if (is_taken || id_of(verified->name)) {
    return Error{"name_taken", fmt::format("{} names another node", verified->name),
                 fmt::format("take another name; or, where that host was installed anew: "
                             "reeve node retire {}",
                             verified->name)};
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

// A name goes to whoever has it rightfully now; one that has ended keeps it while nobody has.
void Registry::put(Node node) {
  const auto id = node.id();
  if (const auto* known = find(id)) {
    for (const auto& key : known->transport_keys()) by_transport_key_.erase(key);
    if (named(known->certificate.name) == known) by_name_.erase(known->certificate.name);
  }
  for (const auto& key : node.transport_keys()) by_transport_key_[key] = id;
  const auto* namesake = named(node.certificate.name);
  const bool is_free = namesake == nullptr || namesake->state != NodeState::registered;
  if (is_free || node.state == NodeState::registered) by_name_[node.certificate.name] = id;
  nodes_[id] = std::move(node);
}

Result<Node> Registry::check_ending(const NodeId& id, NodeState state, ByteView request) const {
  const auto* known = find(id);
  if (known == nullptr) {
    return Error{"node_unknown", fmt::format("no node has the id {}", hex(id.view())),
                 "reeve node list"};
  }
  // What was retired may still be revoked: its keys turned out to be stolen.
  if (known->state == NodeState::revoked || known->state == state) return ended(*known);
  Node node = *known;
  node.state = state;
  node.ending.assign(request.begin(), request.end());
  return node;
}

namespace {

// The answer to the statement that is kept was lost, and the node has another record key by now.
bool repeats(const Node& known, const TransportStatement& said) {
  if (known.transport_object.empty()) return false;
  const auto kept = read_transport_statement(known.transport_object);
  return kept.ok() && kept->key == said.key && kept->version == said.version;
}

}  // namespace

Result<Node> Registry::check_rekeying(const NodeId& id, ByteView statement,
                                      const TransportKey& spoken_by,
                                      const RecordKey& record_key) const {
  const auto* known = find(id);
  REEVE_ASSERT(known != nullptr);
  auto verified = verify_transport_statement(statement, id, record_key.key);
  if (!verified.ok()) return verified.error();
  if (repeats(*known, *verified)) return *known;
  const auto owner = by_transport_key_.find(verified->key);
  if (owner != by_transport_key_.end()) {
    return Error{"transport_key_taken", "this transport key is or was a node's"};
  }
  if (!known->transport_object.empty()) {
    const auto before = read_transport_statement(known->transport_object);
    if (!before.ok()) return before.error();
    if (verified->version <= before->version) {
      return Error{"statement_rollback", "a later statement of the transport key is kept"};
    }
  }
  Node node = *known;
  node.transport_object.assign(statement.begin(), statement.end());
  node.new_key = verified->key;
  node.former_key = spoken_by;
  return node;
}

Node Registry::with_keys_of(const Node& rekeyed) const {
  Node node = *find(rekeyed.id());
  node.transport_object = rekeyed.transport_object;
  node.new_key = rekeyed.new_key;
  node.former_key = rekeyed.former_key;
  return node;
}

void Registry::rekey(const Node& rekeyed) {
  auto& node = at(rekeyed.id());
  for (const auto& key : node.transport_keys()) by_transport_key_.erase(key);
  node.transport_object = rekeyed.transport_object;
  node.new_key = rekeyed.new_key;
  node.former_key = rekeyed.former_key;
  for (const auto& key : node.transport_keys()) by_transport_key_[key] = rekeyed.id();
  changed_.insert(rekeyed.id());
}

bool Registry::spoke_by(const NodeId& id, const TransportKey& key) {
  auto& node = at(id);
  if (!node.former_key || key != node.transport_key()) return false;
  // The certificate's own stays known as this node's, so that nobody else can take it.
  if (*node.former_key != node.certificate.transport_key) by_transport_key_.erase(*node.former_key);
  node.former_key.reset();
  changed_.insert(id);
  return true;
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

void Registry::set_newest_key(const NodeId& id, std::optional<RecordKey> key) {
  at(id).newest_key = std::move(key);
}

void Registry::told_newest(const NodeId& id, const Clock& clock) {
  at(id).told_newest_ns = clock.boottime_ns();
}

void Registry::holds_checkpoint(const NodeId& id, std::uint64_t size) {
  at(id).held_checkpoint = size;
  at(id).shown_checkpoint.reset();
}

void Registry::add_flag(const NodeId& id, NodeFlag flag) {
  auto& node = at(id);
  const auto bit = static_cast<std::uint32_t>(flag);
  if ((node.flags & bit) != 0) return;
  node.flags |= bit;
  new_flags_ = true;
  changed_.insert(id);
}

Status Registry::write_changes(Store& store) const {
  for (const auto& id : changed_) REEVE_TRY(store.put_node(row_of(*find(id))));
  return {};
}

void Registry::committed() {
  changed_.clear();
  new_flags_ = false;
}

}  // namespace reeve
