#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <set>

#include "agent/agent_limits.h"
#include "agent/cycle.h"
#include "agent/kind_limits.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/fake_host.h"

using namespace reeve;

namespace {

struct KeptAccounts final : Accounts {
  void intend(const Receipt& receipt, Intent intent) override {
    intents.push_back(receipt);
    durable += intent == Intent::durable ? 1 : 0;
  }
  void record(const Receipt& receipt) override { receipts.push_back(receipt); }
  void record(const Contention& contention) override { contentions.push_back(contention); }
  void count_only(const Receipt&) override { ++counted; }
  std::vector<Receipt> intents;
  std::vector<Receipt> receipts;
  std::vector<Contention> contentions;
  std::size_t durable = 0;
  std::size_t counted = 0;
};

// A kind whose every answer a test decides.
struct Scripted final : Resource {
  struct Script {
    std::vector<Deviation> deviations;
    std::optional<Error> check_error;
    Status fix_status;
    bool fix_works = true;
    std::size_t fixes = 0;
    bool is_not_repeatable = false;
    std::vector<std::uint32_t> rungs;
    std::string only_fixable;          // where set, no fix of another object works
    std::set<std::string> unreadable;  // objects whose own check fails
    bool is_partial = false;
    std::optional<Error> unseen;
    std::function<void()> on_fix;
  };
  explicit Scripted(Script& script) : script_(script) {}
  std::vector<Watch> watches() const override { return {}; }
  bool covers(const std::string&) const override { return true; }
  bool wants_durable_intent() const override { return script_.is_not_repeatable; }
  Result<CheckResult> check(const Eyes&, const Scope& scope) const override {
    if (script_.check_error) return *script_.check_error;
    if (scope.object && script_.unreadable.contains(*scope.object))
      return Error{"check_failed", "EIO"};
    CheckResult result;
    result.objects = 1;
    result.is_partial = script_.is_partial;
    if (!scope.object) result.unseen = script_.unseen;
    for (const Deviation& deviation : script_.deviations) {
      if (scope.object && deviation.object != *scope.object) continue;
      if (scope.is_known && scope.is_known(deviation)) continue;
      if (result.deviations.size() < limits::check_deviations_max)
        result.deviations.push_back(deviation);
      else
        result.has_more = result.is_partial = true;
    }
    return result;
  }
  Status fix(const Deviation& deviation, Hands&, const Eyes&) const override {
    ++script_.fixes;
    if (script_.on_fix) script_.on_fix();
    script_.rungs.push_back(deviation.rung);
    const bool is_stubborn =
        !script_.only_fixable.empty() && script_.only_fixable != deviation.object;
    if (is_stubborn) return Error{"fix_failed", "EPERM"};
    if (script_.fix_works)
      std::erase_if(script_.deviations,
                    [&](const Deviation& one) { return one.object == deviation.object; });
    return script_.fix_status;
  }
  Script& script_;
};

// Until no more incident can be listed.
void fill(Incidents& incidents) {
  Incident filler;
  for (std::size_t i = 0; i < limits::open_incidents_max; ++i) {
    filler.receipt.object = std::to_string(i);
    filler.receipt.rule = "filler-" + std::to_string(i / limits::rule_incidents_max);
    REQUIRE(incidents.open(filler));
  }
}

Deviation deviation_of(std::string object) {
  Deviation out;
  out.object = std::move(object);
  out.desired = "mode 0600";
  out.found = "mode 0644";
  return out;
}

struct World {
  World() : World(nullptr) { parts_with(&host); }
  explicit World(std::nullptr_t) {
    policy.bundles.push_back({{"base", 7, {}, {}}, 0, 1});
    Rule rule;
    rule.id = "rule-1";
    rule.owner = "security";
    rule.severity = Severity::high;
    rule.mode = Mode::enforce;
    policy.rules.push_back({rule, std::make_unique<Scripted>(script), 0, RuleState::unknown});
    parts_with(nullptr);
  }
  void parts_with(Hands* hands) {
    cycle = std::make_unique<Cycle>(Cycle::Parts{host, hands, clock, accounts, incidents, breaker});
  }
  CycleResult run(std::optional<std::string> object = {}) {
    clock.advance(1'000);
    return cycle->run(policy, 0, Scope{std::move(object)}, {});
  }
  const Receipt& last() const { return accounts.receipts.back(); }
  RuleState state() const { return policy.rules[0].state; }

  FakeHost host;
  FakeClock clock;
  Scripted::Script script;
  KeptAccounts accounts;
  Incidents incidents;
  CircuitBreaker breaker;
  ActivePolicy policy;
  std::unique_ptr<Cycle> cycle;
};

}  // namespace

TEST_CASE("a deviation is fixed, read back and recorded once, as a whole") {
  World world;
  world.script.deviations = {deviation_of("/a")};
  world.run();
  REQUIRE(world.accounts.receipts.size() == 1);
  const Receipt& receipt = world.last();
  CHECK(receipt.outcome == outcome::fixed);
  CHECK(receipt.phase == Phase::whole);
  CHECK(receipt.rule == "rule-1");
  CHECK(receipt.policy.version == 7);
  CHECK(receipt.found == "mode 0644");
  CHECK(receipt.left == "mode 0600");
  CHECK(receipt.detected.mono_ns > 0);
  CHECK(receipt.fixed.mono_ns >= receipt.detected.mono_ns);
  CHECK(receipt.verified.mono_ns >= receipt.fixed.mono_ns);
  REQUIRE(world.accounts.intents.size() == 1);
  CHECK(world.accounts.intents[0].incident == receipt.incident);
  CHECK(world.accounts.intents[0].outcome.empty());
  CHECK(world.incidents.size() == 0);
  CHECK(world.state() == RuleState::holds);
}

TEST_CASE("what holds is left alone and not recorded") {
  World world;
  world.run();
  CHECK(world.script.fixes == 0);
  CHECK(world.accounts.receipts.empty());
  CHECK(world.state() == RuleState::holds);
}

TEST_CASE("a fix that only claims to have worked gives not_held") {
  World world;
  world.script.deviations = {deviation_of("/a")};
  world.script.fix_works = false;
  world.run();
  CHECK(world.last().outcome == outcome::not_held);
  CHECK(world.last().phase == Phase::open);
  CHECK(world.last().verified.mono_ns == 0);
  CHECK(world.last().left == "mode 0644");
  CHECK(world.state() == RuleState::deviating);
}

TEST_CASE("a refused fix is recorded once, tried again later, and closed when it works") {
  World world;
  world.script.deviations = {deviation_of("/a")};
  world.script.fix_works = false;
  world.script.fix_status = Error{"fix_failed", "chmod /a: read-only file system"};
  world.run();
  const Receipt opened = world.last();
  CHECK(opened.outcome == outcome::fix_failed);
  CHECK(opened.reason == "fix_failed");
  CHECK(opened.phase == Phase::open);
  CHECK(opened.fixed.mono_ns == 0);

  const CycleResult early = world.run("/a");
  CHECK(world.script.fixes == 1);
  REQUIRE(early.rechecks.size() == 1);
  CHECK(early.rechecks[0].object == "/a");
  CHECK(early.rechecks[0].at_ns > world.clock.monotonic_ns());

  world.clock.advance(limits::fix_retry_min_ns);
  world.run();
  CHECK(world.script.fixes == 2);
  CHECK(world.accounts.receipts.size() == 1);

  world.clock.advance(limits::fix_retry_max_ns);
  world.script.fix_status = {};
  world.script.fix_works = true;
  world.run();
  REQUIRE(world.accounts.receipts.size() == 2);
  CHECK(world.last().phase == Phase::close);
  CHECK(world.last().outcome == outcome::fixed);
  CHECK(world.last().incident == opened.incident);
  CHECK(world.last().detected == opened.detected);
  CHECK(world.incidents.size() == 0);
}

TEST_CASE("an object that was replaced under the fix is tried again without waiting") {
  World world;
  world.script.deviations = {deviation_of("/a")};
  world.script.fix_works = false;
  world.script.fix_status = Error{"object_changed", "/a"};
  world.run();
  CHECK(world.last().outcome == outcome::fix_failed);
  CHECK(world.last().reason == "object_changed");
  world.run("/a");
  CHECK(world.script.fixes == 2);
}

TEST_CASE("a refused fix of something that is right all the same counts as resolved") {
  World world;
  world.script.deviations = {deviation_of("/a")};
  world.script.fix_status = Error{"object_changed", "/a"};
  world.run();
  CHECK(world.last().outcome == outcome::resolved);
  CHECK(world.last().phase == Phase::whole);
  CHECK(world.last().reason == "object_changed");
}

TEST_CASE("mode audit opens and closes and never touches") {
  World world;
  world.policy.rules[0].rule.mode = Mode::audit;
  world.script.deviations = {deviation_of("/a")};
  world.run();
  world.run("/a");
  REQUIRE(world.accounts.receipts.size() == 1);
  const Receipt opened = world.last();
  CHECK(opened.outcome == outcome::audited);
  CHECK(opened.phase == Phase::open);
  world.script.deviations.clear();
  world.run("/a");
  REQUIRE(world.accounts.receipts.size() == 2);
  CHECK(world.last().outcome == outcome::resolved);
  CHECK(world.last().phase == Phase::close);
  CHECK(world.last().incident == opened.incident);
  CHECK(world.script.fixes == 0);
  CHECK(world.accounts.intents.empty());
}

TEST_CASE("without hands an enforcing rule only reports") {
  World world(nullptr);
  world.script.deviations = {deviation_of("/a")};
  world.run();
  CHECK(world.last().outcome == outcome::audited);
  CHECK(world.script.fixes == 0);
}

TEST_CASE("what a kind refuses to have fixed is recorded by its reason and not touched") {
  for (const auto& [refusal, expected] : {std::pair{"unsafe_path", outcome::unsafe_path},
                                          std::pair{"unknown_user", outcome::fix_failed}}) {
    World world;
    world.script.deviations = {deviation_of("/a")};
    world.script.deviations[0].refusal = refusal;
    world.script.deviations[0].refusal_detail = "why";
    world.run();
    world.run();
    REQUIRE(world.accounts.receipts.size() == 1);
    CHECK(world.last().outcome == expected);
    CHECK(world.last().reason == refusal);
    CHECK(world.last().detail == "why");
    CHECK(world.script.fixes == 0);
  }
}

TEST_CASE("a way that turns unsafe during the fix is unsafe_path") {
  World world;
  world.script.deviations = {deviation_of("/a")};
  world.script.fix_works = false;
  world.script.fix_status = Error{"unsafe_path", "/a"};
  world.run();
  CHECK(world.last().outcome == outcome::unsafe_path);
}

TEST_CASE("a state that cannot be read is check_failed until it can") {
  World world;
  world.script.check_error = Error{"check_failed", "EIO"};
  world.run();
  world.run();
  REQUIRE(world.accounts.receipts.size() == 1);
  CHECK(world.last().outcome == outcome::check_failed);
  CHECK(world.last().phase == Phase::open);
  CHECK(world.state() == RuleState::unknown);
  world.script.check_error.reset();
  world.run();
  CHECK(world.last().outcome == outcome::resolved);
  CHECK(world.last().phase == Phase::close);
  CHECK(world.state() == RuleState::holds);
}

TEST_CASE("a rule that is no longer in policy closes its incidents as withdrawn") {
  World world(nullptr);
  world.script.deviations = {deviation_of("/a"), deviation_of("/b")};
  world.run();
  world.cycle->withdraw_others(world.policy);
  CHECK(world.accounts.receipts.size() == 2);
  world.cycle->withdraw_others(ActivePolicy{});
  CHECK(world.accounts.receipts.size() == 4);
  CHECK(world.last().outcome == outcome::withdrawn);
  CHECK(world.last().phase == Phase::close);
  CHECK(world.incidents.size() == 0);
}

TEST_CASE("an incident that was interrupted by a kill gets its one receipt") {
  for (const bool holds : {true, false}) {
    World world;
    Receipt begun;
    begun.incident = random_bytes<16>();
    begun.rule = "rule-1";
    begun.policy.name = "base";
    begun.object = "/a";
    begun.desired = "mode 0600";
    begun.interrupted = true;
    Incident incident{begun};
    incident.is_recorded = false;
    REQUIRE(world.incidents.open(std::move(incident)));
    if (!holds) world.script.deviations = {deviation_of("/a")};
    world.run();
    REQUIRE(world.accounts.receipts.size() == 1);
    CHECK(world.last().incident == begun.incident);
    CHECK(world.last().phase == Phase::whole);
    CHECK(world.last().outcome == outcome::fixed);
    CHECK(world.last().interrupted);
    CHECK(world.incidents.size() == 0);
  }
}

TEST_CASE("an interrupted incident whose object cannot be read is opened, not forgotten") {
  World world;
  Incident incident;
  incident.receipt.rule = "rule-1";
  incident.receipt.policy.name = "base";
  incident.receipt.object = "/a";
  incident.receipt.interrupted = true;
  incident.is_recorded = false;
  REQUIRE(world.incidents.open(std::move(incident)));
  world.script.check_error = Error{"check_failed", "EIO"};
  world.run("/a");
  CHECK(world.last().phase == Phase::open);
  CHECK(world.last().interrupted);
  CHECK(world.last().outcome == outcome::check_failed);
}

TEST_CASE("more deviations than one check may name are all fixed, a thousand at a time") {
  World world;
  world.policy.rules[0].rule.breaker.agent_fixes_per_minute = 10'000;
  for (std::size_t i = 0; i < limits::check_deviations_max + 5; ++i)
    world.script.deviations.push_back(deviation_of("/" + std::to_string(i)));
  CHECK(world.run().is_cut_short);
  CHECK(!world.run().is_cut_short);
  CHECK(world.accounts.receipts.size() == limits::check_deviations_max + 5);
}

TEST_CASE("beyond the bound on open incidents deviations are only counted") {
  World world(nullptr);
  fill(world.incidents);
  world.script.deviations = {deviation_of("/a")};
  world.run();
  CHECK(world.accounts.counted == 1);
  CHECK(world.accounts.receipts.empty());
}

TEST_CASE("where nothing can be put right or listed, the rule deviates and is not run again") {
  World world(nullptr);
  fill(world.incidents);
  for (std::size_t i = 0; i < limits::check_deviations_max + 5; ++i)
    world.script.deviations.push_back(deviation_of("/" + std::to_string(i)));
  CHECK(!world.run().is_cut_short);
  CHECK(world.state() == RuleState::deviating);
  world.run("/another");
  CHECK(world.state() == RuleState::deviating);
}

TEST_CASE("many that wait or fail do not hide one that can be put right") {
  World world;
  world.script.only_fixable = "/z";
  for (std::size_t i = 0; i < 5 * limits::check_deviations_max; ++i)
    world.script.deviations.push_back(deviation_of("/" + std::to_string(i)));
  world.script.deviations.push_back(deviation_of("/z"));
  world.policy.rules[0].rule.severity = Severity::critical;
  for (int runs = 0; runs < 8; ++runs) {
    const CycleResult result = world.run();
    if (result.is_cut_short) continue;
    const auto first = std::ranges::min_element(result.rechecks, {}, &Recheck::at_ns);
    if (first != result.rechecks.end())
      world.clock.advance(std::max<std::int64_t>(first->at_ns - world.clock.monotonic_ns(), 0));
  }
  CHECK(std::ranges::none_of(world.script.deviations,
                             [](const Deviation& one) { return one.object == "/z"; }));
  CHECK(world.state() == RuleState::deviating);
  // Nothing that deviates still was taken to hold because it was not named.
  CHECK(std::ranges::none_of(world.accounts.receipts, [](const Receipt& receipt) {
    return receipt.outcome == outcome::resolved;
  }));
}

TEST_CASE("fixes that take long are made a slice of time at a time, to the last") {
  World world;
  world.policy.rules[0].rule.breaker.agent_fixes_per_minute = 10'000;
  world.script.on_fix = [&] { world.clock.advance(20'000'000); };
  for (int i = 0; i < 100; ++i)
    world.script.deviations.push_back(deviation_of("/" + std::to_string(i)));
  for (int runs = 1;; ++runs) {
    const std::int64_t began = world.clock.monotonic_ns();
    const bool is_cut_short = world.run().is_cut_short;
    CHECK(world.clock.monotonic_ns() - began <= limits::work_slice_ns + 30'000'000);
    if (is_cut_short) CHECK(world.state() == RuleState::deviating);
    if (is_cut_short) continue;
    CHECK(runs == 4);
    break;
  }
  CHECK(world.script.fixes == 100);
  CHECK(world.state() == RuleState::holds);
}

TEST_CASE("one rule's open incidents leave room for those of others") {
  World world(nullptr);
  for (std::size_t i = 0; i < limits::rule_incidents_max + 10; ++i)
    world.script.deviations.push_back(deviation_of("/" + std::to_string(i)));
  for (int i = 0; i < 5; ++i) world.run();
  CHECK(world.incidents.size() == limits::rule_incidents_max);
  CHECK(world.accounts.counted >= 10);
  CHECK(!world.incidents.is_full("base", "another"));
}

TEST_CASE("what no fix may be tried for and what comes and goes is contested, not told each time") {
  enum class Why { audit, refusal, unreadable };
  for (const Why why : {Why::audit, Why::refusal, Why::unreadable}) {
    World world;
    if (why == Why::audit) world.policy.rules[0].rule.mode = Mode::audit;
    Cause rival;
    rival.confidence = Confidence::certain;
    rival.program = "/usr/bin/rival";
    const auto run = [&] {
      world.clock.advance(1'000);
      world.cycle->run(world.policy, 0, Scope{"/a"}, rival);
    };
    const auto go = [&] {
      world.script.deviations = {deviation_of("/a")};
      if (why == Why::refusal) world.script.deviations[0].refusal = "unsafe_path";
      if (why == Why::unreadable) world.script.unreadable = {"/a"};
      run();
    };
    const auto come_back = [&] {
      world.script.deviations.clear();
      world.script.unreadable.clear();
      run();
    };
    for (int i = 0; i < 1'000; ++i) {
      go();
      come_back();
    }
    CHECK(world.state() == RuleState::contested);
    CHECK(world.accounts.receipts.size() == 11);
    REQUIRE(world.accounts.contentions.size() == 1);
    REQUIRE(world.accounts.contentions[0].rival);
    CHECK(world.accounts.contentions[0].rival->program == "/usr/bin/rival");
    world.clock.advance(limits::contention_held_ns);
    come_back();
    CHECK(world.state() == RuleState::holds);
    CHECK(world.last().outcome == outcome::resolved);
    CHECK(world.last().phase == Phase::close);
    CHECK(world.accounts.contentions.size() == 2);
    CHECK(world.script.fixes == 0);
  }
}

TEST_CASE("a rival faster than the second look is contested and named") {
  for (const Severity severity : {Severity::medium, Severity::critical}) {
    World world;
    world.policy.rules[0].rule.severity = severity;
    world.script.deviations = {deviation_of("/a")};
    world.script.fix_works = false;
    Cause rival;
    rival.confidence = Confidence::likely;
    rival.program = "rival";
    for (int i = 0; i < 600; ++i) {
      world.clock.advance(100'000'000);
      world.cycle->run(world.policy, 0, Scope{"/a"}, rival);
    }
    CHECK(world.state() == RuleState::contested);
    CHECK(world.accounts.receipts.size() == 1);
    REQUIRE(world.accounts.contentions.size() == 1);
    REQUIRE(world.accounts.contentions[0].rival);
    CHECK(world.accounts.contentions[0].rival->program == "rival");
    if (severity == Severity::medium) CHECK(world.script.fixes == 5);
    if (severity == Severity::critical) CHECK(world.script.fixes >= 55);
  }
}

TEST_CASE("a rule one of whose objects cannot be looked at does not hold until it can") {
  World world;
  world.run();
  CHECK(world.state() == RuleState::holds);
  world.script.unreadable = {"/a"};
  world.run("/a");
  CHECK(world.state() == RuleState::deviating);
  CHECK(world.last().outcome == outcome::check_failed);
  world.script.unreadable.clear();
  world.run("/a");
  CHECK(world.state() == RuleState::holds);
}

TEST_CASE("an incident is not over because its object could not be looked at") {
  World world(nullptr);
  world.script.deviations = {deviation_of("/a"), deviation_of("/b")};
  world.run();
  world.script.deviations.clear();
  world.script.is_partial = true;
  world.script.unreadable = {"/a"};
  world.run();
  REQUIRE(world.accounts.receipts.size() == 3);
  CHECK(world.last().object == "/b");
  CHECK(world.incidents.size() == 1);
}

TEST_CASE("what was found is put right where not everything could be looked at") {
  World world;
  world.script.deviations = {deviation_of("/a")};
  world.script.is_partial = true;
  world.script.unseen = Error{"too_many_objects", "more than 100000"};
  world.run();
  world.run();
  CHECK(world.script.fixes == 1);
  REQUIRE(world.accounts.receipts.size() == 2);
  CHECK(world.last().object.empty());
  CHECK(world.last().reason == "too_many_objects");
  CHECK(world.last().outcome == outcome::check_failed);
  CHECK(world.state() == RuleState::unknown);
  world.script.is_partial = false;
  world.script.unseen.reset();
  world.run();
  CHECK(world.last().outcome == outcome::resolved);
  CHECK(world.state() == RuleState::holds);
}

TEST_CASE("an act that cannot be repeated has a durable intent, by its rule's word or its kind's") {
  for (const bool by_rule : {true, false}) {
    World world;
    world.policy.rules[0].rule.durable_intent = by_rule;
    world.script.is_not_repeatable = !by_rule;
    world.script.deviations = {deviation_of("/a")};
    world.run();
    CHECK(world.accounts.durable == 1);
  }
  World world;
  world.script.deviations = {deviation_of("/a")};
  world.run();
  CHECK(world.accounts.durable == 0);
}

TEST_CASE("a contention's fixes have no intents of their own, unless an act cannot be repeated") {
  for (const bool is_not_repeatable : {false, true}) {
    World world;
    world.script.is_not_repeatable = is_not_repeatable;
    for (int i = 0; i < 50; ++i) {
      world.clock.advance(1'000'000'000);
      world.script.deviations = {deviation_of("/a")};
      world.run("/a");
    }
    CHECK(world.script.fixes == 50);
    CHECK(world.accounts.intents.size() == (is_not_repeatable ? 50 : 6));
  }
}

TEST_CASE("what comes back at once climbs its ladder, once more where it is contested, and down") {
  World world;
  world.policy.rules[0].rule.severity = Severity::critical;
  const auto come_back_after = [&](std::int64_t ns) {
    world.clock.advance(ns);
    world.script.deviations = {deviation_of("/a")};
    world.run("/a");
  };
  come_back_after(0);
  for (int i = 0; i < 4; ++i) come_back_after(limits::quick_return_ns / 2);
  CHECK(world.script.rungs == std::vector<std::uint32_t>{0, 1, 2, 3, 4});
  // Later than at once: it stays where it is. The sixth fix is beyond the figure.
  come_back_after(2 * limits::quick_return_ns);
  CHECK(world.script.rungs.back() == 5);
  CHECK(world.state() == RuleState::contested);
  // It held: only that it is contested counts.
  come_back_after(limits::rung_held_ns);
  CHECK(world.script.rungs.back() == 1);
}

TEST_CASE("an act that passes and does not hold climbs as well") {
  World world;
  world.script.deviations = {deviation_of("/a")};
  world.script.fix_works = false;
  for (int i = 0; i < 3; ++i) {
    world.run("/a");
    world.clock.advance(limits::fix_retry_min_ns);
  }
  CHECK(world.script.rungs == std::vector<std::uint32_t>{0, 1, 2});
}

TEST_CASE(
    "an object that is exchanged under every fix is contested like one that is broken again") {
  World world;
  world.policy.rules[0].rule.severity = Severity::medium;
  world.script.deviations = {deviation_of("/a")};
  world.script.fix_works = false;
  world.script.fix_status = Error{"object_changed", "/a"};
  for (int i = 0; i < 100; ++i) world.run("/a");
  CHECK(world.script.fixes == 5);
  CHECK(world.state() == RuleState::contested);
  REQUIRE(world.accounts.contentions.size() == 1);
  CHECK(world.accounts.receipts.size() == 1);
}

TEST_CASE("a contention whose rule leaves policy is closed with its incident") {
  World world;
  for (int i = 0; i < 6; ++i) {
    world.script.deviations = {deviation_of("/a")};
    world.run("/a");
  }
  REQUIRE(world.accounts.contentions.size() == 1);
  world.cycle->withdraw_others(ActivePolicy{});
  CHECK(world.last().outcome == outcome::withdrawn);
  REQUIRE(world.accounts.contentions.size() == 2);
  CHECK(world.accounts.contentions[1].phase == Phase::close);
  CHECK(world.accounts.contentions[1].incident == world.accounts.contentions[0].incident);
  CHECK(world.breaker.size() == 0);
}

TEST_CASE("a contested object that cannot be fixed for a while is not taken to have held") {
  World world;
  const auto broken = [&](std::string refusal) {
    world.script.deviations = {deviation_of("/a")};
    world.script.deviations[0].refusal = std::move(refusal);
    world.run("/a");
  };
  for (int i = 0; i < 6; ++i) broken("");
  world.clock.advance(1'000'000'000);
  broken("");
  REQUIRE(world.script.deviations.empty());
  broken("unsafe_path");
  world.clock.advance(limits::contention_held_ns);
  world.script.deviations.clear();
  world.run("/a");
  CHECK(world.state() == RuleState::contested);
  world.clock.advance(limits::contention_held_ns);
  world.run("/a");
  CHECK(world.state() == RuleState::holds);
  CHECK(world.last().outcome == outcome::resolved);
}

TEST_CASE("a contention that cannot be listed is counted and not recorded again and again") {
  World world;
  fill(world.incidents);
  for (int i = 0; i < 50; ++i) {
    world.clock.advance(1'000'000'000);
    world.script.deviations = {deviation_of("/a")};
    world.run("/a");
  }
  CHECK(world.accounts.receipts.size() == 5);
  CHECK(world.accounts.contentions.empty());
  CHECK(world.accounts.counted >= 45);
  CHECK(world.script.fixes == 50);
}

TEST_CASE("What a rule only wants reported is audited in any mode, and nothing is tried") {
  World world;
  Deviation told = deviation_of("tcp 0.0.0.0:4444");
  told.refusal = report_only;
  world.script.deviations = {told};
  world.run();
  REQUIRE(world.accounts.receipts.size() == 1);
  CHECK(world.last().outcome == outcome::audited);
  CHECK(world.last().reason.empty());
  CHECK(world.script.fixes == 0);
}
