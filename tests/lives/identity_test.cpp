// A record is (node, epoch, stream, sequence): what is sent twice is kept once, and one node that
// lives twice is found out, with all that both lives have said.
#include "agent/agent_limits.h"
#include "tests/agent/worn_disk.h"
#include "tests/lives/pair.h"

using namespace reeve;
using namespace reeve::testing;

namespace {

using Flags = std::vector<std::string>;

// Everything that this agent has made durable is in the ledger, and once.
void check_complete(Pair& pair, AgentWorld& of) {
  const auto records = pair.ledger_records();
  for (const Stream stream : {Stream::urgent, Stream::routine}) {
    const auto found = records.find({of.agent->recorder().epoch(), stream});
    REQUIRE(found != records.end());
    CHECK(found->second == of.agent->recorder().durable_records(stream));
  }
}

}  // namespace

TEST_CASE("what is sent again because its answer was lost is kept once") {
  Pair pair;
  pair.agent.start();
  pair.give_policy(pair.agent);
  pair.connect(pair.agent);
  for (int i = 0; i < 20; ++i) {
    Pair::break_file(pair.agent, i % 2 == 0 ? secret : motd);
    pair.lose_answers(i % 3);
    pair.carry();
  }
  pair.lose_answers(0);
  for (int i = 0; i < 4; ++i) {
    pair.agent.advance(limits::ack_timeout_ns_max);
    pair.carry();
  }
  CHECK(pair.world.counted("repeat") > 5);
  CHECK(pair.flags().empty());
  check_complete(pair, pair.agent);
}

TEST_CASE("a restart, clean or not, is neither a fork nor a repeat of anything") {
  Pair pair;
  for (int life = 0; life < 4; ++life) {
    pair.agent.start();
    if (life == 0) pair.give_policy(pair.agent);
    pair.connect(pair.agent);
    Pair::break_file(pair.agent, secret);
    if (life % 2 == 0) pair.carry();
    if (life == 1) pair.agent.stop();
  }
  pair.carry();
  CHECK(pair.flags().empty());
  check_complete(pair, pair.agent);
}

TEST_CASE("a disk that was put back from a copy shows as a fork at its first words") {
  Pair pair;
  pair.agent.start();
  pair.give_policy(pair.agent);
  pair.connect(pair.agent);
  Pair::break_file(pair.agent, secret);
  pair.carry();
  const auto copy = pair.agent.own_disk.crash(1);
  // The original goes on, without a restart.
  Pair::break_file(pair.agent, secret);
  pair.carry();
  CHECK(pair.flags().empty());
  const auto restored = pair.twin(*copy);
  restored->start();
  pair.connect(*restored);
  Pair::break_file(*restored, secret);
  pair.carry();
  // No key has two successors yet: the original has not started again since the copy was made.
  CHECK(pair.flags() == Flags{"fork"});
  check_complete(pair, pair.agent);
  check_complete(pair, *restored);
}

TEST_CASE(
    "a node that is installed anew under its old key is a fork of its first life and of its key") {
  Pair pair;
  pair.agent.start();
  pair.connect(pair.agent);
  pair.carry();
  CrashDisk fresh;
  const auto again = pair.twin(fresh);
  again->start();
  pair.connect(*again);
  pair.carry();
  // Both lives began with an epoch that follows none, and with a successor of the same first key.
  CHECK(pair.flags() == Flags{"fork", "key_fork"});
  check_complete(pair, pair.agent);
  check_complete(pair, *again);
}

TEST_CASE("a memory image that is resumed twice is equivocation, and both stories are kept") {
  World world;
  TestNode node("web-1");
  world.enroll(node);
  REQUIRE(world.deliver(node, node.next_batch(Stream::urgent)).size() == 1);
  TestNode twin = node.clone();  // epoch, sequence and chain as they stand in memory
  REQUIRE(world.deliver(node, node.next_batch(Stream::urgent)).size() == 1);
  REQUIRE(world.deliver(node, node.next_batch(Stream::urgent)).size() == 1);
  const std::uint64_t before = world.controller->tree_size();
  for (int i = 0; i < 2; ++i)
    REQUIRE(world.deliver(twin, twin.next_batch(Stream::urgent)).size() == 1);
  CHECK(world.controller->tree_size() == before + 2);
  CHECK(world.counted("equivocation") == 2);
  const auto names = world.controller->registry().find(node.id)->flag_names();
  REQUIRE(names.size() == 1);
  CHECK(std::string(names[0]) == "equivocation");
}

TEST_CASE("the controller goes on behind what a full journal has dropped") {
  Pair pair;
  pair.agent.journal_bytes_max = 60'000;
  pair.agent.start();
  pair.give_policy(pair.agent);
  for (int i = 0; i < 60; ++i) Pair::break_file(pair.agent, motd);
  for (int i = 0; i < 60; ++i) Pair::break_file(pair.agent, secret);
  pair.connect(pair.agent);
  pair.carry();
  pair.agent.advance(limits::ack_timeout_ns);
  pair.carry();
  CHECK(pair.world.counted("appended_behind_gap") == 1);
  CHECK(pair.flags().empty());
  const auto records = pair.ledger_records();
  const Epoch epoch = pair.agent.agent->recorder().epoch();
  CHECK(records.at({epoch, Stream::urgent}) ==
        pair.agent.agent->recorder().durable_records(Stream::urgent));
  std::uint64_t gaps = 0;
  for (const Record& gap : pair.agent.records("gap"))
    if (gap.body.find("epoch") != nullptr) gaps += *gap.body.find("count")->natural();
  CHECK(gaps > 0);
  CHECK(records.at({epoch, Stream::routine}) + gaps ==
        pair.agent.agent->recorder().durable_records(Stream::routine));
  // What comes later follows as ever.
  Pair::break_file(pair.agent, secret);
  pair.carry();
  CHECK(pair.world.counted("hole") == 0);
}

TEST_CASE("the controller goes on behind what a worn disk has lost, in the urgent stream too") {
  Pair pair;
  CrashDisk under;
  WornDisk disk(under);
  const auto agent = pair.twin(disk);
  agent->segment_bytes_max = 20'000;
  agent->start();
  pair.give_policy(*agent);
  for (int i = 0; i < 40; ++i) Pair::break_file(*agent, secret);
  disk.spoil(segment_name(Stream::urgent, 1), 0, 4'096);  // its header, and so all of it
  pair.connect(*agent);
  for (int i = 0; i < 4 * limits::read_refusals_max; ++i) {
    pair.carry();
    agent->advance(limits::ack_timeout_ns);
  }
  pair.carry();
  CHECK(disk.reads_refused() > 0);
  CHECK(pair.world.counted("appended_behind_gap") == 1);
  CHECK(pair.flags().empty());
  const Epoch epoch = agent->agent->recorder().epoch();
  const auto kept = pair.ledger_records().at({epoch, Stream::urgent});
  CHECK(kept < agent->agent->recorder().durable_records(Stream::urgent));
  CHECK(kept > 20);
}

TEST_CASE("an epoch whose key the disk refused until the stop is taken from its first record on") {
  Pair pair;
  pair.agent.start();
  pair.agent.stop();
  // The new key is renamed into its place before anything is sealed: refused until the last try.
  pair.agent.own_disk.fail(CrashDisk::Call::rename, 1, EIO, 2);
  pair.agent.start();
  REQUIRE(pair.agent.agent->recorder().durable_records(Stream::urgent) == 0);
  const Epoch epoch = pair.agent.agent->recorder().epoch();
  pair.agent.stop();
  REQUIRE(pair.agent.own_disk.faults_fired() == 2);
  pair.agent.start();
  pair.connect(pair.agent);
  pair.carry();
  CHECK(pair.world.counted("no_epoch_start") == 0);
  CHECK(pair.ledger_records().contains({epoch, Stream::urgent}));
  check_complete(pair, pair.agent);
}
