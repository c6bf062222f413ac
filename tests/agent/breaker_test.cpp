#include "agent/breaker.h"

#include <doctest/doctest.h>

#include "agent/agent_limits.h"
#include "tests/fakes/fake_clock.h"

using namespace reeve;

namespace {

constexpr std::int64_t ms = 1'000'000;
constexpr std::int64_t second = 1'000 * ms;

Rule rule_named(std::string id, Severity severity = Severity::medium) {
  Rule rule;
  rule.id = std::move(id);
  rule.severity = severity;
  return rule;
}

Cause actor(std::string program, std::uint64_t pid = 1) {
  Cause cause;
  cause.confidence = Confidence::certain;
  cause.program = std::move(program);
  cause.pid = pid;
  return cause;
}

// Objects that deviate and are fixed, without anything else of an agent.
struct World {
  Receipt receipt_of(const Rule& rule, std::string object) const {
    Receipt receipt;
    receipt.policy.name = "base";
    receipt.rule = rule.id;
    receipt.severity = rule.severity;
    receipt.object = std::move(object);
    receipt.detected = {clock.monotonic_ns(), clock.wall_ns()};
    return receipt;
  }
  CircuitBreaker::Turn turn(const Rule& rule, const std::string& object, const Cause& who = {}) {
    return breaker.turn(rule, receipt_of(rule, object), who, clock.monotonic_ns());
  }
  void tried(const Rule& rule, const std::string& object, std::string_view what,
             const Cause& who = {}) {
    Receipt receipt = receipt_of(rule, object);
    receipt.outcome = what;
    breaker.tried(rule, receipt, who, clock.monotonic_ns());
  }
  // True where it was fixed; else it waits.
  bool fights(const Rule& rule, const std::string& object, const Cause& who = {},
              std::string_view what = outcome::fixed) {
    if (turn(rule, object, who).waits()) return false;
    tried(rule, object, what, who);
    return true;
  }
  // A rival that breaks it every 100 ms for so long.
  std::size_t fight(const Rule& rule, const std::string& object, std::int64_t ns) {
    std::size_t fixes = 0;
    for (std::int64_t at = 0; at < ns; at += 100 * ms, clock.advance(100 * ms))
      fixes += fights(rule, object) ? 1 : 0;
    return fixes;
  }
  bool is_contested(const Rule& rule, const std::string& object) const {
    return breaker.is_contested(receipt_of(rule, object));
  }

  FakeClock clock;
  CircuitBreaker breaker;
};

}  // namespace

TEST_CASE("five fixes in the first minute, twenty an hour, then longer and longer waits") {
  World world;
  const Rule rule = rule_named("rule");
  CHECK(world.fight(rule, "/a", 60 * second) == 5);
  CHECK(world.fight(rule, "/a", 3'540 * second) == 15);
  std::vector<std::int64_t> fixed_at;
  const std::int64_t began = world.clock.monotonic_ns();
  while (fixed_at.size() < 6) {
    if (world.fights(rule, "/a")) fixed_at.push_back((world.clock.monotonic_ns() - began) / second);
    world.clock.advance(10 * second);
  }
  CHECK(fixed_at == std::vector<std::int64_t>{0, 1'200, 3'600, 7'200, 10'800, 14'400});
}

TEST_CASE("the figures are the rule's own") {
  World world;
  Rule rule = rule_named("rule");
  rule.breaker.fixes_first_minute = 2;
  rule.breaker.fixes_per_hour = 3;
  CHECK(world.fight(rule, "/a", 60 * second) == 2);
  CHECK(world.fight(rule, "/a", 3'540 * second) == 1);
}

TEST_CASE("what comes back seldom is fixed at once for ever and contested by nobody") {
  World world;
  const Rule rule = rule_named("rule");
  for (int i = 0; i < 200; ++i) {
    CHECK(world.fights(rule, "/a"));
    world.clock.advance(200 * second);
  }
  CHECK(!world.is_contested(rule, "/a"));
}

TEST_CASE("high and critical objects are fixed at their ceiling for as long as the fight lasts") {
  for (const Severity severity : {Severity::high, Severity::critical}) {
    World world;
    Rule rule = rule_named("rule", severity);
    CHECK(world.fight(rule, "/a", second / 2) == 5);
    CHECK(world.fight(rule, "/a", 2 * 3'600 * second) == 2 * 3'600);
    rule.breaker.ceiling_per_second = 4;
    // 250 ms, seen every 100.
    CHECK(world.fight(rule, "/a", 60 * second) == 200);
  }
}

TEST_CASE(
    "an object of severity high or critical that is undone under our hands is tried each "
    "second, and a failing one every ten at least") {
  World world;
  const Rule rule = rule_named("rule", Severity::critical);
  for (int i = 0; i < 100; ++i) {
    CHECK(world.fights(rule, "/undone", {}, outcome::not_held));
    world.clock.advance(second);
  }
  for (int i = 0; i < 100; ++i) {
    CHECK(world.fights(rule, "/refused", {}, outcome::fix_failed));
    world.clock.advance(limits::fix_retry_urgent_max_ns);
  }
  CHECK(!world.is_contested(rule, "/refused"));
}

TEST_CASE(
    "a failing fix waits twice as long each time, up to ten minutes, without being contested") {
  World world;
  const Rule rule = rule_named("rule");
  std::vector<std::int64_t> waits;
  for (int i = 0; i < 12; ++i) {
    CHECK(world.fights(rule, "/a", {}, outcome::fix_failed));
    const auto turn = world.turn(rule, "/a");
    CHECK(turn.reason == "retry");
    waits.push_back((turn.at_ns - world.clock.monotonic_ns()) / second);
    world.clock.advance(turn.at_ns - world.clock.monotonic_ns());
  }
  CHECK(waits == std::vector<std::int64_t>{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600});
  CHECK(!world.is_contested(rule, "/a"));
}

TEST_CASE("a contention is over when the object has held for an hour, and not before") {
  World world;
  const Rule rule = rule_named("rule", Severity::high);
  world.fight(rule, "/a", 10 * second);
  world.clock.advance(second);
  REQUIRE(world.fights(rule, "/a"));
  const Receipt receipt = world.receipt_of(rule, "/a");
  const std::int64_t fixed = *world.breaker.put_right_at(receipt);
  world.clock.advance(1'800 * second);
  CHECK(*world.breaker.calm_at(receipt, world.clock.monotonic_ns()) ==
        fixed + limits::contention_held_ns);
  CHECK(world.fights(rule, "/a"));
  CHECK(*world.breaker.calm_at(receipt, world.clock.monotonic_ns()) ==
        world.clock.monotonic_ns() + limits::contention_held_ns);
}

TEST_CASE("the rival is who broke it most often, by program and user") {
  World world;
  const Rule rule = rule_named("rule", Severity::critical);
  for (std::uint64_t i = 0; i < 90; ++i) {
    world.fights(rule, "/a", actor(i % 3 == 2 ? "/bin/other" : "/bin/rival", i));
    world.clock.advance(second);
  }
  const auto told = world.breaker.contention(world.receipt_of(rule, "/a"), Phase::open, {1, 1});
  REQUIRE(told.rival);
  CHECK(told.rival->program == "/bin/rival");
  CHECK(told.fixes == 90);
}

TEST_CASE("nobody is named where nobody is known") {
  World world;
  const Rule rule = rule_named("rule", Severity::critical);
  world.fight(rule, "/a", 10 * second);
  CHECK(!world.breaker.contention(world.receipt_of(rule, "/a"), Phase::open, {1, 1}).rival);
}

TEST_CASE("a rule gets a quarter of the agent's fixes a minute, and the next minute the same") {
  World world;
  const Rule rule = rule_named("rule");
  for (int minute = 0; minute < 3; ++minute) {
    std::size_t fixes = 0;
    for (int i = 0; i < 1'000; ++i)
      fixes += world.fights(rule, "/" + std::to_string(minute * 1'000 + i)) ? 1 : 0;
    CHECK(fixes == 150);
    const auto turn = world.turn(rule, "/x");
    CHECK(turn.reason == "budget");
    CHECK(turn.at_ns <= world.clock.monotonic_ns() + limits::breaker_minute_ns);
    world.clock.advance(turn.at_ns - world.clock.monotonic_ns());
  }
}

TEST_CASE("a rule that burns its budget delays no other, and a critical one is never held back") {
  World world;
  const Rule greedy = rule_named("greedy");
  const Rule critical = rule_named("critical", Severity::critical);
  for (int i = 0; i < 1'000; ++i) {
    world.fights(greedy, "/" + std::to_string(i));
    CHECK(world.fights(critical, "/" + std::to_string(i)));
  }
  CHECK(!world.fights(greedy, "/x"));
  const Rule modest = rule_named("modest");
  for (int i = 0; i < 150; ++i) CHECK(world.fights(modest, "/" + std::to_string(i)));
}

TEST_CASE("where several rules burn everything, each other rule still has its fix a minute") {
  World world;
  std::size_t fixes = 0;
  for (int rule = 0; rule < 4; ++rule)
    for (int i = 0; i < 1'000; ++i)
      fixes += world.fights(rule_named("greedy" + std::to_string(rule)), "/" + std::to_string(i));
  CHECK(fixes == 600);
  const Rule late = rule_named("late");
  CHECK(world.fights(late, "/a"));
  CHECK(!world.fights(late, "/b"));
}

TEST_CASE("a contested object of severity high is not held back by what its rule used up") {
  World world;
  const Rule rule = rule_named("rule", Severity::high);
  world.fight(rule, "/a", 10 * second);
  for (int i = 0; i < 1'000; ++i) world.fights(rule, "/" + std::to_string(i));
  CHECK(!world.fights(rule, "/fresh"));
  world.clock.advance(second);
  CHECK(world.fights(rule, "/a"));
}

TEST_CASE("a hundred thousand objects of one rule swell nothing and make it forget no fight") {
  World world;
  const Rule rule = rule_named("rule", Severity::critical);
  const Rule other = rule_named("other", Severity::medium);
  world.fight(rule, "/fought", 2 * second);
  world.fight(other, "/calm", 2 * second);
  for (int i = 0; i < 100'000; ++i) {
    world.fights(rule, "/" + std::to_string(i));
    CHECK(world.breaker.size() <= limits::fix_histories_max);
  }
  CHECK(world.breaker.size() == limits::fix_histories_max);
  CHECK(world.is_contested(rule, "/fought"));
  CHECK(world.is_contested(other, "/calm"));
  CHECK(world.turn(other, "/calm").waits());
}

TEST_CASE(
    "an attacker who makes many objects of one rule makes nothing of another rule forgotten") {
  World world;
  const Rule rule = rule_named("rule", Severity::critical);
  const Rule other = rule_named("other");
  for (int i = 0; i < 4; ++i) world.fights(other, "/a");
  for (int i = 0; i < 20'000; ++i) world.fights(rule, "/" + std::to_string(i));
  CHECK(world.fights(other, "/a"));
  CHECK(!world.fights(other, "/a"));
}

TEST_CASE("after an hour a history is free, unless it is contested") {
  World world;
  const Rule rule = rule_named("rule", Severity::critical);
  world.fight(rule, "/fought", 2 * second);
  for (int i = 0; i < 100; ++i) world.fights(rule, "/" + std::to_string(i));
  CHECK(world.breaker.size() == 101);
  world.clock.advance(limits::breaker_hour_ns + 1);
  world.breaker.expire(world.clock.monotonic_ns());
  CHECK(world.breaker.size() == 1);
  CHECK(world.is_contested(rule, "/fought"));
}
