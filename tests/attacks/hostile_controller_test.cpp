// A controller in an attacker's hands: it has the ledger key, every online key, all that operators
// and nodes ever sent it, one signature of a push that the other keyholder refused, and time. What
// it sends is made from a seed. The host and what the agent believes stay as they were.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <random>
#include <set>

#include "agent/agent_limits.h"
#include "common/batch.h"
#include "common/paths.h"
#include "controller/cli/cli_limits.h"
#include "tests/attacks/besieged_agent.h"

namespace reeve::testing {
namespace {

namespace fixture = trust_fixture;

constexpr std::uint8_t ledger_key = fixture::ledger_key;
constexpr std::uint8_t own_key = 77;  // made by the attacker

// Everything that a controller holds, by what it is.
struct Loot {
  std::vector<Bytes> objects;  // signed by those who may
  std::vector<Bytes> payloads;
  std::vector<Bytes> bundles;
};

class HostileController {
 public:
  HostileController(Besieged& world, std::uint64_t seed) : world_(world), chance_(seed) {
    Root old = world.root();
    old.version -= 1;
    const auto older = world.honest(4, "older");
    const auto withheld = world.honest(5, "good");
    auto refused = world.honest(9, "refused");
    refused.object = Besieged::seal(refused.manifest, {2});
    loot_.objects = {
        world.identity.root_object,
        Besieged::seal(old),
        older.object,
        withheld.object,
        refused.object,
        fixture::sealed(ObjectType::node_certificate, encode_certificate(fixture::certificate()),
                        {fixture::operator_key})};
    for (const AgentWorld::Signed* policy :
         std::initializer_list<const AgentWorld::Signed*>{&older, &withheld, &refused})
      for (const auto& [digest, bundle] : policy->bundles) loot_.bundles.push_back(bundle);
    for (const Bytes& message : world.courier.sent) {
      const auto decoded = decode_message(message);
      loot_.payloads.emplace_back(decoded->payload.begin(), decoded->payload.end());
    }
  }

  void attack() {
    switch (pick(9)) {
      case 0:
        return say(any_type(), noise(pick(3'000)));
      case 1:
        return pick(2) == 0 ? say(any_type(), any_loot()) : replay();
      case 2:
        return say(any_type(), damaged(any_loot()));
      case 3:
        return say(MessageType::manifest, forged_manifest());
      case 4:
        return say(MessageType::root, forged_root());
      case 5:
        return say(MessageType::chunk, chunk());
      case 6:
        return say(MessageType::acknowledgement, encode_acknowledgement(acknowledgement()));
      case 7:
        return raw();
      default:
        return say(pick(2) == 0 ? MessageType::manifest : MessageType::root, grafted());
    }
  }

  const std::map<std::string, int>& said() const { return said_; }

 private:
  std::uint64_t pick(std::uint64_t below) { return chance_() % below; }
  template <class List>
  const auto& one_of(const List& list) {
    return list[pick(list.size())];
  }
  MessageType any_type() {
    constexpr std::array types{MessageType::acknowledgement, MessageType::root,
                               MessageType::manifest,        MessageType::chunk,
                               MessageType::heartbeat,       MessageType::batch,
                               MessageType::fetch,           MessageType::configure};
    return types[pick(types.size())];
  }
  Bytes noise(std::size_t count) {
    Bytes bytes(count);
    for (auto& byte : bytes) byte = static_cast<std::uint8_t>(chance_());
    return bytes;
  }
  Bytes any_loot() {
    switch (pick(3)) {
      case 0:
        return one_of(loot_.objects);
      case 1:
        return one_of(loot_.payloads);
      default:
        return one_of(loot_.bundles);
    }
  }
  Bytes damaged(Bytes bytes) {
    if (pick(2) == 0) bytes.resize(pick(bytes.size() + 1));
    for (int i = 0; i < 3 && !bytes.empty(); ++i)
      bytes[pick(bytes.size())] ^= static_cast<std::uint8_t>(1u << pick(8));
    return bytes;
  }
  // As what it is.
  void replay() {
    const Bytes& object = one_of(loot_.objects);
    const bool is_root = parse_signed_object(object, ObjectType::root).ok();
    say(is_root ? MessageType::root : MessageType::manifest, object);
  }
  Besieged::Keys forgers() {
    return pick(2) == 0 ? Besieged::Keys{ledger_key, own_key} : Besieged::Keys{ledger_key};
  }
  Bytes forged_manifest() {
    auto policy = world_.honest(6 + pick(100), "evil");
    policy.manifest.bundles[0].digest = sha256(one_of(loot_.bundles));
    policy.manifest.created_s += static_cast<std::int64_t>(pick(1'000'000));
    policy.manifest.expires_s = policy.manifest.created_s + 1'000;
    return Besieged::seal(policy.manifest, forgers());
  }
  Bytes forged_root() {
    Root next = world_.next_root();
    next.version += pick(3);
    next.root = fixture::role({own_key});
    next.policy = fixture::role({own_key});
    return Besieged::seal(next, pick(2) == 0 ? Besieged::Keys{own_key} : forgers());
  }
  // Signatures that were made for something else, and some of its own.
  Bytes grafted() {
    const auto type = pick(2) == 0 ? ObjectType::manifest : ObjectType::root;
    const Bytes payload = type == ObjectType::root
                              ? encode_root(world_.next_root())
                              : encode_manifest(world_.honest(6 + pick(9)).manifest);
    SignedObject object{type, {}, payload};
    for (const Bytes& signed_by_others : loot_.objects) {
      for (const auto of : {ObjectType::manifest, ObjectType::root, ObjectType::node_certificate}) {
        const auto opened = parse_signed_object(signed_by_others, of);
        if (!opened.ok() || pick(2) == 0) continue;
        for (const auto& signature : opened->signatures) object.signatures.push_back(signature);
      }
    }
    if (pick(2) == 0)
      object.signatures.push_back(sign_payload(type, payload, fixture::key(ledger_key)));
    return encode_signed_object(object);
  }
  Bytes chunk() {
    Chunk chunk;
    chunk.bytes = pick(2) == 0 ? one_of(loot_.bundles) : noise(1 + pick(500));
    chunk.digest = sha256(one_of(loot_.bundles));
    chunk.total = static_cast<std::uint32_t>(chunk.bytes.size());
    return encode_chunk(chunk);
  }
  Acknowledgement acknowledgement() {
    Acknowledgement answer;
    const auto batches = world_.courier.payloads(MessageType::batch);
    const auto batch = read_own_batch(one_of(batches));
    REQUIRE(batch.ok());
    answer.node = batch->header.node;
    answer.epoch = batch->header.epoch;
    answer.stream = pick(4) == 0 ? Stream::routine : batch->header.stream;
    answer.last = pick(3) == 0 ? chance_() : batch->header.first + batch->header.count - 1;
    answer.header = batch->header_digest();
    answer.leaf_index = chance_();
    answer.tree_size = chance_();
    answer.inclusion.assign(pick(66), answer.header);
    answer.consistency.assign(pick(66), answer.header);
    answer.consistent_from = chance_();
    answer.checkpoint = noise(pick(2'000));
    return answer;
  }
  void say(MessageType type, const Bytes& payload) {
    ++said_[std::to_string(static_cast<int>(type))];
    world_.hear(type, payload);
  }
  void raw() {
    world_.courier.incoming.push_back(noise(pick(100)));
    auto message = encode_message(any_type(), any_loot());
    message[pick(3)] ^= 1;  // another protocol or version
    world_.courier.incoming.push_back(std::move(message));
    world_.settle();
  }

  Besieged& world_;
  Loot loot_;
  std::mt19937_64 chance_;
  std::map<std::string, int> said_;
};

// Deviations go on being put right and recorded while the controller is hostile.
void check_enforcement(Besieged& world) {
  world.host.add_file(Besieged::watched, 0666);
  const auto receipts = world.receipts().size();
  world.wake(0, Besieged::watched);
  world.settle();
  CHECK(world.host.at(Besieged::watched).mode == 0600);
  CHECK(world.receipts().size() == receipts + 1);
}

TEST_CASE("500 attempts by a controller with every online key change no host") {
  Besieged world;
  HostileController controller(world, 20'261'125);
  Standing before = world.standing();
  std::set<std::string> refusals;
  for (int attempt = 0; attempt < 500; ++attempt) {
    CAPTURE(attempt);
    controller.attack();
    refusals.insert(world.agent->policy_store().last_refusal());
    REQUIRE(world.agent->policy_store().version() == Besieged::version_in_force);
    REQUIRE(world.agent->policy_store().root().version == before.root_version);
    REQUIRE(world.host.acts() == before.acts);
    REQUIRE_FALSE(world.agent->policy_store().is_waiting());
    if (attempt % 100 != 99) continue;
    world.check_unmoved(before);
    check_enforcement(world);
    world.advance(60'000'000'000);
    before = world.standing();
  }
  CHECK(controller.said().size() >= 8);  // of every type that there is
  // What was forged was told of, and what is true still passes.
  for (const std::string name : {"too_few_signatures", "bad_signature", "malformed", "wrong_type",
                                 "manifest_rollback", "root_rollback"}) {
    CAPTURE(name);
    CHECK(refusals.contains(name));
  }
  world.check_alive(6);
}

TEST_CASE("what a hostile controller acknowledges stays in the journal") {
  Besieged world;
  const Standing before = world.standing();
  REQUIRE(world.acknowledge_all() > 0);
  for (int i = 0; i < 20; ++i) {
    check_enforcement(world);
    world.acknowledge_all();
    world.advance(120'000'000'000);
  }
  const Standing after = world.standing();
  CHECK(after.journal.size() > before.journal.size());  // several segments, none removed
  for (const auto& [name, bytes] : before.journal) {
    const std::string& segment = name;  // Clang 14 takes no binding into a lambda
    CAPTURE(segment);
    REQUIRE(after.journal.contains(name));
    CHECK(after.journal.at(name).size() >= bytes.size());
  }
}

TEST_CASE("forged acknowledgements of others' batches keep nothing from being sent again") {
  Besieged world;
  const auto batches = world.courier.payloads(MessageType::batch);
  REQUIRE_FALSE(batches.empty());
  const auto batch = read_own_batch(batches.front());
  REQUIRE(batch.ok());
  const Acknowledgement honest = world.answer_to(*batch);
  const std::vector<std::function<void(Acknowledgement&)>> lies{
      [](auto& lie) { lie.node.data[0] ^= 1; },
      [](auto& lie) { lie.epoch.data[0] ^= 1; },
      [](auto& lie) { lie.last += 1; },
      [](auto& lie) { lie.header.data[0] ^= 1; },
      [](auto& lie) {
        lie.stream = lie.stream == Stream::urgent ? Stream::routine : Stream::urgent;
      },
  };
  const auto times_sent = [&] {
    const auto sent = world.courier.payloads(MessageType::batch);
    return std::ranges::count(sent, batches.front());
  };
  for (const auto& change : lies) {
    Acknowledgement lie = honest;
    change(lie);
    world.hear(MessageType::acknowledgement, encode_acknowledgement(lie));
    const auto before = times_sent();
    world.advance(limits::ack_timeout_ns_max + 1);  // each time later, at most by so much
    CHECK(times_sent() > before);
  }
  world.hear(MessageType::acknowledgement, encode_acknowledgement(honest));
  const auto before = times_sent();
  world.advance(2 * limits::ack_timeout_ns_max);
  CHECK(times_sent() == before);
}

TEST_CASE("answers that bring nothing do not make an agent ask without end") {
  Besieged world;
  const auto policy = world.honest(6);
  world.hear(MessageType::manifest, policy.object);
  const auto wanted = world.agent->policy_store().wanted();
  REQUIRE(wanted);
  const auto asked = [&] { return world.courier.payloads(MessageType::fetch).size(); };
  const auto before = asked();
  for (int i = 0; i < 100; ++i)
    world.hear(MessageType::chunk, encode_chunk(Chunk{wanted->digest, 0, 0, {}}));
  CHECK(asked() == before);
  world.advance(limits::ack_timeout_ns);
  CHECK(asked() == before + 1);
  world.serve_fetches(policy);
  CHECK(world.agent->policy_store().version() == 6);
}

TEST_CASE("a courier that flaps fills no log, and the last state is told") {
  Besieged world;
  world.advance(limits::link_note_ns);
  world.notes.lines.clear();
  for (int i = 0; i < 1'000; ++i) {
    const auto up = static_cast<std::uint8_t>(i % 2);
    world.courier.incoming.push_back(encode_message(MessageType::link_state, Bytes{up, 1}));
  }
  for (int i = 0; i < 10; ++i) world.settle();
  CHECK(world.notes.lines.size() <= 2);
  world.hear(MessageType::link_state, Bytes{0, 1});
  world.advance(limits::link_note_ns);
  CHECK(world.notes.lines.size() <= 3);
  CHECK(world.notes.lines.back() == "link down");
}

}  // namespace
}  // namespace reeve::testing
