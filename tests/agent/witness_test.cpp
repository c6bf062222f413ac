// What a node cosigns, how often, and that no kill, power cut or two-faced controller makes one key
// of it sign two histories.
#include "agent/witness.h"

#include <doctest/doctest.h>

#include <cerrno>
#include <map>
#include <set>

#include "agent/agent_limits.h"
#include "common/paths.h"
#include "tests/agent/agent_world.h"
#include "tests/golden.h"

using namespace reeve;
using namespace reeve::testing;

namespace {

namespace fixture = trust_fixture;

const NodeId ours = fixture::certificate().node;
const std::string origin = fixture::root().origin;

Bytes witness_set(std::uint64_t version, const std::vector<NodeId>& nodes,
                  std::uint8_t signer = fixture::operator_key) {
  WitnessSet set;
  set.fleet = fixture::root().fleet;
  set.version = version;
  set.issued_s = fixture::now_s;
  set.nodes = nodes;
  set.need = majority_of(nodes.size());
  return fixture::sealed(ObjectType::witness_set, encode_witness_set(set), {signer});
}

// What a cosignature that left the node says, once all of it is verified.
struct Seen {
  Checkpoint checkpoint;
  KeyHash key;
  std::int64_t time_s = 0;
};

// Absent where it is of another checkpoint.
std::optional<Seen> read(const Cosignature& sent, const Checkpoint& checkpoint,
                         const PublicKey& record_key) {
  const auto statement = verify_cosigner_key(sent.key, ours, record_key);
  REQUIRE(statement.ok());
  const NoteKey who{cosigner_name(origin, ours), statement->key};
  const auto at = cosigned_at({checkpoint_text(checkpoint), {line_of(sent, who)}}, who);
  if (!at.ok() || !*at) return std::nullopt;
  return Seen{checkpoint, key_hash(statement->key), **at};
}

Seen verified(const Cosignature& sent, const Checkpoint& checkpoint, const PublicKey& record_key) {
  const auto seen = read(sent, checkpoint, record_key);
  REQUIRE(seen);
  return *seen;
}

Acknowledgement shown(const TestLedger& ledger, std::uint64_t held) {
  Acknowledgement out;
  out.node = ours;
  out.tree_size = ledger.size();
  out.consistent_from = held;
  out.consistency = ledger.consistency(held);
  out.checkpoint = ledger.checkpoint();
  return out;
}

// The two parts of an agent that this is about, over a disk that may lose its power.
struct Small {
  explicit Small(CrashDisk& on, std::int64_t time_ns = 0)
      : disk(on), watch(on, origin), witness(on, ours, origin, watch), now_ns(time_ns) {
    witness.hear_set(witness_set(1, {ours}), fixture::root());
  }
  static void prepare(CrashDisk& disk) {
    for (const char* name : {"identity", "trust"}) REQUIRE(disk.make_directory(name).ok());
    REQUIRE(disk.sync_directory("").ok());
  }
  void show(const TestLedger& ledger) {
    const Acknowledgement answer = shown(ledger, watch.accepted().size);
    watch.hear(answer, fixture::root(), now_ns);
    if (watch.accepted().size == answer.tree_size) witness.ask(watch);
  }
  // What it cosigns of what it was asked for.
  std::vector<Cosignature> cosign() {
    now_ns += limits::cosign_retry_ns;
    static_cast<void>(witness.send(watch, record_key, courier, {now_ns, fixture::now_s}));
    std::vector<Cosignature> out;
    for (const Bytes& payload : courier.payloads(MessageType::cosignature))
      out.push_back(*decode_cosignature(payload));
    courier.sent.clear();
    return out;
  }

  CrashDisk& disk;
  LedgerWatch watch;
  Witness witness;
  FakeCourier courier;
  SigningKey record_key = fixture::key(fixture::record_key);
  std::int64_t now_ns;
};

struct World : AgentWorld {
  World() { ledger.grow(5); }
  void begin() {
    start();
    link_up();
    acknowledge_keys();
    courier.sent.clear();
  }
  void offer(const Bytes& set) { hear(MessageType::witnesses, set); }
  void show() {
    hear(MessageType::acknowledgement,
         encode_acknowledgement(shown(ledger, agent->ledger().accepted().size)));
  }
  std::vector<Cosignature> take() {
    std::vector<Cosignature> out;
    for (const Bytes& payload : courier.payloads(MessageType::cosignature))
      out.push_back(*decode_cosignature(payload));
    courier.sent.clear();
    return out;
  }
};

}  // namespace

TEST_CASE("a node in the witness set cosigns the checkpoint that it is shown and has accepted") {
  World world;
  world.start();
  world.link_up();
  world.acknowledge_keys();
  const KeyChain chain = world.key_chain();
  world.courier.sent.clear();
  world.offer(witness_set(1, {ours}));
  CHECK(world.take().empty());
  world.ledger.grow(3);
  world.show();
  const auto sent = world.take();
  REQUIRE(sent.size() == 1);
  CHECK(sent[0].size == world.ledger.size());
  const auto signer = signer_of(sent[0].key, ObjectType::cosigner_key);
  REQUIRE(signer.ok());
  const RecordKey* key = chain.find(*signer);
  REQUIRE(key != nullptr);
  const Seen seen = verified(sent[0], {origin, world.ledger.tree()}, key->key);
  CHECK(seen.time_s == world.clock.wall_ns() / 1'000'000'000);
  CHECK(world.agent->witness().cosigned() == world.ledger.tree());
}

TEST_CASE("nobody's word but an administering operator's makes a node cosign") {
  World world;
  world.begin();
  const auto cosigns = [&] {
    world.ledger.grow(1);
    world.advance(limits::cosign_interval_ns);
    world.show();
    return !world.take().empty();
  };
  CHECK_FALSE(cosigns());
  world.offer(witness_set(1, {ours}, fixture::viewer_key));
  world.offer(witness_set(1, {ours}, fixture::ledger_key));
  CHECK_FALSE(cosigns());
  world.offer(witness_set(3, {sha256(view_of("another"))}));
  CHECK_FALSE(cosigns());
  world.offer(witness_set(2, {ours}));  // older than the one that it holds
  CHECK_FALSE(cosigns());
  world.offer(witness_set(4, {ours}));
  CHECK(cosigns());
  world.offer(witness_set(5, {sha256(view_of("another"))}));
  CHECK_FALSE(cosigns());
}

TEST_CASE("an acknowledgement of something, and what is not accepted, asks for no cosignature") {
  World world;
  world.begin();
  world.offer(witness_set(1, {ours}));
  const Batch batch =
      seal_batch({}, {{Salt{}, bytes_of("record")}}, fixture::key(fixture::record_key));
  world.hear(MessageType::acknowledgement, encode_acknowledgement(world.answer_to(batch)));
  CHECK(world.take().empty());
  TestLedger other = world.ledger;
  other.rewrite(1, sha256(view_of("another leaf")));
  other.grow(1);
  world.hear(MessageType::acknowledgement,
             encode_acknowledgement(shown(other, world.agent->ledger().accepted().size)));
  CHECK(world.agent->ledger().trouble() == "ledger_rewritten");
  CHECK(world.take().empty());
}

TEST_CASE("however often it is asked, a witness signs once in its interval, and the newest") {
  World world;
  world.begin();
  world.offer(witness_set(1, {ours}));
  for (int i = 0; i < 50; ++i) {  // within the interval
    world.ledger.grow(1);
    world.show();
  }
  CHECK(world.take().size() == 1);
  world.advance(limits::cosign_interval_ns);
  const auto later = world.take();
  REQUIRE(later.size() == 1);
  CHECK(later[0].size == world.ledger.size());
}

TEST_CASE("a witness that nobody asks says nothing and writes nothing") {
  World world;
  world.begin();
  world.offer(witness_set(1, {ours}));
  world.ledger.grow(1);
  world.show();
  world.advance(limits::cosign_interval_ns);
  CHECK(world.take().size() == 1);
  CHECK_FALSE(world.agent->witness().next_due());
  for (int i = 0; i < 100; ++i) world.advance(60'000'000'000);
  CHECK(world.take().empty());
}

TEST_CASE("what a key has cosigned is written as its golden file and read back") {
  CrashDisk disk;
  Small::prepare(disk);
  TestLedger ledger;
  ledger.grow(4);
  const SigningKey key = fixture::key(10);
  Bytes file = encode_key_file(KeyKind::ed25519, key.public_key(), key.seed());
  append(file, seal_cosigner_key({ours, key.public_key(), fixture::now_s},
                                 fixture::key(fixture::record_key)));
  REQUIRE(replace_file(disk, paths::cosigner_key, file).ok());
  Bytes nothing = bytes_of("RVCS");
  append_u32(nothing, 1);
  append(nothing, key.hash().view());
  append_u16(nothing, 0);
  nothing.resize(nothing.size() + 8 + 32);
  append_u64(nothing, checksum(nothing, {}));
  REQUIRE(replace_file(disk, paths::cosigned, nothing).ok());
  Small first(disk);
  first.show(ledger);
  REQUIRE(first.cosign().size() == 1);
  check_golden("cosigned.bin", **disk.read(paths::cosigned, 4'096));
  CHECK(Small(disk).witness.cosigned() == ledger.tree());
}

TEST_CASE("nothing leaves that could not be written down first") {
  for (const auto call : {CrashDisk::Call::open, CrashDisk::Call::append, CrashDisk::Call::sync,
                          CrashDisk::Call::rename, CrashDisk::Call::sync_directory}) {
    for (const bool is_first : {true, false}) {  // with a key yet to be made, and later
      CAPTURE(static_cast<int>(call));
      CAPTURE(is_first);
      CrashDisk disk;
      Small::prepare(disk);
      Small small(disk);
      TestLedger ledger;
      ledger.grow(4);
      if (!is_first) {
        small.show(ledger);
        CHECK(small.cosign().size() == 1);
        ledger.grow(4);
      }
      small.show(ledger);
      disk.fail(call, 1, EIO, 100);
      CHECK(small.cosign().empty());
      CHECK(disk.faults_fired() > 0);
      disk.heal();
      const auto sent = small.cosign();
      REQUIRE(sent.size() == 1);
      CHECK(sent[0].size == ledger.size());
    }
  }
}

TEST_CASE("a full courier gets the same cosignature again") {
  CrashDisk disk;
  Small::prepare(disk);
  Small small(disk);
  TestLedger ledger;
  ledger.grow(4);
  small.show(ledger);
  small.courier.takes_messages = false;
  CHECK(small.cosign().empty());
  CHECK(small.witness.next_due());
  small.courier.takes_messages = true;
  CHECK(small.cosign().size() == 1);
  CHECK_FALSE(small.witness.next_due());
}

TEST_CASE("a key goes on over a restart, and another takes its place where its past is not known") {
  CrashDisk disk;
  Small::prepare(disk);
  TestLedger ledger;
  ledger.grow(4);
  const auto cosign_once = [&] {
    Small small(disk);
    small.show(ledger);
    const auto sent = small.cosign();
    REQUIRE(sent.size() == 1);
    return verified(sent[0], {origin, ledger.tree()}, small.record_key.public_key()).key;
  };
  const KeyHash first = cosign_once();
  ledger.grow(1);
  CHECK(cosign_once() == first);
  CHECK(cosign_once() == first);  // the same tree again
  SUBCASE("the memory is gone") { REQUIRE(disk.remove(paths::cosigned).ok()); }
  SUBCASE("the memory is damaged") {
    Bytes bytes = **disk.read(paths::cosigned, 4'096);
    bytes[60] ^= 1;
    REQUIRE(replace_file(disk, paths::cosigned, bytes).ok());
  }
  SUBCASE("the accepted checkpoint is gone") {
    REQUIRE(disk.remove(paths::accepted_checkpoint).ok());
  }
  SUBCASE("the accepted checkpoint is damaged") {
    REQUIRE(replace_file(disk, paths::accepted_checkpoint, bytes_of("noise")).ok());
  }
  SUBCASE("the key is damaged") {
    REQUIRE(replace_file(disk, paths::cosigner_key, bytes_of("noise")).ok());
  }
  CHECK(cosign_once() != first);
}

namespace {

// What all keys of a node have cosigned, over its lives.
struct Histories {
  std::map<KeyHash, std::map<std::uint64_t, Digest>> roots;
  std::map<KeyHash, std::set<char>> faces;

  void add(const Seen& seen, char face) {
    const auto& tree = seen.checkpoint.tree;
    const auto [known, is_new] = roots[seen.key].emplace(tree.size, tree.root);
    CHECK(known->second == tree.root);
    faces[seen.key].insert(face);
  }
};

}  // namespace

TEST_CASE("a power cut at any step never lets a two-faced controller have two cosignatures") {
  TestLedger common;
  common.grow(3);
  std::uint64_t cuts = 0;
  std::uint64_t signed_before = 0;
  std::uint64_t kept_key = 0;
  for (std::uint64_t steps = 0; steps < 45; ++steps) {
    for (std::uint64_t seed = 1; seed <= 8; ++seed) {
      CrashDisk disk;
      Small::prepare(disk);
      Histories seen;
      const auto live = [&](CrashDisk& on, std::vector<char> story, std::int64_t from_ns) {
        Small small(on, from_ns);
        std::map<char, TestLedger> faces{{'a', common}, {'b', common}};
        for (const char face : story) {
          // Growing: each face has more to show each time, and always of the same size.
          for (auto& [name, ledger] : faces) ledger.grow(2, std::string(1, name));
          small.show(faces[face]);
          for (const Cosignature& sent : small.cosign()) {
            std::size_t told = 0;
            for (const auto& [name, ledger] : faces) {
              const auto one =
                  read(sent, {origin, ledger.tree_at(sent.size)}, small.record_key.public_key());
              if (one) seen.add(*one, name);
              told += one ? 1 : 0;
            }
            CHECK(told == 1);
          }
        }
      };
      disk.cut_power_after(steps);
      live(disk, {'a', 'a', 'a'}, 0);
      cuts += disk.power_is_cut() ? 1 : 0;
      signed_before += seen.roots.empty() ? 0 : 1;
      const std::size_t keys = seen.roots.size();
      const auto left = disk.crash(seed * 37 + steps);
      live(*left, {'b', 'b', 'b', 'b'}, 0);
      live(*left, {'a', 'a', 'a', 'a', 'a'}, 0);
      kept_key += seen.roots.size() == keys ? 1 : 0;
      // Each history of one key is that of one face.
      for (const auto& [key, faces] : seen.faces) CHECK(faces.size() == 1);
    }
  }
  CHECK(cuts > 150);
  CHECK(signed_before > 50);
  CHECK(kept_key > 50);
}
