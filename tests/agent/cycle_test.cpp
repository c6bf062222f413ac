#include <doctest/doctest.h>

#include "agent/cycle.h"
#include "common/limits.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/fake_host.h"

using namespace reeve;

namespace {

struct KeptAccounts final : Accounts {
  void intend(const Rule&, const Receipt& receipt) override { intents.push_back(receipt); }
  void record(const Receipt& receipt) override { receipts.push_back(receipt); }
  void count_only(const Receipt&) override { ++counted; }
  std::vector<Receipt> intents;
  std::vector<Receipt> receipts;
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
  };
  explicit Scripted(Script& script) : script_(script) {}
  std::vector<Watch> watches() const override { return {}; }
  bool covers(const std::string&) const override { return true; }
  Result<CheckResult> check(const Eyes&, const Scope& scope) const override {
    if (script_.check_error) return *script_.check_error;
    CheckResult result;
    result.objects = 1;
    for (const Deviation& deviation : script_.deviations)
      if (!scope.object || deviation.object == *scope.object)
        if (result.deviations.size() < limits::check_deviations_max)
          result.deviations.push_back(deviation);
    return result;
  }
  Status fix(const Deviation& deviation, Hands&, const Eyes&) const override {
    ++script_.fixes;
    if (script_.fix_works)
      std::erase_if(script_.deviations,
                    [&](const Deviation& one) { return one.object == deviation.object; });
    return script_.fix_status;
  }
  Script& script_;
};

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
    cycle = std::make_unique<Cycle>(Cycle::Parts{host, hands, clock, accounts, incidents});
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
  REQUIRE(early.retry_at_ns);
  CHECK(*early.retry_at_ns > world.clock.monotonic_ns());

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
  for (std::size_t i = 0; i < limits::check_deviations_max + 5; ++i)
    world.script.deviations.push_back(deviation_of("/" + std::to_string(i)));
  CHECK(world.run().is_cut_short);
  CHECK(!world.run().is_cut_short);
  CHECK(world.accounts.receipts.size() == limits::check_deviations_max + 5);
}

TEST_CASE("beyond the bound on open incidents deviations are only counted") {
  World world(nullptr);
  Incident filler;
  for (std::size_t i = 0; i < limits::open_incidents_max; ++i) {
    filler.receipt.object = std::to_string(i);
    REQUIRE(world.incidents.open(filler));
  }
  world.script.deviations = {deviation_of("/a")};
  world.run();
  CHECK(world.accounts.counted == 1);
  CHECK(world.accounts.receipts.empty());
}

TEST_CASE("where nothing can be put right or listed, the rule deviates and is not run again") {
  World world(nullptr);
  Incident filler;
  for (std::size_t i = 0; i < limits::open_incidents_max; ++i) {
    filler.receipt.object = std::to_string(i);
    REQUIRE(world.incidents.open(filler));
  }
  for (std::size_t i = 0; i < limits::check_deviations_max + 5; ++i)
    world.script.deviations.push_back(deviation_of("/" + std::to_string(i)));
  CHECK(!world.run().is_cut_short);
  CHECK(world.state() == RuleState::deviating);
  world.run("/another");
  CHECK(world.state() == RuleState::deviating);
}
