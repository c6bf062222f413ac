// What an agent makes of a ledger that was put back from a backup, once the root's holders have
// said from where it goes on: and of every such statement that they have not made.
#include "common/ledger_recovery.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "agent/agent_limits.h"
#include "common/paths.h"
#include "tests/agent/agent_world.h"

using namespace reeve;
using namespace reeve::testing;

namespace {

namespace fixture = trust_fixture;

const std::string secret = "/etc/secret";
const std::string motd = "/etc/motd";

Bytes signed_recovery(const LedgerRecovery& recovery,
                      std::vector<std::uint8_t> keys = {fixture::root_key}) {
  return fixture::sealed(ObjectType::ledger_recovery, encode_recovery(recovery), std::move(keys));
}

struct Recovering : AgentWorld {
  Recovering() : Recovering(own_disk) {}
  explicit Recovering(Disk& on) : AgentWorld(on) {
    host.add_file(secret, 0600);
    host.add_file(motd, 0600);
    ledger.grow(5);
  }
  void begin() {
    start();
    std::vector<Rule> rules{file_rule("urgent", secret),
                            file_rule("routine", motd, "0600", Severity::medium)};
    for (Rule& rule : rules)
      rule.breaker.fixes_first_minute = rule.breaker.fixes_per_hour =
          rule.breaker.agent_fixes_per_minute = 1'000'000;
    push(1, rules);
    link_up();
    acknowledge_keys();
    acknowledge_all();
  }
  void break_both() {
    for (const auto& [path, rule] : {std::pair{secret, WatchId{0}}, std::pair{motd, WatchId{1}}}) {
      host.add_file(path, 0666);
      wake(rule, path);
      settle();
      REQUIRE(host.at(path).mode == 0600);
    }
  }
  void make(int times) {
    for (int i = 0; i < times; ++i) {
      break_both();
      acknowledge_all();
    }
  }
  LedgerRecovery recovery_at(std::uint64_t size) const {
    LedgerRecovery out;
    out.fleet = fixture::root().fleet;
    out.old_origin = ledger.origin;
    const auto before = *recoveries_before(ledger.origin, fixture::root());
    out.new_origin = ledger_origin(fixture::root(), before + 1);
    out.trusted = ledger.tree_at(size);
    out.made_s = fixture::now_s;
    out.reason = "the controller's disk is gone";
    return out;
  }
  // What a controller does that has been put back to so many leaves, once that is signed.
  void set_back(const LedgerRecovery& recovery) {
    ledger.cut(recovery.trusted.size);
    ledger.origin = recovery.new_origin;
    ledger.grow(2, "what the controller adds");
  }
  using AgentWorld::hear;
  void hear(const LedgerRecovery& recovery, std::vector<std::uint8_t> keys = {fixture::root_key}) {
    AgentWorld::hear(MessageType::recovery, signed_recovery(recovery, std::move(keys)));
  }
  // Until nothing is on its way any more.
  void refill() {
    for (int i = 0; i < 200; ++i)
      if (acknowledge_all() == 0) return;
    FAIL("it sends without end");
  }
  TreeView accepted() const { return agent->ledger().accepted(); }
  std::string refusal() {
    const auto refused = records("policy_refused");
    return refused.empty() ? "" : *refused.back().body.find("error")->text();
  }
  // The leaves of every batch that was sent.
  std::vector<Bytes> headers() const {
    std::vector<Bytes> out;
    for (const Bytes& sent : courier.payloads(MessageType::batch))
      out.push_back(read_own_batch(sent)->header_object);
    return out;
  }
  bool has_all(const std::vector<Bytes>& headers) const {
    return std::ranges::all_of(headers, [&](const Bytes& header) { return ledger.has(header); });
  }
};

}  // namespace

TEST_CASE(
    "a recovery under the root's threshold lets go of what lies beyond it and sends it again") {
  Recovering world;
  world.begin();
  world.make(10);
  const std::uint64_t backup = world.ledger.size();
  const LedgerRecovery recovery = world.recovery_at(backup);
  world.make(40);
  const TreeView before = world.accepted();
  REQUIRE(before.size > backup + 40);
  const auto all = world.headers();
  world.set_back(recovery);
  CHECK_FALSE(world.has_all(all));
  world.hear(recovery);
  CHECK(world.accepted() == recovery.trusted);
  world.refill();
  CHECK(world.accepted() == world.ledger.tree());
  // Every batch that there was is a leaf again.
  CHECK(world.has_all(all));
  const auto records = world.records("ledger_recovered");
  REQUIRE(records.size() == 1);
  const Value& body = records[0].body;
  CHECK(body.find("size")->natural() == backup);
  CHECK(body.find("accepted_size")->natural() == before.size);
  CHECK(*body.find("old")->text() == recovery.old_origin);
  CHECK(*body.find("new")->text() == recovery.new_origin);
  CHECK(*body.find("reason")->text() == recovery.reason);
  CHECK(body.find("signers")->array()->size() == 1);
  CHECK(decode_note(*body.find("accepted")->text()).ok());
  CHECK(world.last_heartbeat()->ledger.recoveries == 1);
  CHECK(world.last_heartbeat()->ledger.error.empty());
  CHECK(world.records("gap").empty());
}

TEST_CASE("a recovery that the root's holders have not signed for this ledger changes nothing") {
  struct Refusal {
    std::string what;
    std::string name;
    std::vector<std::uint8_t> keys{fixture::root_key};
    std::function<void(LedgerRecovery&)> change = [](LedgerRecovery&) {};
  };
  const std::vector<Refusal> refusals{
      {"the ledger's key alone", "too_few_signatures", {fixture::ledger_key}},
      {"policy's key alone", "too_few_signatures", {fixture::policy_key}},
      {"an operator with every right", "too_few_signatures", {fixture::operator_key}},
      {"nobody", "too_few_signatures", {}},
      {"another fleet's",
       "wrong_fleet",
       {fixture::root_key},
       [](LedgerRecovery& r) { r.fleet.data[0] ^= 1; }},
      {"from another log",
       "wrong_ledger",
       {fixture::root_key},
       [](LedgerRecovery& r) { r.old_origin = "another.example"; }},
      {"from a later ledger",
       "recovery_gap",
       {fixture::root_key},
       [](LedgerRecovery& r) {
         r.old_origin = ledger_origin(fixture::root(), 1);
         r.new_origin = ledger_origin(fixture::root(), 2);
       }},
  };
  Recovering world;
  world.begin();
  world.make(10);
  const LedgerRecovery good = world.recovery_at(world.ledger.size());
  world.make(10);
  const TreeView before = world.accepted();
  for (const Refusal& refusal : refusals) {
    CAPTURE(refusal.what);
    LedgerRecovery changed = good;
    refusal.change(changed);
    world.courier.sent.clear();
    world.hear(changed, refusal.keys);
    CHECK(world.refusal() == refusal.name);
    const auto told = world.records("policy_refused").size();
    world.hear(changed, refusal.keys);  // again is no news
    CHECK(world.records("policy_refused").size() == told);
    CHECK(world.accepted() == before);
    CHECK(world.agent->ledger().origin() == fixture::root().origin);
    CHECK(world.courier.payloads(MessageType::batch).size() <= 2);  // of the refusal itself
    CHECK(world.records("ledger_recovered").empty());
    world.acknowledge_all();
  }
}

TEST_CASE("one signature too few is as good as none") {
  Recovering world;
  world.begin();
  Root next = fixture::root();
  next.version += 1;
  next.root = fixture::role({fixture::root_key, fixture::second_root_key}, 2);
  world.hear(MessageType::root, fixture::sealed(ObjectType::root, encode_root(next),
                                                {fixture::root_key, fixture::second_root_key}));
  world.make(5);
  const LedgerRecovery recovery = world.recovery_at(world.ledger.size() - 4);
  const TreeView before = world.accepted();
  for (const auto& keys : {std::vector<std::uint8_t>{fixture::root_key},
                           {fixture::second_root_key},
                           {fixture::root_key, fixture::ledger_key}}) {
    world.hear(recovery, keys);
    CHECK(world.refusal() == "too_few_signatures");
    CHECK(world.accepted() == before);
  }
  world.hear(recovery, {fixture::root_key, fixture::second_root_key});
  CHECK(world.accepted() == recovery.trusted);
}

TEST_CASE("a recovery counts once, and a later one from where the last one led") {
  Recovering world;
  world.begin();
  world.make(5);
  const LedgerRecovery first = world.recovery_at(world.ledger.size());
  world.make(5);
  world.set_back(first);
  world.hear(first);
  world.refill();
  world.make(5);
  const TreeView grown = world.accepted();
  REQUIRE(grown.size > first.trusted.size + 10);
  const auto batches = world.courier.payloads(MessageType::batch).size();
  world.hear(first);  // a replay
  CHECK(world.accepted() == grown);
  CHECK(world.courier.payloads(MessageType::batch).size() == batches);
  CHECK(world.records("ledger_recovered").size() == 1);
  CHECK(world.refusal().empty());
  world.stop();
  world.start();
  world.link_up();
  world.hear(first);
  CHECK(world.accepted() == grown);
  const LedgerRecovery second = world.recovery_at(grown.size - 3);
  CHECK(second.new_origin == ledger_origin(fixture::root(), 2));
  world.set_back(second);
  world.hear(second);
  CHECK(world.accepted() == second.trusted);
  world.refill();
  CHECK(world.accepted() == world.ledger.tree());
  CHECK(world.records("ledger_recovered").size() == 2);
}

TEST_CASE("a recovery beyond what was accepted gives no trust in what lies between") {
  Recovering world;
  world.begin();
  world.make(5);
  const TreeView before = world.accepted();
  TestLedger other = world.ledger;
  world.ledger.grow(20);
  const LedgerRecovery recovery = world.recovery_at(world.ledger.size());
  world.set_back(recovery);
  world.hear(recovery);
  CHECK(world.accepted() == before);
  CHECK(world.agent->ledger().origin() == recovery.new_origin);
  // The new ledger has to grow out of what was seen of the old one.
  other.rewrite(1, sha256(view_of("another leaf")));
  other.origin = recovery.new_origin;
  other.grow(40);
  std::swap(world.ledger, other);
  world.break_both();
  world.acknowledge_all();
  CHECK(world.accepted() == before);
  CHECK(world.agent->ledger().trouble() == "ledger_rewritten");
  std::swap(world.ledger, other);
  world.refill();
  world.make(1);
  CHECK(world.accepted() == world.ledger.tree());
}

TEST_CASE("a recovery that trusts another tree of the accepted size is refused") {
  Recovering world;
  world.begin();
  world.make(3);
  const TreeView before = world.accepted();
  LedgerRecovery recovery = world.recovery_at(before.size);
  recovery.trusted.root.data[7] ^= 1;
  world.hear(recovery);
  CHECK(world.refusal() == "recovery_contradicts");
  CHECK(world.accepted() == before);
  CHECK(world.agent->ledger().origin() == fixture::root().origin);
}

TEST_CASE("checkpoints of the old ledger count for nothing once it is recovered") {
  Recovering world;
  world.begin();
  world.make(5);
  const LedgerRecovery recovery = world.recovery_at(world.ledger.size());
  world.make(5);
  TestLedger old = world.ledger;
  world.set_back(recovery);
  world.hear(recovery);
  std::swap(world.ledger, old);
  world.acknowledge_all();
  CHECK(world.accepted() == recovery.trusted);
  CHECK(world.agent->ledger().trouble().empty());
}

TEST_CASE("an agent without a checkpoint begins with the ledger that it is shown") {
  Recovering world;
  world.ledger.origin = ledger_origin(fixture::root(), 3);
  world.begin();
  CHECK(world.accepted() == world.ledger.tree());
  CHECK(world.agent->ledger().origin() == world.ledger.origin);
  world.advance(limits::heartbeat_interval_ns);
  CHECK(world.last_heartbeat()->ledger.recoveries == 3);
}

TEST_CASE("what the journal has let go of before a recovery is told of as trimmed") {
  Recovering world;
  world.acknowledged_bytes_max = 0;
  world.segment_bytes_max = 2'000;
  world.begin();
  for (int i = 0; i < 30; ++i) {
    world.make(1);
    world.advance(limits::checkpoint_write_ns);
  }
  REQUIRE(!world.records("journal_trimmed").empty());
  const LedgerRecovery recovery = world.recovery_at(world.ledger.size() - 2);
  world.set_back(recovery);
  world.hear(recovery);
  world.settle();
  REQUIRE(!world.last_heartbeat()->gaps.empty());
  world.refill();
  const auto gaps = world.records("gap");
  REQUIRE(!gaps.empty());
  for (const Record& gap : gaps) CHECK(*gap.body.find("reason")->text() == "trimmed");
  CHECK(world.accepted() == world.ledger.tree());
}

TEST_CASE("whenever the power goes in a recovery, an agent that follows it sends all of it again") {
  constexpr std::size_t cuts = 60;
  std::size_t followed = 0;
  for (std::uint64_t seed = 0; seed < cuts; ++seed) {
    Recovering world;
    world.begin();
    world.make(6);
    const LedgerRecovery recovery = world.recovery_at(world.ledger.size());
    world.make(6);
    const auto all = world.headers();
    world.advance(limits::acknowledged_write_ns + limits::checkpoint_write_ns);
    world.set_back(recovery);
    world.own_disk.cut_power_after(seed);
    world.hear(recovery);
    const auto left = world.own_disk.crash(seed);
    Recovering after(*left);
    after.ledger = world.ledger;
    after.start();
    after.link_up();
    const bool follows = after.agent->ledger().origin() == recovery.new_origin;
    followed += follows ? 1 : 0;
    if (!follows) after.hear(recovery);
    after.acknowledge_keys();
    after.refill();
    CHECK(after.has_all(all));
  }
  CHECK(followed > 10);
  CHECK(followed < cuts - 5);
}
