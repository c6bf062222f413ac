#include "agent/record_keys.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>

#include "agent/agent_limits.h"
#include "common/paths.h"
#include "tests/agent/agent_world.h"
#include "tests/agent/worn_disk.h"

using namespace reeve;
using namespace reeve::testing;
namespace fixture = trust_fixture;

namespace {

Epoch epoch_of(std::uint8_t byte) {
  Epoch epoch;
  epoch.data.fill(byte);
  return epoch;
}

void provide_first_key(Disk& disk) {
  const SigningKey key = fixture::key(fixture::record_key);
  REQUIRE(disk.make_directory(paths::identity_directory).ok());
  REQUIRE(disk.sync_directory("").ok());
  REQUIRE(replace_file(disk, paths::record_key,
                       encode_key_file(KeyKind::ed25519, key.public_key(), key.seed()))
              .ok());
}

std::unique_ptr<RecordKeys> load(Disk& disk) {
  auto keys = RecordKeys::load(disk, fixture::certificate());
  REQUIRE(keys.ok());
  return std::move(*keys);
}

void rotate(RecordKeys& keys, std::uint8_t epoch) {
  keys.begin({keys.epoch().value_or(Epoch{}), {}}, epoch_of(epoch), 1);
  REQUIRE(keys.finish().ok());
}

KeyChain first_chain() {
  const auto certificate = fixture::certificate();
  return KeyChain(certificate.node, {certificate.record_key, 0, std::nullopt});
}

std::vector<std::string> key_files(const Disk& disk) {
  std::vector<std::string> out = *disk.list(paths::identity_directory);
  std::erase(out, std::string("successions"));
  return out;
}

// Whether any file under identity/ holds these bytes.
bool holds(const Disk& disk, ByteView secret) {
  const auto names = disk.list(paths::identity_directory);
  REQUIRE(names.ok());
  for (const std::string& name : *names) {
    const auto bytes = *disk.read(std::string(paths::identity_directory) + "/" + name, 1u << 20);
    if (bytes &&
        std::search(bytes->begin(), bytes->end(), secret.begin(), secret.end()) != bytes->end())
      return true;
  }
  return false;
}

}  // namespace

TEST_CASE("each rotation leaves one key on the disk, certified by the chain from the first") {
  CrashDisk disk;
  provide_first_key(disk);
  auto keys = load(disk);
  FakeCourier courier;
  for (std::uint8_t i = 1; i <= 5; ++i) {
    const Bytes secret(keys->key().seed().bytes().data.begin(),
                       keys->key().seed().bytes().data.end());
    rotate(*keys, i);
    CHECK(key_files(disk).size() == 1);
    CHECK(!holds(disk, secret));
  }
  CHECK(keys->number() == 5);
  REQUIRE(keys->send(courier, 0));
  KeyChain chain = first_chain();
  for (const Bytes& statement : courier.payloads(MessageType::succession))
    CHECK(chain.add(statement).ok());
  CHECK(chain.find(keys->key().hash()) != nullptr);
  CHECK(!chain.is_forked());
}

TEST_CASE("no statement is sent and no key is used before it is durable") {
  CrashDisk disk;
  provide_first_key(disk);
  auto keys = load(disk);
  FakeCourier courier;
  const KeyHash first = keys->key().hash();
  keys->begin({}, epoch_of(1), 1);
  disk.fail(CrashDisk::Call::sync, 1, EIO);
  CHECK(!keys->finish().ok());
  CHECK(keys->key().hash() == first);
  CHECK(keys->send(courier, 0));
  CHECK(courier.sent.empty());
  CHECK(disk.faults_fired() == 1);
  // The same key and statement, tried again.
  CHECK(keys->finish().ok());
  CHECK(keys->number() == 1);
  CHECK(keys->send(courier, 0));
  CHECK(courier.sent.size() == 1);
}

TEST_CASE("a power cut at any step of a rotation leaves a node that goes on, and never a fork") {
  std::uint64_t cuts = 0;
  std::uint64_t went_on_old = 0;
  std::uint64_t went_on_new = 0;
  for (std::uint64_t steps = 0; steps < 40; ++steps) {
    for (std::uint64_t seed = 1; seed <= 6; ++seed) {
      CrashDisk disk;
      provide_first_key(disk);
      auto keys = load(disk);
      rotate(*keys, 1);
      FakeCourier courier;
      keys->begin({epoch_of(1), {}}, epoch_of(2), 2);
      disk.cut_power_after(steps);
      const bool finished = keys->finish().ok();
      static_cast<void>(keys->send(courier, 0));
      if (disk.power_is_cut()) ++cuts;
      auto left = disk.crash(seed * 41 + steps);
      auto again = load(*left);
      CHECK(again->number() >= (finished ? 2u : 1u));
      ++(again->number() == 1 ? went_on_old : went_on_new);
      rotate(*again, 3);
      REQUIRE(again->send(courier, 0));
      KeyChain chain = first_chain();
      for (const Bytes& statement : courier.payloads(MessageType::succession))
        CHECK(chain.add(statement).ok());
      CHECK(!chain.is_forked());
      CHECK(chain.find(again->key().hash()) != nullptr);
      CHECK(key_files(*left).size() == 1);
    }
  }
  CHECK(cuts > 20);
  CHECK(went_on_old > 0);
  CHECK(went_on_new > 0);
}

TEST_CASE("statements are sent until they are acknowledged, over restarts too") {
  CrashDisk disk;
  provide_first_key(disk);
  auto keys = load(disk);
  rotate(*keys, 1);
  rotate(*keys, 2);
  FakeCourier courier;
  REQUIRE(keys->send(courier, 0));
  CHECK(courier.payloads(MessageType::succession).size() == 2);
  REQUIRE(keys->send(courier, 1));
  CHECK(courier.payloads(MessageType::succession).size() == 2);
  REQUIRE(keys->send(courier, limits::ack_timeout_ns));
  CHECK(courier.payloads(MessageType::succession).size() == 4);
  for (std::size_t i = 0; i < 2; ++i) {
    Acknowledgement answer;
    answer.node = fixture::certificate().node;
    answer.last = i + 1;
    answer.header = sha256(courier.payloads(MessageType::succession)[i]);
    CHECK(keys->acknowledge(answer));
    answer.last = 9;
    CHECK(!keys->acknowledge(answer));
  }
  CHECK(!keys->next_due());
  rotate(*keys, 3);
  auto again = load(disk);
  rotate(*again, 4);
  FakeCourier next;
  REQUIRE(again->send(next, 0));
  CHECK(next.payloads(MessageType::succession).size() == 2);
}

// A node whose controller has heard of none of so many keys.
void provide_keys(Disk& disk, std::size_t count) {
  provide_first_key(disk);
  const SigningKey key = fixture::key(fixture::record_key);
  Bytes statements;
  Bytes newest;
  for (std::size_t number = 1; number <= count; ++number) {
    KeySuccession link;
    link.node = fixture::certificate().node;
    link.number = number;
    link.key = key.public_key();
    link.epoch = epoch_of(1);
    newest = seal_succession(link, key);
    if (number < count) append(statements, newest);
  }
  REQUIRE(replace_file(disk, paths::successions, statements).ok());
  Bytes file = encode_key_file(KeyKind::ed25519, key.public_key(), key.seed());
  append_u64(file, 0);
  append(file, newest);
  REQUIRE(replace_file(
              disk,
              fmt::format("{}{:08}{}", paths::record_key_prefix, count, paths::record_key_suffix),
              file)
              .ok());
}

TEST_CASE("a backlog of keys ends when the controller is heard again") {
  CrashDisk disk;
  provide_keys(disk, limits::successions_unacknowledged_max + limits::successions_kept + 1);
  auto keys = load(disk);
  keys->begin({*keys->epoch(), {}}, epoch_of(2), 1);
  REQUIRE_FALSE(keys->finish().ok());
  FakeCourier courier;
  std::size_t acknowledged = 0;
  for (int round = 0; round < 2; ++round) {
    REQUIRE(keys->send(courier, 0));
    const auto sent = courier.payloads(MessageType::succession);
    for (; acknowledged < sent.size(); ++acknowledged) {
      Acknowledgement answer;
      answer.node = fixture::certificate().node;
      answer.last = acknowledged + 1;
      answer.header = sha256(sent[acknowledged]);
      CHECK(keys->acknowledge(answer));
    }
  }
  REQUIRE(acknowledged > limits::successions_kept);
  CHECK(keys->finish().ok());
  CHECK(keys->is_settled());
}

TEST_CASE("statements that a disk does not give back at a start are not written over") {
  CrashDisk whole;
  WornDisk disk(whole);
  provide_keys(disk, 5);
  disk.spoil(std::string(paths::successions), 0, 1);
  auto keys = load(disk);
  keys->begin({*keys->epoch(), {}}, epoch_of(2), 1);
  CHECK_FALSE(keys->finish().ok());
  disk.heal();
  REQUIRE(keys->finish().ok());
  FakeCourier courier;
  REQUIRE(keys->send(courier, 0));
  CHECK(courier.payloads(MessageType::succession).size() == 6);
}

TEST_CASE("no key is wiped before the name of the one that follows it is durable") {
  std::uint64_t cuts = 0;
  for (std::uint64_t steps = 0; steps < 40; ++steps) {
    for (std::uint64_t second = 0; second < 4; ++second) {
      CrashDisk disk;
      provide_first_key(disk);
      auto keys = load(disk);
      keys->begin({}, epoch_of(1), 1);
      disk.cut_power_after(steps);  // the process dies here,
      static_cast<void>(keys->finish());
      disk.restore_power();
      disk.cut_power_after(second);  // and its successor's host here
      const auto again = RecordKeys::load(disk, fixture::certificate());
      if (disk.power_is_cut()) ++cuts;
      for (std::uint64_t seed = 1; seed <= 4; ++seed)
        CHECK(RecordKeys::load(*disk.crash(seed + steps * 8), fixture::certificate()).ok());
    }
  }
  CHECK(cuts > 10);
}

TEST_CASE("a controller that lost the newest keys is sent them again") {
  CrashDisk disk;
  provide_first_key(disk);
  auto keys = load(disk);
  for (std::uint8_t i = 1; i <= 3; ++i) rotate(*keys, i);
  FakeCourier courier;
  REQUIRE(keys->send(courier, 0));
  const auto statements = courier.payloads(MessageType::succession);
  for (std::size_t i = 0; i < statements.size(); ++i) {
    Acknowledgement answer;
    answer.node = fixture::certificate().node;
    answer.last = i + 1;
    answer.header = sha256(statements[i]);
    REQUIRE(keys->acknowledge(answer));
  }
  CHECK(!keys->hear_newest(statements[0]));
  REQUIRE(keys->send(courier, 1));
  auto sent = courier.payloads(MessageType::succession);
  CHECK(std::vector(sent.begin() + 3, sent.end()) ==
        std::vector(statements.begin() + 1, statements.end()));
  CHECK(!keys->hear_newest({}));
  REQUIRE(keys->send(courier, 2));
  CHECK(courier.payloads(MessageType::succession).size() == 8);
}

TEST_CASE(
    "another successor of an own key, signed by that key, is a fork; anything else is nothing") {
  CrashDisk disk;
  provide_first_key(disk);
  auto keys = load(disk);
  rotate(*keys, 1);
  KeySuccession other;
  other.node = fixture::certificate().node;
  other.number = 1;
  other.epoch = epoch_of(9);
  other.key = fixture::key(0x70).public_key();
  CHECK(!keys->hear_newest(seal_succession(other, fixture::key(0x71))));
  CHECK(!keys->hear_newest(Bytes{1, 2, 3}));
  const auto fork = keys->hear_newest(seal_succession(other, fixture::key(fixture::record_key)));
  REQUIRE(fork.has_value());
  CHECK(fork->ours.number == 1);
  CHECK(fork->other.key == other.key);
}

TEST_CASE(
    "a first key that is not the certificate's, a missing and a damaged key are refused by name") {
  CrashDisk empty;
  REQUIRE(empty.make_directory(paths::identity_directory).ok());
  CHECK(RecordKeys::load(empty, fixture::certificate()).error().name == "state_incomplete");
  CrashDisk other;
  provide_first_key(other);
  auto certificate = fixture::certificate();
  certificate.record_key = fixture::key(0x70).public_key();
  CHECK(RecordKeys::load(other, certificate).error().name == "key_mismatch");
  CrashDisk damaged;
  provide_first_key(damaged);
  rotate(*load(damaged), 1);
  const std::string name = "identity/" + key_files(damaged).front();
  Bytes bytes = **damaged.read(name, 4'096);
  bytes.back() ^= 1;  // within the statement's payload
  bytes.resize(bytes.size() - 1);
  REQUIRE(replace_file(damaged, name, bytes).ok());
  CHECK(RecordKeys::load(damaged, fixture::certificate()).error().name == "malformed_key");
}

TEST_CASE("an agent begins every epoch under a new key that says what the one before has signed") {
  AgentWorld world;
  world.start();
  world.link_up();
  world.start();
  world.link_up();
  const KeyChain keys = world.key_chain();
  CHECK(keys.size() == 3);
  std::set<std::pair<KeyHash, Epoch>> used;
  for (const Bytes& bytes : world.courier.payloads(MessageType::batch)) {
    const auto batch = read_own_batch(bytes);
    REQUIRE(batch.ok());
    const RecordKey* key = keys.find(batch->header.key);
    REQUIRE(key != nullptr);
    CHECK(key->epoch == batch->header.epoch);
    CHECK(check_use(*key, keys.successors(batch->header.key), batch->header).ok());
    used.emplace(batch->header.key, batch->header.epoch);
  }
  CHECK(used.size() == 2);
}

TEST_CASE("a key signs for a day, then another goes on in the same epoch") {
  AgentWorld world;
  world.start();
  world.link_up();
  CHECK(world.key_chain().size() == 2);
  world.advance(limits::key_lifetime_ns);
  world.hear(MessageType::manifest, Bytes{1, 2, 3});  // refused, on record
  world.advance(limits::heartbeat_interval_ns);
  const KeyChain keys = world.key_chain();
  CHECK(keys.size() == 3);
  CHECK(world.last_heartbeat().has_value());  // verified by the newest key
  std::set<KeyHash> used;
  for (const Bytes& bytes : world.courier.payloads(MessageType::batch)) {
    const auto batch = read_own_batch(bytes);
    used.insert(batch->header.key);
    CHECK(
        check_use(*keys.find(batch->header.key), keys.successors(batch->header.key), batch->header)
            .ok());
  }
  CHECK(used.size() == 2);
}

TEST_CASE(
    "a disk that refuses the new key holds back records, not enforcement, and nothing is lost") {
  AgentWorld world;
  world.host.add_file("/etc/secret", 0600);
  world.start();
  world.push(1, {file_rule("secret-mode", "/etc/secret")});
  world.agent.reset();
  world.own_disk.fail(CrashDisk::Call::rename, 1, ENOSPC, 3);
  world.start();
  world.host.add_file("/etc/secret", 0666);
  world.wake(0, "/etc/secret");
  world.settle();
  CHECK(world.own_disk.faults_fired() > 0);
  CHECK(world.host.at("/etc/secret").mode == 0600);
  for (int i = 0; i < 5; ++i) world.advance(limits::journal_retry_max_ns);
  CHECK(world.records("receipt").size() == 1);
}

TEST_CASE("an agent that is shown a fork of its keys records it once and says so") {
  AgentWorld world;
  world.start();
  world.link_up();
  KeySuccession other;
  other.node = fixture::certificate().node;
  other.number = 1;
  other.key = fixture::key(0x70).public_key();
  const Bytes object = seal_succession(other, fixture::key(fixture::record_key));
  world.hear(MessageType::newest_succession, object);
  world.hear(MessageType::newest_succession, object);
  CHECK(world.records("key_fork").size() == 1);
}
