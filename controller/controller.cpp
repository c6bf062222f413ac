#include "controller/controller.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "controller/controller_limits.h"

namespace reeve {
namespace {

bool operation_changes(std::string_view operation) {
  constexpr std::array changes{"publish", "root",   "act",          "enroll",
                               "revoke",  "retire", "token",        "token_revoke",
                               "recover", "redact", "set_witnesses"};
  return std::find(changes.begin(), changes.end(), operation) != changes.end();
}

}  // namespace

std::vector<std::string> Controller::step(ServerLink& nodes, ServerLink& operators,
                                          ServerLink* enroll) {
  serve_nodes(nodes);
  serve_operators(operators, nodes);
  if (enroll != nullptr) serve_enrollment(*enroll);
  ask_witnesses(nodes);
  publish_log();
  withhold_bodies();
  return std::exchange(notes_, {});
}

// The order of these lines is a promise: what is acknowledged is durable.
void Controller::serve_nodes(ServerLink& link) {
  Turn turn;
  auto done = take_messages(link, turn);
  if (done.ok()) done = commit(turn);
  if (done.ok()) {
    send_acknowledgements(link, turn);
    send_rekeyed(link, turn);
  } else {
    lose(done.error(), turn);
  }
  for (const auto& answer : turn.answers) {
    if (!link.send(answer.peer, answer.message)) count("link_full");
  }
}

Status Controller::take_messages(ServerLink& link, Turn& turn) {
  for (std::size_t i = 0; i < limits::messages_per_commit; ++i) {
    const auto incoming = link.receive();
    if (!incoming) break;
    // The session may be older than a revocation: the registry is asked for every message.
    const auto* node = registry_.admitted(incoming->peer);
    if (node == nullptr) {
      count("unregistered");
      link.close(incoming->peer);
      continue;
    }
    if (registry_.spoke_by(node->id(), incoming->peer)) count("rekeyed");
    REEVE_TRY(take_message(*node, incoming->peer, incoming->message, turn));
  }
  return {};
}

Status Controller::take_message(const Node& node, const TransportKey& peer, ByteView bytes,
                                Turn& turn) {
  const auto message = decode_message(bytes);
  if (!message.ok()) {
    count(message.error().name);
    return {};
  }
  if (message->type == MessageType::batch) return take_batch(node, peer, message->payload, turn);
  if (message->type == MessageType::heartbeat) {
    return take_heartbeat(node, peer, message->payload, turn);
  }
  if (message->type == MessageType::succession) {
    return take_succession(node, peer, message->payload, turn);
  }
  if (message->type == MessageType::certificate_held) {
    registry_.holds_certificate(node.id(), ByteReader(message->payload).u64());
    return {};
  }
  if (message->type == MessageType::checkpoint_held) {
    take_checkpoint_held(node, peer, message->payload, turn);
    return {};
  }
  if (message->type == MessageType::cosignature) {
    return take_cosignature(node, message->payload, turn);
  }
  if (message->type == MessageType::rekey) return take_rekey(node, peer, message->payload, turn);
  if (message->type != MessageType::fetch) {
    count("wrong_type");
    return {};
  }
  take_fetch(peer, message->payload, turn);
  return {};
}

Status Controller::take_batch(const Node& node, const TransportKey& peer, ByteView payload,
                              Turn& turn) {
  if (const auto why = takes_nothing_in(); !why.empty()) {
    count(why);
    return {};
  }
  credits_.came(node.id(), clock_.boottime_ns());
  REEVE_TRY(begin(turn));
  const auto flags = node.flags;
  auto verdict = intake_.take_batch(node.id(), payload);
  if (!verdict.ok()) return verdict.error();
  count(verdict->name);
  if (verdict->is_fork) count("fork");
  note_flags(node, flags);
  if (verdict->acknowledgement) {
    turn.acknowledgements.push_back({peer, std::move(*verdict->acknowledgement)});
  }
  return verdict->name == "key_unknown" ? tell_newest(node, peer, turn) : Status{};
}

void Controller::note_flags(const Node& node, std::uint32_t before) {
  if (node.flags == before) return;
  note(fmt::format("node {}: its records are flagged {}", node.certificate.name,
                   fmt::join(node.flag_names(), ", ")));
}

Status Controller::take_succession(const Node& node, const TransportKey& peer, ByteView object,
                                   Turn& turn) {
  if (const auto why = takes_nothing_in(); !why.empty()) {
    count(why);
    return {};
  }
  REEVE_TRY(begin(turn));
  const auto flags = node.flags;
  auto verdict = intake_.take_succession(node.id(), object);
  if (!verdict.ok()) return verdict.error();
  count(verdict->name);
  note_flags(node, flags);
  if (verdict->acknowledgement) {
    turn.acknowledgements.push_back({peer, std::move(*verdict->acknowledgement)});
  }
  if (!verdict->told.empty()) {
    turn.answers.push_back({peer, encode_message(MessageType::newest_succession, verdict->told)});
  }
  return verdict->name == "key_unknown" ? tell_newest(node, peer, turn) : Status{};
}

// A store that came back from a backup lacks the newest keys: the node sends again what follows.
Status Controller::tell_newest(const Node& node, const TransportKey& peer, Turn& turn) {
  const auto told = node.told_newest_ns;
  if (told && clock_.boottime_ns() - *told < limits::tell_newest_ns) return {};
  registry_.told_newest(node.id(), clock_);
  Bytes newest;
  if (node.newest_key) {
    const auto leaves =
        store_.successions({node.id(), std::nullopt, node.newest_key->hash(), 0}, 1);
    if (!leaves.ok()) return leaves.error();
    if (!leaves->empty()) newest = leaves->front().object;
  }
  turn.answers.push_back({peer, encode_message(MessageType::newest_succession, newest)});
  return {};
}

Status Controller::take_heartbeat(const Node& node, const TransportKey& peer, ByteView payload,
                                  Turn& turn) {
  const auto verdict = intake_.take_heartbeat(node.id(), payload);
  count(verdict.name);
  if (verdict.name == "key_unknown") return tell_newest(node, peer, turn);
  if (verdict.name != "heard") return {};
  for (auto& message : news_for(node)) {
    turn.answers.push_back({peer, std::move(message)});
  }
  // The first is the one that it enrolled with.
  if (node.certificate.version == 1 || node.held_certificate >= node.certificate.version) return {};
  turn.answers.push_back({peer, encode_message(MessageType::certificate, node.certificate_object)});
  return {};
}

// A statement that is kept already is acknowledged again: the answer was lost.
Status Controller::take_rekey(const Node& node, const TransportKey& peer, ByteView payload,
                              Turn& turn) {
  const bool is_kept = std::ranges::equal(payload, node.transport_object);
  const auto signer = signer_of(payload, ObjectType::transport_key);
  if (!signer.ok()) {
    count(signer.error().name);
    return {};
  }
  const auto key = NodeKeys(store_).find(node, *signer);
  if (!key.ok()) return key.error();
  if (!*key) {
    count("key_unknown");
    return tell_newest(node, peer, turn);
  }
  // What is kept may have been signed by a key that has a successor by now; whoever has stolen such
  // a key moves the node to no other.
  const auto successors = NodeKeys(store_).successors(node, **key);
  if (!successors.ok()) return successors.error();
  if (!is_kept && !successors->empty()) {
    count("key_retired");
    return {};
  }
  auto rekeyed =
      is_kept ? Result<Node>(node) : registry_.check_rekeying(node.id(), payload, peer, **key);
  if (!rekeyed.ok()) {
    count(rekeyed.error().name);
    return {};
  }
  if (store_rests()) return {};
  REEVE_TRY(begin(turn));
  turn.rekeyed.push_back({peer, std::move(*rekeyed), sha256(payload)});
  return {};
}

void Controller::take_fetch(const TransportKey& peer, ByteView payload, Turn& turn) {
  auto chunk = publisher_.chunk_message(payload);
  if (!chunk.ok()) return count(chunk.error().name);
  count(*chunk ? "fetched" : "not_published");
  if (*chunk) turn.answers.push_back({peer, std::move(**chunk)});
}

Status Controller::begin(Turn& turn) {
  if (turn.in_transaction) return {};
  REEVE_TRY(ledger_->begin());
  turn.in_transaction = true;
  return {};
}

bool Controller::store_rests() const {
  return store_failed_ns_ && clock_.boottime_ns() - *store_failed_ns_ < limits::store_retry_ns;
}

// What comes now is left to be sent again; empty: it is taken in.
std::string Controller::takes_nothing_in() const {
  if (ledger_->awaits_recovery()) return "recovery_needed";
  return store_rests() ? "store_resting" : "";
}

bool Controller::rows_are_due() const {
  if (!registry_.has_changes() || store_rests()) return false;
  return registry_.has_new_flags() ||
         clock_.boottime_ns() - rows_written_ns_ >= limits::node_rows_interval_ns;
}

Status Controller::commit(Turn& turn) {
  const bool rows = rows_are_due();
  if (!rows && !turn.in_transaction) return {};
  REEVE_TRY(begin(turn));
  if (rows) REEVE_TRY(registry_.write_changes(store_));
  if (cosigning_.has_news()) REEVE_TRY(cosigning_.write(store_));
  for (const auto& done : turn.rekeyed) {
    REEVE_TRY(store_.put_node(row_of(registry_.with_keys_of(done.node))));
  }
  REEVE_TRY(ledger_->commit());
  intake_.committed();
  cosigning_.written();
  turn.in_transaction = false;
  if (store_failed_ns_) note("store: writes succeed again");
  store_failed_ns_.reset();
  if (rows) {
    registry_.committed();
    rows_written_ns_ = clock_.boottime_ns();
  }
  return {};
}

// Nothing of this turn is acknowledged: the agents keep their records and send them again.
void Controller::lose(const Error& error, Turn& turn) {
  ledger_->rollback();
  intake_.forget();
  turn.acknowledgements.clear();
  turn.rekeyed.clear();
  count(error.name);
  if (!store_failed_ns_) {
    note(fmt::format("store: {}: {}; nothing is acknowledged until writes succeed again",
                     error.name, error.detail));
  }
  store_failed_ns_ = clock_.boottime_ns();
}

void Controller::send_rekeyed(ServerLink& link, const Turn& turn) {
  for (const auto& done : turn.rekeyed) {
    registry_.rekey(done.node);
    link.send(done.peer, encode_message(MessageType::rekeyed, done.statement.view()));
  }
}

void Controller::serve_operators(ServerLink& operators, ServerLink& nodes) {
  for (std::size_t i = 0; i < limits::requests_per_step; ++i) {
    const auto incoming = operators.receive();
    if (!incoming) break;
    const auto outcome = operators_.take(incoming->peer, incoming->message);
    count(outcome.name);
    const bool is_change = operation_changes(outcome.operation);
    if (is_change || (!outcome.who.empty() && outcome.name != "answered")) {
      note(fmt::format("operator {}: {}: {}", outcome.who, outcome.operation,
                       outcome.name == "answered" ? "done" : outcome.name));
    }
    tell_nodes(outcome, nodes);
  }
  operators_.send_replies(operators);
}

// Of a node that has said nothing of itself yet only the newest policy is known to be news.
std::vector<Bytes> Controller::news_for(const Node& node) const {
  if (!node.heartbeat) {
    auto manifest = publisher_.manifest_message();
    return manifest.empty() ? std::vector<Bytes>{} : std::vector<Bytes>{std::move(manifest)};
  }
  auto messages = publisher_.messages_for(*node.heartbeat, recoveries_.root_max(*node.heartbeat));
  if (auto recovery = recoveries_.message_for(*node.heartbeat))
    messages.push_back(*std::move(recovery));
  auto acts = acts_.messages_for(*node.heartbeat, node.certificate.labels,
                                 clock_.wall_ns() / 1'000'000'000);
  std::move(acts.begin(), acts.end(), std::back_inserter(messages));
  return messages;
}

void Controller::tell_news(ServerLink& nodes) {
  for (const auto& entry : registry_.nodes()) {
    const auto& node = entry.second;
    if (!node.is_connected(clock_)) continue;
    for (const auto& message : news_for(node)) {
      if (!nodes.send(node.session_key(), message)) count("link_full");
    }
  }
}

void Controller::tell_nodes(const OperatorServer::Outcome& outcome, ServerLink& nodes) {
  if (outcome.published) tell_news(nodes);
  if (outcome.operation == "set_witnesses") tell_witnesses(nodes);
  for (const auto& key : outcome.ended) nodes.close(key);
  const auto* node = outcome.relabelled ? registry_.find(*outcome.relabelled) : nullptr;
  if (node == nullptr || !node->is_connected(clock_)) return;
  nodes.send(node->session_key(),
             encode_message(MessageType::certificate, node->certificate_object));
}

void Controller::serve_enrollment(ServerLink& link) {
  for (std::size_t i = 0; i < limits::enrollments_per_step; ++i) {
    const auto incoming = link.receive();
    if (!incoming) return;
    const auto outcome = enrollment_.take(link, *incoming);
    count(outcome.name);
    if (outcome.name == "enrolled") note(fmt::format("node {} enrolled by token", outcome.node));
  }
}

// Files are derived: what cannot be written holds up nothing else.
void Controller::publish_log() {
  if (log_ == nullptr) return;
  auto done = log_->publish_if_due(store_, *ledger_);
  if (done.ok()) done = log_->publish_cosigned(cosigning_.note(), cosigning_.cosigned().tree.size);
  if (done.ok()) {
    if (log_->published_size() == ledger_->committed().size) log_refusal_.clear();
    return;
  }
  count("log_files_failed");
  if (log_refusal_ == done.error().name) return;
  log_refusal_ = done.error().name;
  note(fmt::format("log files: {}: {}; it is tried again", done.error().name, done.error().detail));
}

// What cannot be withheld now is tried again.
void Controller::withhold_bodies() {
  const auto done = retention_.run_if_due();
  const std::string refusal = done.ok() ? "" : done.error().name;
  if (std::exchange(retention_refusal_, refusal) == refusal || done.ok()) return;
  note(fmt::format("bodies are not withheld: {}: {}", refusal, done.error().detail));
}

std::int64_t Controller::idle_ns() const {
  auto idle = idle_without_log_ns();
  const auto log_due = log_ == nullptr ? std::nullopt : log_->next_due(*ledger_);
  for (const auto& due : {log_due, retention_.next_due(), cosigning_.next_due()})
    if (due) idle = std::clamp<std::int64_t>(*due - clock_.boottime_ns(), 0, idle);
  return idle;
}

std::int64_t Controller::idle_without_log_ns() const {
  if (operators_.has_replies()) return limits::reply_retry_ns;
  if (!registry_.has_changes()) return limits::controller_idle_ns;
  if (store_rests()) return limits::store_retry_ns;
  const auto due = rows_written_ns_ + limits::node_rows_interval_ns - clock_.boottime_ns();
  return std::max<std::int64_t>(due, 0);
}

void Controller::note(std::string line) { notes_.push_back(std::move(line)); }

}  // namespace reeve
