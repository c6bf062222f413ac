#include "tests/controller/world.h"

#include "common/limits.h"
#include "controller/cli/cli_limits.h"

namespace reeve {

TestNode::TestNode(std::string node_name) : name(std::move(node_name)) {}

Bytes TestNode::certificate(const TestFleet& fleet, std::uint64_t version) const {
  NodeCertificate certificate;
  certificate.fleet = fleet.root.fleet;
  certificate.node = id;
  certificate.name = name;
  certificate.labels = {{"env", "test"}};
  certificate.record_key = key.public_key();
  certificate.transport_key = transport.public_key;
  certificate.version = version;
  certificate.issued_s = FakeClock::start_wall_ns / second_ns;
  return seal_object(ObjectType::node_certificate, encode_certificate(certificate),
                     fleet.admin.key);
}

Heartbeat TestNode::heartbeat() {
  Heartbeat heartbeat;
  heartbeat.node = id;
  heartbeat.epoch = epoch;
  heartbeat.count = ++heartbeats_;
  heartbeat.made = {1, FakeClock::start_wall_ns};
  heartbeat.agent_version = "0.1.0";
  heartbeat.root_version = 1;
  heartbeat.isolation = "full";
  return heartbeat;
}

Bytes TestNode::sign_heartbeat(const Heartbeat& heartbeat) const {
  return seal_object(ObjectType::heartbeat, encode_heartbeat(heartbeat), key);
}

BatchHeader TestNode::next_header(Stream stream) const {
  const auto& end = ends_[static_cast<std::size_t>(stream)];
  BatchHeader header;
  header.node = id;
  header.epoch = epoch;
  header.stream = stream;
  header.first = end.next;
  header.previous = end.last;
  return header;
}

Batch TestNode::batch(BatchHeader header, std::size_t records, std::string_view rule) const {
  std::vector<SaltedRecord> salted;
  const Moment sealed{5, FakeClock::start_wall_ns};
  Value::Map start{{"agent", "0.1.0"}};
  if (!previous_epoch.is_zero()) start.emplace_back("previous", previous_epoch);
  for (std::size_t i = 0; i < records; ++i) {
    const bool starts = header.first == 0 && i == 0;
    auto bytes = starts ? encode_record("epoch_start", sealed, {}, start)
                        : encode_record("receipt", sealed, Severity::high,
                                        {{"rule", rule}, {"n", header.first + i}});
    salted.push_back({random_bytes<16>(), std::move(bytes)});
  }
  return seal_batch(header, std::move(salted), key);
}

Batch TestNode::next_batch(Stream stream, std::size_t records, std::string_view rule) {
  auto next = batch(next_header(stream), records, rule);
  ends_[static_cast<std::size_t>(stream)] = {next.header.first + next.header.count,
                                             next.header_digest()};
  return next;
}

TestNode TestNode::clone() const {
  TestNode twin(name);
  twin.key = SigningKey::from_seed(key.seed().bytes());
  twin.transport = {transport.public_key, Secret(transport.secret.bytes())};
  twin.id = id;
  twin.epoch = epoch;
  twin.previous_epoch = previous_epoch;
  twin.ends_ = ends_;
  twin.heartbeats_ = heartbeats_;
  return twin;
}

void TestNode::begin_epoch(const Epoch& previous) {
  epoch = random_bytes<16>();
  previous_epoch = previous;
  ends_ = {};
  heartbeats_ = 0;
}

World::World() {
  store = std::make_unique<FaultyStore>(maker.store());
  REQUIRE(open().ok());
  for (const auto* who : {&fleet.admin, &fleet.viewer}) {
    clients_[who->transport.public_key] = operators.connect(who->transport.public_key);
  }
}

Status World::open() {
  controller.reset();
  auto opened = Controller::open(
      {*store, clock, fleet.ledger_key, fleet.transport.public_key, fleet.root_object});
  if (!opened.ok()) return opened.error();
  controller = std::move(*opened);
  return {};
}

void World::reopen() {
  controller.reset();
  store = std::make_unique<FaultyStore>(maker.reopen());
  REQUIRE(open().ok());
}

void World::connect(const TestNode& node) {
  auto& client = clients_[node.transport.public_key];
  client.reset();
  client = nodes.connect(node.transport.public_key);
}

void World::enroll(const TestNode& node) {
  ask("enroll", {{"certificate", node.certificate(fleet)}});
  connect(node);
}

void World::send(const TestNode& node, MessageType type, ByteView payload) {
  REQUIRE(clients_.at(node.transport.public_key)->send(encode_message(type, payload)));
}

void World::send(const TestNode& node, const Batch& batch) {
  send(node, MessageType::batch, encode_batch(batch));
}

std::vector<WireMessage> World::received(const TestNode& node) {
  kept_.clear();
  while (auto message = clients_.at(node.transport.public_key)->receive()) {
    kept_.push_back(std::move(*message));
  }
  std::vector<WireMessage> messages;
  for (const auto& bytes : kept_) {
    const auto message = decode_message(bytes);
    REQUIRE(message.ok());
    messages.push_back(*message);
  }
  return messages;
}

std::vector<Acknowledgement> World::acknowledged(const TestNode& node) {
  std::vector<Acknowledgement> out;
  for (const auto& message : received(node)) {
    if (message.type == MessageType::newest_succession) continue;
    REQUIRE(message.type == MessageType::acknowledgement);
    auto acknowledgement = decode_acknowledgement(message.payload);
    REQUIRE(acknowledgement.ok());
    out.push_back(std::move(*acknowledgement));
  }
  return out;
}

std::vector<Acknowledgement> World::deliver(const TestNode& node, const Batch& batch) {
  send(node, batch);
  step();
  return acknowledged(node);
}

OperatorRequest World::request(std::string operation, Value::Map arguments) {
  OperatorRequest out;
  out.id = ++request_id_;
  out.operation = std::move(operation);
  out.made_wall_ns = clock.wall_ns();
  out.controller = key_hash(fleet.transport.public_key);
  out.arguments = std::move(arguments);
  return out;
}

Bytes World::sign(const OperatorRequest& request, const SigningKey& key) const {
  return seal_object(ObjectType::operator_request, encode_operator_request(request), key);
}

void World::send_operator(const TestOperator& who, ByteView message) {
  auto& client = clients_[who.transport.public_key];
  if (client == nullptr) client = operators.connect(who.transport.public_key);
  REQUIRE(client->send(message));
}

std::vector<OperatorReply> World::replies(const TestOperator& who) {
  std::vector<OperatorReply> out;
  while (const auto message = clients_.at(who.transport.public_key)->receive()) {
    auto reply = decode_operator_reply(*message);
    REQUIRE(reply.ok());
    out.push_back(std::move(*reply));
  }
  return out;
}

std::vector<OperatorReply> World::ask_as(const TestOperator& who, std::string operation,
                                         Value::Map arguments) {
  send_operator(who, sign(request(std::move(operation), std::move(arguments)), who.key));
  step();
  return replies(who);
}

Value::Array World::ask(std::string operation, Value::Map arguments) {
  Value::Array items;
  for (auto& reply : ask_as(fleet.admin, std::move(operation), std::move(arguments))) {
    CAPTURE((reply.error ? reply.error->name + ": " + reply.error->detail : std::string()));
    REQUIRE_FALSE(reply.error.has_value());
    std::move(reply.items.begin(), reply.items.end(), std::back_inserter(items));
  }
  return items;
}

Error World::ask_refused(std::string operation, Value::Map arguments) {
  const auto answer = ask_as(fleet.admin, std::move(operation), std::move(arguments));
  REQUIRE(answer.size() == 1);
  REQUIRE(answer[0].error.has_value());
  return *answer[0].error;
}

Bytes test_bundle(const std::vector<std::string>& rules) {
  Bundle bundle{"baseline", {}};
  for (const auto& id : rules) {
    Rule rule;
    rule.id = id;
    rule.title = "a rule";
    rule.owner = "security";
    rule.kind = "file";
    bundle.rules.push_back(std::move(rule));
  }
  return encode_bundle(bundle);
}

Bytes World::manifest_object(std::uint64_t version, const Bytes& bundle, std::size_t rules) const {
  Manifest manifest;
  manifest.fleet = fleet.root.fleet;
  manifest.version = version;
  manifest.created_s = clock.wall_ns() / second_ns;
  manifest.expires_s = manifest.created_s + limits::manifest_lifetime_s;
  manifest.bundles.push_back({"baseline", sha256(bundle), bundle.size(), rules, {}, {}});
  return seal_object(ObjectType::manifest, encode_manifest(manifest), fleet.policy_key);
}

void World::upload(const Bytes& bundle) {
  for (std::size_t offset = 0; offset < bundle.size(); offset += limits::chunk_bytes_max) {
    const auto rest = ByteView(bundle).subspan(offset);
    ask("upload", {{"digest", sha256(bundle)},
                   {"offset", std::uint64_t{offset}},
                   {"total", std::uint64_t{bundle.size()}},
                   {"bytes", rest.first(std::min(rest.size(), limits::chunk_bytes_max))}});
  }
}

Bytes World::publish(std::uint64_t version, std::vector<std::string> rules) {
  auto bundle = test_bundle(rules);
  upload(bundle);
  ask("publish", {{"manifest", manifest_object(version, bundle, rules.size())}});
  return bundle;
}

std::uint64_t World::counted(const std::string& name) const {
  const auto found = controller->counters().find(name);
  return found == controller->counters().end() ? 0 : found->second;
}

std::vector<ObjectType> World::leaf_types() const {
  std::vector<ObjectType> types;
  for (std::uint64_t i = 0; i < controller->tree_size(); ++i) {
    const auto leaf = store->leaf(i);
    REQUIRE(leaf.ok());
    REQUIRE(leaf->has_value());
    types.push_back((*leaf)->type);
  }
  return types;
}

}  // namespace reeve
