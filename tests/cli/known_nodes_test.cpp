#include "controller/cli/known_nodes.h"

#include <doctest/doctest.h>

#include <array>

#include "common/limits.h"
#include "controller/cli/node_standing.h"
#include "tests/cli/small_fleet.h"
#include "tests/golden.h"

using namespace reeve;
using namespace reeve::cli;

namespace {

constexpr std::int64_t now_ns = SmallFleet::now_ns;

FixedBytes<16> epoch_of(std::uint8_t byte) {
  FixedBytes<16> epoch;
  epoch.data.fill(byte);
  return epoch;
}

// A node whose keys went on from that of its certificate.
struct MovedOn {
  SmallFleet fleet;
  SmallNode node = fleet.node("web1");
  std::vector<SigningKey> keys;
  std::vector<Bytes> links;
  std::uint64_t count = 0;

  RecordKey anchor() const { return {node.certificate.record_key, 0, std::nullopt}; }
  const SigningKey& newest() const { return keys.empty() ? node.key : keys.back(); }
  Bytes link_from(const SigningKey& old, std::uint64_t number, const SigningKey& next) const {
    KeySuccession link;
    link.node = node.certificate.node;
    link.number = number;
    link.epoch = epoch_of(static_cast<std::uint8_t>(number));
    link.ended = number == 1 ? Epoch{} : epoch_of(static_cast<std::uint8_t>(number - 1));
    link.key = next.public_key();
    return seal_succession(link, old);
  }
  void rotate() {
    SigningKey next = SigningKey::generate();
    links.push_back(link_from(newest(), keys.size() + 1, next));
    keys.push_back(std::move(next));
  }
  KeyChains chains() const {
    KeyChains out;
    const auto [place, fresh] =
        out.try_emplace(node.certificate.node, node.certificate.node, anchor());
    for (const Bytes& link : links) REQUIRE(place->second.add(link).ok());
    return out;
  }
  Value item(const SigningKey& key) {
    Heartbeat heartbeat = healthy_heartbeat(node);
    heartbeat.epoch = epoch_of(0xee);
    heartbeat.count = count++;
    return status_item(node, seal_heartbeat(heartbeat, key));
  }
  SeenNode judge(const Value& item, const KnownNodes& known, const KeyChains& chains) const {
    return judge_node(item, fleet.root, {known, chains});
  }
  SeenNode learned(KnownNodes& known) {
    const KeyChains all = chains();
    const SeenNode seen = judge(item(newest()), known, all);
    REQUIRE(seen.unproven == "");
    remember(known, seen, &all.begin()->second, 77);
    return seen;
  }
};

}  // namespace

TEST_CASE("what a machine knows of its nodes is written as its golden file and read back") {
  KnownNodes known;
  KnownNode first{"web1", 3, RecordKey{}, 41, true, epoch_of(1), 7, true};
  first.newest_key->key.data.fill(9);
  first.newest_key->number = 12;
  first.newest_key->epoch = epoch_of(2);
  NodeId id;
  id.data.fill(1);
  known.emplace(id, first);
  id.data.fill(2);
  known.emplace(id, KnownNode{"db1", 1, std::nullopt, 0, false, {}, 0, false});
  const Bytes bytes = encode_known_nodes(known);
  check_golden("known_nodes.bin", bytes);
  CHECK(*decode_known_nodes(bytes) == known);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    Bytes changed = bytes;
    changed[i] ^= 1;
    CHECK(decode_known_nodes(changed).error().name == "known_nodes_damaged");
    CHECK(!decode_known_nodes(ByteView(bytes).first(i)).ok());
  }
}

TEST_CASE(
    "a heartbeat is believed under the end of the chain, fetched or known, and under no other") {
  MovedOn world;
  world.rotate();
  world.rotate();
  const KnownNodes nothing;
  CHECK(world.judge(world.item(world.keys[1]), nothing, {}).unproven == "key_unknown");
  CHECK(world.judge(world.item(world.keys[1]), nothing, world.chains()).unproven == "");
  CHECK(world.judge(world.item(world.keys[0]), nothing, world.chains()).unproven == "key_retired");
  CHECK(world.judge(world.item(world.node.key), nothing, world.chains()).unproven == "key_retired");
  CHECK(world.judge(world.item(SigningKey::generate()), nothing, world.chains()).unproven ==
        "key_unknown");
  KnownNodes known;
  world.learned(known);
  CHECK(known.begin()->second.next_leaf == 77);
  CHECK(world.judge(world.item(world.keys[1]), known, {}).unproven == "");
  CHECK(world.judge(world.item(world.node.key), known, {}).unproven == "key_retired");
  CHECK(world.judge(world.item(world.keys[0]), known, {}).unproven == "key_unknown");
}

TEST_CASE("a fork is unproven under either branch, and stays so once this machine knows of it") {
  MovedOn world;
  world.rotate();
  const SigningKey thief = SigningKey::generate();
  KeyChains forked = world.chains();
  REQUIRE(forked.begin()->second.add(world.link_from(world.node.key, 1, thief)).ok());
  KnownNodes known;
  for (const SigningKey* key : std::array<const SigningKey*, 2>{&world.keys[0], &thief}) {
    const SeenNode seen = world.judge(world.item(*key), known, forked);
    CHECK(seen.unproven == "key_fork");
    CHECK(state_of(seen, now_ns) == NodeState::unproven);
    remember(known, seen, &forked.begin()->second, 5);
  }
  CHECK(known.begin()->second.is_forked);
  CHECK(world.judge(world.item(world.keys[0]), known, {}).unproven == "key_fork");
}

// One record of a batch that this key signed in the first epoch.
Value record_item(const NodeId& node, const SigningKey& key) {
  BatchHeader header;
  header.node = node;
  header.epoch = epoch_of(1);
  const Bytes record = encode_record("agent_stop", {5, now_ns}, std::nullopt, {});
  const Batch batch = seal_batch(header, {{random_bytes<16>(), record}}, key);
  return Value::Map{{"leaf", 7},
                    {"index", 0},
                    {"stored", now_ns},
                    {"header", batch.header_object},
                    {"record", record},
                    {"salt", batch.records[0].salt},
                    {"path", Value::Array{}}};
}

TEST_CASE(
    "a chain without the key that this machine knows proves nothing, whatever its end signs") {
  MovedOn world;
  for (int i = 0; i < 3; ++i) world.rotate();
  KnownNodes known;
  world.learned(known);
  const auto newest = known.begin()->second.newest_key;
  const NodeId id = world.node.certificate.node;
  const Certificates certificates = {{id, world.node.certificate}};
  // The thief has the key of the first rotation; the controller withholds what it signed.
  const SigningKey thief = SigningKey::generate();
  const auto judged = [&](const KeyChain& chain, const SigningKey& key) {
    const KeyChains chains = {{id, chain}};
    KnownNodes after = known;
    const SeenNode seen = world.judge(world.item(key), after, chains);
    remember(after, seen, &chain, 99);
    CHECK(after.begin()->second.newest_key == newest);
    CHECK(after.begin()->second.next_leaf == 77);
    CHECK(after.begin()->second.is_forked == (seen.unproven == "key_fork"));
    const auto record = judge_record(record_item(id, key), certificates, {known, chains});
    CHECK(!record->proven());
    if (record->unproven != "wrong_epoch") CHECK(record->unproven == seen.unproven);
    return seen.unproven;
  };
  KeyChain cut(id, world.anchor());
  REQUIRE(cut.add(world.links[0]).ok());
  CHECK(judged(cut, world.keys[0]) == "key_rollback");
  KeyChain theirs = cut;
  REQUIRE(theirs.add(world.link_from(world.keys[0], 2, thief)).ok());
  CHECK(judged(theirs, thief) == "key_rollback");
  const SigningKey next = SigningKey::generate();
  REQUIRE(theirs.add(world.link_from(thief, 3, next)).ok());
  CHECK(judged(theirs, next) == "key_fork");
  // Nor does what was judged without knowing take the known key's place.
  const SeenNode unaware = world.judge(world.item(next), {}, {{id, theirs}});
  REQUIRE(unaware.unproven == "");
  remember(known, unaware, &theirs, 99);
  CHECK(known.begin()->second.newest_key == newest);
  // Of a key that had successors a record is judged by them, so they are asked for first.
  CHECK(judge_record(record_item(id, world.node.key), certificates)->proven());
  CHECK(judge_record(record_item(id, world.node.key), certificates, {known, {}})->unproven ==
        "key_unknown");
  CHECK(judge_record(record_item(id, world.keys[0]), certificates, {known, world.chains()})
            ->unproven == "key_retired");
}

TEST_CASE("older heartbeats, older certificates and heartbeats that are gone are named") {
  MovedOn world;
  world.rotate();
  KnownNodes known;
  world.count = 5;
  world.learned(known);
  world.count = 4;
  CHECK(world.judge(world.item(world.newest()), known, {}).unproven == "heartbeat_rollback");
  CHECK(world.judge(status_item(world.node, {}), known, {}).unproven == "heartbeat_rollback");
  world.count = 5;
  CHECK(world.judge(world.item(world.newest()), known, {}).unproven == "");
  known.begin()->second.certificate_version = 2;
  CHECK(world.judge(world.item(world.newest()), known, {}).unproven == "certificate_rollback");
}

TEST_CASE("a node that this machine knows and that is not listed is unproven, not gone") {
  MovedOn world;
  KnownNodes known;
  const SeenNode seen = world.learned(known);
  CHECK(unlisted(known, {seen}).empty());
  const auto missing = unlisted(known, {});
  REQUIRE(missing.size() == 1);
  CHECK(missing[0].name() == "web1");
  CHECK(missing[0].unproven == "not_listed");
  CHECK(state_of(missing[0], now_ns) == NodeState::unproven);
  CHECK(unlisted({}, {seen}).empty());
}

TEST_CASE("a node that was ended stays so, whoever leaves the root and whatever is shown later") {
  MovedOn world;
  const Root& root = world.fleet.root;
  const NodeId& id = world.node.certificate.node;
  const KeyHash controller = SigningKey::generate().hash();
  OperatorRequest request;
  request.operation = "revoke";
  request.controller = controller;
  request.arguments = Value::Map{{"node", id}, {"why", "stolen"}};
  const Bytes ending = seal_object(ObjectType::operator_request, encode_operator_request(request),
                                   world.fleet.operator_key);
  KnownNodes known;
  world.learned(known);
  const auto look = [&](const Root& now, bool is_shown) {
    Value::Map item = *world.item(world.node.key).map();
    if (is_shown) item.emplace_back("ending", ending);
    std::vector nodes{world.judge(item, known, {})};
    judge_standing(nodes, {item}, {now, {root}, known, controller});
    remember(known, nodes[0], nullptr, 0);
    return nodes[0].ended ? nodes[0].ended->how : nodes[0].unproven;
  };
  Root later = root;
  later.operators.clear();
  CHECK(look(later, true) == "");  // an ending by nobody of this root, never seen before
  CHECK(look(root, false) == "");
  CHECK(look(root, true) == "revoked");
  CHECK(look(root, false) == "ending_withheld");
  CHECK(look(later, true) == "revoked");
  CHECK(look(later, false) == "ending_withheld");
}

TEST_CASE("only what is proven is remembered") {
  MovedOn world;
  KnownNodes known;
  SeenNode forged;
  CHECK(!remember(known, forged, nullptr, 0));
  CHECK(known.empty());
  const SeenNode seen = world.learned(known);
  CHECK(!remember(known, seen, nullptr, 0));  // nothing new
  SeenNode older = seen;
  older.certificate->version = 0;
  older.certificate->name = "other";
  CHECK(!remember(known, older, nullptr, 0));
  CHECK(known.begin()->second.name == "web1");
}

TEST_CASE("a wrong clock is told from silence, and an old heartbeat is never fresh") {
  const SmallFleet fleet;
  const SmallNode node = fleet.node("web1");
  const auto state_at = [&](std::int64_t age_ns, bool connected) {
    Heartbeat heartbeat = healthy_heartbeat(node);
    heartbeat.made.wall_ns = now_ns - age_ns;
    SeenNode seen = seen_node(fleet, node, heartbeat);
    seen.connected = connected;
    return state_of(seen, now_ns);
  };
  constexpr std::int64_t second = 1'000'000'000;
  constexpr std::int64_t ten_years = 315'360'000 * second;
  for (const bool connected : {false, true}) {
    CHECK(state_at(0, connected) == NodeState::compliant);
    CHECK(state_at(90 * second, connected) == NodeState::compliant);
    CHECK(state_at(91 * second, connected) == NodeState::silent);
    CHECK(state_at(-91 * second, connected) == NodeState::unproven);
    CHECK(state_at(-ten_years, connected) == NodeState::unproven);
    CHECK(state_at(now_ns - (std::int64_t{1} << 31) * second, connected) ==
          NodeState::unproven);  // 2038
  }
  CHECK(state_at(3'600 * second, false) == NodeState::silent);
  CHECK(state_at(3'600 * second, true) == NodeState::unproven);
  CHECK(state_at(now_ns, true) == NodeState::unproven);  // 1970
  CHECK(state_at(now_ns, false) == NodeState::silent);
}
