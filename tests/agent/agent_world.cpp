#include "tests/agent/agent_world.h"

#include "agent/agent_limits.h"
#include "common/paths.h"
#include "controller/cli/cli_limits.h"
#include "tests/agent/journal_life.h"

namespace reeve::testing {

namespace fixture = trust_fixture;

namespace {

Identity example_identity() {
  Bytes root = fixture::sealed(ObjectType::root, encode_root(fixture::root()), {fixture::root_key});
  FixedBytes<32> seed;
  seed.data.fill(fixture::record_key);
  return {{fixture::transport_key(fixture::record_key), Secret(seed)},
          fixture::certificate(),
          fixture::root(),
          std::move(root),
          ControllerContact{"tcp://127.0.0.1:1", "tcp://127.0.0.1:2",
                            fixture::transport_key(fixture::ledger_key)}};
}

}  // namespace

bool FakeCourier::send(ByteView message) {
  if (!takes_messages) return false;
  const auto decoded = decode_message(message);
  REQUIRE(decoded.ok());
  if (on_batch && decoded->type == MessageType::batch) on_batch(decoded->payload);
  sent.emplace_back(message.begin(), message.end());
  return true;
}

std::optional<Bytes> FakeCourier::receive() {
  if (incoming.empty()) return std::nullopt;
  Bytes message = std::move(incoming.front());
  incoming.pop_front();
  return message;
}

std::vector<Bytes> FakeCourier::payloads(MessageType type) const {
  std::vector<Bytes> out;
  for (const Bytes& message : sent) {
    const auto decoded = decode_message(message);
    if (decoded->type == type) out.emplace_back(decoded->payload.begin(), decoded->payload.end());
  }
  return out;
}

AgentWorld::AgentWorld() : disk(own_disk), identity(example_identity()) {
  host.add_directory("/etc");
}

AgentWorld::AgentWorld(Disk& other) : disk(other), identity(example_identity()) {
  host.add_directory("/etc");
}

void AgentWorld::provide_key(const SigningKey& key) {
  if (disk.list(paths::identity_directory).ok()) return;
  REQUIRE(disk.make_directory(paths::identity_directory).ok());
  REQUIRE(disk.sync_directory("").ok());
  REQUIRE(replace_file(disk, paths::record_key,
                       encode_key_file(KeyKind::ed25519, key.public_key(), key.seed()))
              .ok());
}

void AgentWorld::start(int last_wait_status) {
  agent.reset();
  provide_key(fixture::key(fixture::record_key));
  auto started = Agent::start({clock,
                               disk,
                               host,
                               hands,
                               {&sensor},
                               courier,
                               identity,
                               notes,
                               last_wait_status,
                               segment_bytes_max,
                               journal_bytes_max,
                               reserve_bytes,
                               was_stuck,
                               acknowledged_bytes_max});
  if (!started.ok()) return;
  agent = std::move(*started);
  settle();
}

void AgentWorld::stop() {
  agent->stop();
  agent.reset();
}

void AgentWorld::settle() {
  for (int i = 0; i < 4; ++i) {
    agent->step();
    clock.advance(limits::group_commit_ns);
    agent->step();
  }
}

void AgentWorld::advance(std::int64_t ns) {
  clock.advance(ns);
  settle();
}

void AgentWorld::link_up() {
  agent->courier_started();
  hear(MessageType::link_state, Bytes{1, 1});
}

void AgentWorld::hear(MessageType type, ByteView payload) {
  courier.incoming.push_back(encode_message(type, payload));
  settle();
}

AgentWorld::Signed AgentWorld::sign(std::uint64_t version, std::vector<Rule> rules,
                                    const std::function<void(Manifest&)>& change) const {
  Signed out;
  const std::size_t count = rules.size();
  Bytes bundle = encode_bundle({"base", std::move(rules)});
  out.manifest.fleet = fixture::root().fleet;
  out.manifest.version = version;
  out.manifest.created_s = clock.wall_ns() / 1'000'000'000;
  out.manifest.expires_s = out.manifest.created_s + limits::manifest_lifetime_s;
  out.manifest.bundles = {{"base", sha256(bundle), bundle.size(), count, {}, {}}};
  out.bundles.emplace(sha256(bundle), std::move(bundle));
  if (change) change(out.manifest);
  out.object =
      fixture::sealed(ObjectType::manifest, encode_manifest(out.manifest), {fixture::policy_key});
  return out;
}

void AgentWorld::push(const Signed& policy) {
  hear(MessageType::manifest, policy.object);
  serve_fetches(policy);
}

void AgentWorld::serve_fetches(const Signed& policy) {
  while (const auto wanted = agent->policy_store().wanted()) {
    const auto bundle = policy.bundles.find(wanted->digest);
    if (bundle == policy.bundles.end()) return;
    Chunk chunk{
        wanted->digest, wanted->offset, static_cast<std::uint32_t>(bundle->second.size()), {}};
    const ByteView rest = ByteView(bundle->second).subspan(wanted->offset);
    const ByteView part = rest.first(std::min(rest.size(), limits::chunk_bytes_max));
    chunk.bytes.assign(part.begin(), part.end());
    hear(MessageType::chunk, encode_chunk(chunk));
    if (agent->policy_store().wanted() == wanted) return;
  }
}

void AgentWorld::wake(WatchId rule, std::optional<std::string> object) {
  Cause cause;
  cause.via = "fake";
  sensor.next.wakes.push_back({rule, std::move(object), cause});
  agent->sensor_ready(0);
}

void AgentWorld::acknowledge_keys() {
  hear_what_is_held();
  for (const Bytes& statement : courier.payloads(MessageType::succession)) {
    const auto object = parse_signed_object(statement, ObjectType::key_succession);
    REQUIRE(object.ok());
    Acknowledgement answer;
    answer.node = identity.certificate.node;
    answer.last = decode_succession(object->payload)->number;
    answer.header = sha256(statement);
    ledger.prove(answer, ledger.append(statement));
    hear(MessageType::acknowledgement, encode_acknowledgement(answer));
  }
}

std::size_t AgentWorld::acknowledge_all() {
  const auto batches = courier.payloads(MessageType::batch);
  std::size_t acknowledged = 0;
  for (; acknowledged_ < batches.size(); ++acknowledged_, ++acknowledged) {
    const auto batch = read_own_batch(batches[acknowledged_]);
    REQUIRE(batch.ok());
    courier.incoming.push_back(
        encode_message(MessageType::acknowledgement, encode_acknowledgement(answer_to(*batch))));
  }
  settle();
  return acknowledged;
}

Acknowledgement AgentWorld::answer_to(const Batch& batch) {
  hear_what_is_held();
  Acknowledgement answer = claim_of(batch);
  answer.credit_bytes = credit_bytes;
  ledger.prove(answer, ledger.append(batch.header_object));
  return answer;
}

void AgentWorld::hear_what_is_held() {
  std::erase_if(courier.sent, [&](const Bytes& message) {
    const auto decoded = decode_message(message);
    if (decoded->type != MessageType::checkpoint_held) return false;
    ledger.held = ByteReader(decoded->payload).u64();
    return true;
  });
}

std::vector<Record> AgentWorld::records(std::string_view type) {
  std::vector<Record> out;
  for (Stream stream : {Stream::urgent, Stream::routine}) {
    auto recovered = recover_journal(disk, stream);
    REQUIRE(recovered.ok());
    Journal journal(disk, {stream, identity.certificate.node}, recovered->segments,
                    recovered->newest);
    Contents contents = contents_of(journal);
    CHECK(contents.is_chained);
    for (Record& record : contents.records)
      if (type.empty() || record.type == type) out.push_back(std::move(record));
  }
  return out;
}

std::vector<Receipt> AgentWorld::receipts() {
  std::vector<Receipt> out;
  for (const Record& record : records("receipt")) out.push_back(*decode_receipt(record));
  return out;
}

KeyChain AgentWorld::key_chain() const {
  KeyChain chain(identity.certificate.node, {identity.certificate.record_key, 0, std::nullopt});
  for (const Bytes& statement : courier.payloads(MessageType::succession))
    REQUIRE(chain.add(statement).ok());
  return chain;
}

std::optional<Heartbeat> AgentWorld::last_heartbeat() const {
  const auto beats = courier.payloads(MessageType::heartbeat);
  if (beats.empty()) return std::nullopt;
  const auto object = parse_signed_object(beats.back(), ObjectType::heartbeat);
  REQUIRE(object.ok());
  const KeyChain keys = key_chain();
  const auto signer = signer_of(beats.back(), ObjectType::heartbeat);
  REQUIRE(signer.ok());
  REQUIRE(keys.find(*signer) != nullptr);
  const PublicKey key = keys.find(*signer)->key;
  REQUIRE(require_signatures(*object, {&key, 1}, 1).ok());
  return *decode_heartbeat(object->payload);
}

}  // namespace reeve::testing
