#include "tests/lives/witnesses.h"

#include <algorithm>

#include "common/witness.h"

namespace reeve::testing {

Face::Face(const TestFleet& of, FakeClock& at, const std::string& store_path)
    : fleet(of), clock(at) {
  auto opened = SqliteStore::open(store_path);
  REQUIRE(opened.ok());
  store = *std::move(opened);
  auto made = Controller::open(
      {*store, clock, fleet.ledger_key, fleet.transport.public_key, fleet.root_object});
  REQUIRE(made.ok());
  controller = *std::move(made);
  operator_link = operators.connect(fleet.admin.transport.public_key);
}

OperatorReply Face::ask(std::string operation, Value::Map arguments) {
  OperatorRequest request;
  request.id = ++requests_;
  request.operation = std::move(operation);
  request.made_wall_ns = clock.wall_ns();
  request.controller = key_hash(fleet.transport.public_key);
  request.arguments = std::move(arguments);
  REQUIRE(operator_link->send(seal_object(ObjectType::operator_request,
                                          encode_operator_request(request), fleet.admin.key)));
  step();
  OperatorReply whole;
  while (const auto message = operator_link->receive()) {
    auto reply = decode_operator_reply(*message);
    REQUIRE(reply.ok());
    std::move(reply->items.begin(), reply->items.end(), std::back_inserter(whole.items));
    if (reply->error) whole.error = reply->error;
  }
  return whole;
}

Value::Array Face::items(std::string operation, Value::Map arguments) {
  auto reply = ask(std::move(operation), std::move(arguments));
  CAPTURE((reply.error ? reply.error->name + ": " + reply.error->detail : std::string()));
  REQUIRE_FALSE(reply.error.has_value());
  return std::move(reply.items);
}

std::uint64_t Face::counted(const std::string& name) const {
  const auto found = controller->counters().find(name);
  return found == controller->counters().end() ? 0 : found->second;
}

WitnessNode::WitnessNode(const TestFleet& fleet, const std::string& name) : node(name) {
  agent.provide_key(node.key);
  agent.identity.transport = {node.transport.public_key, Secret(node.transport.secret.bytes())};
  agent.identity.certificate = *decode_certificate(
      parse_signed_object(node.certificate(fleet), ObjectType::node_certificate)->payload);
  agent.identity.root = fleet.root;
  agent.identity.root_object = fleet.root_object;
}

void WitnessNode::connect(Face& to) {
  if (!agent.has_started()) agent.start();
  link.reset();
  face = &to;
  link = to.nodes.connect(node.transport.public_key);
  agent.courier.sent.clear();
  agent.hear(MessageType::link_state, Bytes{0, 1});
  agent.link_up();
}

std::size_t WitnessNode::carry() {
  if (face == nullptr) return 0;
  std::size_t moved = 0;
  for (const Bytes& message : std::exchange(agent.courier.sent, {})) {
    const auto type = decode_message(message)->type;
    if (type == MessageType::configure) continue;
    cosignatures += type == MessageType::cosignature ? 1 : 0;
    REQUIRE(link->send(message));
    ++moved;
  }
  face->step();
  while (auto message = link->receive()) {
    agent.courier.incoming.push_back(*std::move(message));
    ++moved;
  }
  agent.settle();
  return moved;
}

Witnesses::Witnesses(std::size_t count) {
  one = std::make_unique<Face>(fleet, clock, directory.path() + "/one.db");
  for (std::size_t i = 0; i < count; ++i) {
    nodes.push_back(std::make_unique<WitnessNode>(fleet, "node-" + std::to_string(i)));
    one->items("enroll", {{"certificate", nodes.back()->node.certificate(fleet)}});
    nodes.back()->connect(*one);
  }
  carry();
}

void Witnesses::carry() {
  for (std::size_t moved = 1; moved > 0;) {
    moved = 0;
    for (auto& node : nodes) moved += node->carry();
  }
}

void Witnesses::advance(std::int64_t ns) {
  constexpr std::int64_t small_ns = 30 * second_ns;
  const std::int64_t step = ns > small_ns ? ns : second_ns;
  for (std::int64_t done = 0; done == 0 || done < ns; done += step) move(std::min(ns, step));
}

void Witnesses::move(std::int64_t ns) {
  clock.advance(ns);
  for (auto& node : nodes) {
    node->agent.clock.advance(ns);
    node->agent.settle();
  }
  for (Face* face : {one.get(), other.get()})
    if (face != nullptr) face->step();
  carry();
}

// What agents seal after their start has come.
void Witnesses::rest() {
  for (int i = 0; i < 10; ++i) advance(60 * second_ns);
}

void Witnesses::set_witnesses(std::uint64_t version, std::size_t count, std::uint64_t need) {
  WitnessSet set;
  set.fleet = fleet.root.fleet;
  set.version = version;
  set.issued_s = clock.wall_ns() / second_ns;
  set.need = need;
  for (std::size_t i = 0; i < count; ++i) set.nodes.push_back(nodes[i]->node.id);
  one->items("set_witnesses",
             {{"witnesses",
               seal_object(ObjectType::witness_set, encode_witness_set(set), fleet.admin.key)}});
}

// Both begin with the same tick, since both start at one moment.
void Witnesses::split() {
  for (auto& node : nodes) {
    node->link.reset();
    node->face = nullptr;
  }
  one.reset();
  REQUIRE(backup_sqlite_store(directory.path() + "/one.db", directory.path() + "/other.db").ok());
  one = std::make_unique<Face>(fleet, clock, directory.path() + "/one.db");
  other = std::make_unique<Face>(fleet, clock, directory.path() + "/other.db");
}

void Witnesses::log_something(Face& face) {
  const TestNode another("another-" + std::to_string(++others_));
  face.items("enroll", {{"certificate", another.certificate(fleet)}});
}

}  // namespace reeve::testing
