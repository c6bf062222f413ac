// Two owners of one setting, on the fake clock: a rival with chmod against a whole agent.
#include <doctest/doctest.h>

#include <algorithm>

#include "agent/agent_limits.h"
#include "tests/agent/agent_world.h"

using namespace reeve;
using namespace reeve::testing;

namespace {

constexpr const char* secret = "/etc/secret";
constexpr std::int64_t tick_ns = 50'000'000;
constexpr std::int64_t minute_ns = 60'000'000'000;

Cause rival() {
  Cause cause;
  cause.confidence = Confidence::certain;
  cause.pid = 4'242;
  cause.program = "/usr/bin/puppet";
  cause.uid = 0;
  cause.via = "fake";
  return cause;
}

struct Fight {
  explicit Fight(Severity severity) : rule(file_rule("secret-mode", secret, "0600", severity)) {
    world.host.add_file(secret, 0600);
    world.start();
    world.push(1, {rule});
  }
  std::size_t fixes() const {
    return static_cast<std::size_t>(std::ranges::count_if(
        world.host.acts(), [](const auto& act) { return act.starts_with("set_mode"); }));
  }
  void break_it(bool is_seen = true) {
    world.host.add_file(secret, 0666);
    if (!is_seen) return;
    world.sensor.next.wakes.push_back({0, secret, rival()});
    world.agent->sensor_ready(0);
  }
  // What the loop does in so long: whatever is due, and a look every tick of the test.
  void pass(std::int64_t ns) {
    for (const std::int64_t until = world.clock.monotonic_ns() + ns;
         world.clock.monotonic_ns() < until; world.clock.advance(tick_ns))
      world.agent->step();
  }
  // At 10 Hz; answers how long the file was wrong at the longest.
  std::int64_t fight(std::int64_t ns) {
    std::int64_t longest = 0, wrong_since = 0;
    for (std::int64_t at = 0; at < ns; at += 2 * tick_ns) {
      const std::int64_t now = world.clock.monotonic_ns();
      if (world.host.at(secret).mode == 0600) wrong_since = now;
      break_it();
      pass(tick_ns);
      longest = std::max(longest, world.clock.monotonic_ns() - wrong_since);
      pass(tick_ns);
    }
    return longest;
  }
  RuleState state() const { return world.agent->enforcer().policy().rules[0].state; }
  std::vector<Contention> contentions() {
    std::vector<Contention> out;
    for (const Record& record : world.records("contention"))
      out.push_back(*decode_contention(record));
    return out;
  }

  AgentWorld world;
  Rule rule;
};

}  // namespace

TEST_CASE("ten minutes against a rival at 10 Hz keep the figures and cost a handful of records") {
  Fight fight(Severity::medium);
  const std::size_t records = fight.world.records().size();
  const std::size_t looks = fight.world.host.looks();
  fight.fight(minute_ns);
  CHECK(fight.fixes() == 5);
  fight.fight(9 * minute_ns);
  CHECK(fight.fixes() == 20);
  // 6,000 acts of the rival: a look each, two more for each fix, and one for each sweep or recheck.
  CHECK(fight.world.host.looks() - looks < 6'200);
  CHECK(fight.state() == RuleState::contested);

  // Receipts of the fixes within the figure, the incident, the contention; state records.
  CHECK(fight.world.receipts().size() == 6);
  const auto told = fight.contentions();
  REQUIRE(told.size() == 1);
  CHECK(told[0].phase == Phase::open);
  CHECK(told[0].rule == "secret-mode");
  CHECK(told[0].object == secret);
  CHECK(told[0].fixes == 5);
  REQUIRE(told[0].rival);
  CHECK(told[0].rival->program == "/usr/bin/puppet");
  CHECK(told[0].until_ns - told[0].since_ns == minute_ns);
  CHECK(fight.world.records("contention")[0].severity == Severity::critical);
  CHECK(fight.world.receipts().back().outcome == outcome::contested);
  CHECK(fight.world.receipts().back().reason == "breaker");
  CHECK(fight.world.receipts().back().phase == Phase::open);
  CHECK(fight.world.records().size() - records <= 10);
}

TEST_CASE("a waiting object is put right when its time comes, without another event or a poll") {
  Fight fight(Severity::medium);
  fight.fight(10'000'000'000);
  REQUIRE(fight.world.host.at(secret).mode == 0666);
  fight.pass(40'000'000'000);
  const std::size_t looks = fight.world.host.looks();
  fight.pass(9'000'000'000);
  CHECK(fight.world.host.looks() == looks);
  CHECK(fight.world.host.at(secret).mode == 0666);
  fight.pass(2'000'000'000);
  CHECK(fight.world.host.at(secret).mode == 0600);
}

TEST_CASE(
    "a critical object is never wrong for longer than a second, and folds into one incident") {
  for (const Severity severity : {Severity::high, Severity::critical}) {
    Fight fight(severity);
    const std::size_t records = fight.world.records().size();
    CHECK(fight.fight(10 * minute_ns) <= 1'000'000'000);
    CHECK(fight.fixes() >= 595);
    CHECK(fight.fixes() <= 605);
    CHECK(fight.state() == RuleState::contested);
    CHECK(fight.contentions().size() == 1);
    CHECK(fight.world.records().size() - records <= 10);
    // One that breaks it and is silent is put right by the clock alone.
    fight.break_it();
    fight.pass(1'000'000'000 + tick_ns);
    CHECK(fight.world.host.at(secret).mode == 0600);
  }
}

TEST_CASE("a contention ends when the object has held for an hour, with how many fixes it took") {
  Fight fight(Severity::critical);
  fight.fight(10 * minute_ns);
  fight.pass(2'000'000'000);
  const std::size_t fixes = fight.fixes();
  fight.pass(58 * minute_ns);
  CHECK(fight.state() == RuleState::contested);
  CHECK(fight.contentions().size() == 1);
  fight.pass(2 * minute_ns);
  CHECK(fight.state() == RuleState::holds);
  const auto told = fight.contentions();
  REQUIRE(told.size() == 2);
  CHECK(told[1].phase == Phase::close);
  CHECK(told[1].incident == told[0].incident);
  CHECK(told[1].fixes == fixes);
  CHECK(told[1].since_ns == told[0].since_ns);
  const Receipt closed = fight.world.receipts().back();
  CHECK(closed.phase == Phase::close);
  CHECK(closed.outcome == outcome::fixed);
  CHECK(closed.reason.empty());
  CHECK(closed.incident == told[0].incident);
  CHECK(closed.fixed.mono_ns != 0);
  // And the next deviation is one like any other.
  fight.break_it();
  fight.pass(2 * tick_ns);
  CHECK(fight.world.receipts().back().phase == Phase::whole);
}

TEST_CASE("a contention goes on after a restart: no second record, and figures counted anew") {
  for (const Severity severity : {Severity::medium, Severity::critical}) {
    Fight fight(severity);
    fight.fight(minute_ns);
    const std::size_t fixes = fight.fixes();
    fight.world.start(9);
    CHECK(fight.state() == RuleState::contested);
    fight.fight(minute_ns);
    CHECK(fight.contentions().size() == 1);
    CHECK(fight.world.receipts().size() == 6);
    // A kill wins the rival nothing: what waited is enforced again.
    CHECK(fight.fixes() >= fixes + 5);
    fight.pass(62 * minute_ns);
    CHECK(fight.state() == RuleState::holds);
    const auto told = fight.contentions();
    REQUIRE(told.size() == 2);
    CHECK(told[1].phase == Phase::close);
    CHECK(told[1].incident == told[0].incident);
  }
}

TEST_CASE("a contention shows in status, heartbeat and state record") {
  Fight fight(Severity::medium);
  fight.world.link_up();
  fight.fight(3 * minute_ns);
  const Value status{fight.world.agent->status()};
  CHECK(status.find("states")->find("contested")->natural() == 1u);
  const Value& incident = status.find("open")->array()->at(0);
  CHECK(*incident.find("outcome")->text() == "contested");
  CHECK(*incident.find("reason")->text() == "breaker");
  CHECK(*incident.find("rival")->text() == "/usr/bin/puppet, user 0");
  const Record state = fight.world.records("state").back();
  CHECK(*state.body.find("bundles")->array()->at(0).find("rules")->binary() == Bytes{6});
  CHECK(fight.world.last_heartbeat()->rules[6] == 1);
}

TEST_CASE("a rule beyond its share waits with its incidents open, and goes on by the clock") {
  AgentWorld world;
  world.host.add_directory("/srv");
  world.host.add_file(secret, 0666);
  for (int i = 0; i < 400; ++i) world.host.add_file("/srv/" + std::to_string(i), 0666);
  Rule tree = file_rule("tree", "/srv", "0600", Severity::medium);
  tree.fields = Value::Map{{"tree", "/srv"}, {"mode", "0600"}};
  world.start();
  world.push(1, {tree, file_rule("other", secret, "0600", Severity::low)});
  const auto fixed = [&] {
    return std::ranges::count_if(world.host.acts(),
                                 [](const auto& act) { return act.starts_with("set_mode /srv"); });
  };
  CHECK(fixed() == 150);
  CHECK(world.host.at(secret).mode == 0600);
  const auto receipts = world.receipts();
  CHECK(std::ranges::count_if(receipts, [](const Receipt& receipt) {
          return receipt.outcome == outcome::held_back && receipt.reason == "budget" &&
                 receipt.phase == Phase::open;
        }) == 250);
  const std::size_t looks = world.host.looks();
  world.advance(30'000'000'000);
  CHECK(world.host.looks() == looks);
  world.advance(31'000'000'000);
  CHECK(fixed() == 300);
  world.advance(61'000'000'000);
  CHECK(fixed() == 400);
  CHECK(world.agent->enforcer().counts()[static_cast<std::size_t>(RuleState::holds)] == 2);
}

TEST_CASE("more contested objects than have a time of their own are all put right by the clock") {
  constexpr int files = static_cast<int>(limits::rechecks_max) + 200;
  AgentWorld world;
  world.host.add_directory("/srv");
  Rule tree = file_rule("tree", "/srv", "0600", Severity::critical);
  tree.fields = Value::Map{{"tree", "/srv"}, {"mode", "0600"}};
  world.start();
  world.push(1, {tree});
  const auto break_all = [&] {
    for (int i = 0; i < files; ++i) world.host.add_file("/srv/" + std::to_string(i), 0666);
    world.wake(0, std::nullopt);
    world.settle();
  };
  const auto wrong = [&] {
    int out = 0;
    for (int i = 0; i < files; ++i)
      out += world.host.at("/srv/" + std::to_string(i)).mode == 0600 ? 0 : 1;
    return out;
  };
  for (int i = 0; i < 5; ++i) {
    break_all();
    CHECK(wrong() == 0);
  }
  break_all();
  CHECK(wrong() == files);
  world.advance(1'000'000'000);
  CHECK(wrong() == 0);
}
