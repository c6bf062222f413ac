#include "tests/lives/pair.h"

namespace reeve::testing {

Pair::Pair() {
  world.enroll(node);
  give_identity(agent);
}

void Pair::give_identity(AgentWorld& of) const {
  of.provide_key(node.key);
  of.identity.transport = {node.transport.public_key, Secret(node.transport.secret.bytes())};
  const Bytes object = node.certificate(world.fleet);
  of.identity.certificate =
      *decode_certificate(parse_signed_object(object, ObjectType::node_certificate)->payload);
  of.identity.root = world.fleet.root;
  of.identity.root_object = world.fleet.root_object;
  for (const std::string& path : {secret, motd}) of.host.add_file(path, 0600);
}

std::unique_ptr<AgentWorld> Pair::twin(Disk& disk) const {
  auto out = std::make_unique<AgentWorld>(disk);
  give_identity(*out);
  return out;
}

void Pair::give_policy(AgentWorld& of) {
  std::vector<Rule> rules{file_rule("urgent", secret),
                          file_rule("routine", motd, "0600", Severity::medium)};
  for (Rule& rule : rules)
    rule.breaker.fixes_first_minute = rule.breaker.fixes_per_hour =
        rule.breaker.agent_fixes_per_minute = 1'000'000;
  auto policy = of.sign(1, rules);
  policy.object =
      seal_object(ObjectType::manifest, encode_manifest(policy.manifest), world.fleet.policy_key);
  of.push(policy);
  REQUIRE(of.agent->policy_store().version() == 1);
}

void Pair::break_file(AgentWorld& of, const std::string& path) {
  of.host.add_file(path, 0666);
  of.wake(path == secret ? 0 : 1, path);
  of.settle();
  REQUIRE(of.host.at(path).mode == 0600);
}

void Pair::connect(AgentWorld& of) {
  world.connect(node);
  connected_ = &of;
  of.courier.sent.clear();
  carried_ = 0;
  of.link_up();
}

void Pair::carry() {
  while (carry_once() > 0) {
  }
}

std::size_t Pair::carry_once() {
  auto& sent = connected_->courier.sent;
  std::size_t moved = 0;
  bytes_ = 0;
  for (; carried_ < sent.size(); ++carried_) {
    const auto message = decode_message(sent[carried_]);
    const bool is_batch = message->type == MessageType::batch;
    const bool is_carried = is_batch || message->type == MessageType::heartbeat ||
                            message->type == MessageType::succession ||
                            message->type == MessageType::checkpoint_held;
    if (!is_carried) continue;
    world.send(node, message->type, message->payload);
    if (is_batch) bytes_ += message->payload.size();
    ++moved;
  }
  sent.clear();
  carried_ = 0;
  while (world.step(), true) {
    const auto answers = world.received(node);
    if (answers.empty()) break;
    for (const WireMessage& answer : answers) {
      if (answer.type != MessageType::acknowledgement &&
          answer.type != MessageType::newest_succession)
        continue;
      if (answers_to_lose_ > 0) {
        --answers_to_lose_;
        continue;
      }
      connected_->courier.incoming.push_back(encode_message(answer.type, answer.payload));
      ++moved;
    }
  }
  connected_->settle();
  return moved;
}

std::map<std::pair<Epoch, Stream>, std::uint64_t> Pair::ledger_records() {
  std::map<std::pair<Epoch, Stream>, std::uint64_t> out;
  std::set<std::tuple<Epoch, Stream, std::uint64_t>> seen;
  for (std::uint64_t i = 0; i < world.controller->tree_size(); ++i) {
    const auto leaf = world.store->leaf(i);
    REQUIRE(leaf.ok());
    if ((*leaf)->type != ObjectType::batch_header) continue;
    const auto header = decode_batch_header(
        parse_signed_object((*leaf)->object, ObjectType::batch_header)->payload);
    REQUIRE(header.ok());
    for (std::uint64_t k = 0; k < header->count; ++k)
      REQUIRE(seen.insert({header->epoch, header->stream, header->first + k}).second);
    out[{header->epoch, header->stream}] += header->count;
  }
  return out;
}

std::vector<std::string> Pair::flags() {
  std::vector<std::string> out;
  for (const auto& name : world.controller->registry().find(node.id)->flag_names())
    out.emplace_back(name);
  return out;
}

}  // namespace reeve::testing
