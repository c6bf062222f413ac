#include <doctest/doctest.h>

#include "common/limits.h"
#include "tests/agent/agent_world.h"
#include "tests/agent/journal_life.h"

using namespace reeve;
using namespace reeve::testing;

namespace {

// Takes a whole slice of a sweep to look at, and holds.
struct Slow final : Resource {
  Slow(FakeClock& clock, std::size_t& looks) : clock_(clock), looks_(looks) {}
  std::vector<Watch> watches() const override { return {}; }
  bool covers(const std::string&) const override { return true; }
  Result<CheckResult> check(const Eyes&, const Scope&) const override {
    clock_.advance(limits::sweep_slice_ns);
    ++looks_;
    return CheckResult{};
  }
  Status fix(const Deviation&, Hands&, const Eyes&) const override { return {}; }
  FakeClock& clock_;
  std::size_t& looks_;
};

// As many objects as one check may name, broken again as soon as they are put right.
struct Contested final : Resource {
  explicit Contested(std::size_t& fixes) : fixes_(fixes) {}
  std::vector<Watch> watches() const override { return {}; }
  bool covers(const std::string&) const override { return true; }
  Result<CheckResult> check(const Eyes&, const Scope& scope) const override {
    CheckResult result;
    if (scope.object) return result;
    for (std::size_t i = 0; i < limits::check_deviations_max; ++i) {
      result.deviations.emplace_back();
      result.deviations.back().object = std::to_string(i);
    }
    return result;
  }
  Status fix(const Deviation&, Hands&, const Eyes&) const override {
    ++fixes_;
    return {};
  }
  std::size_t& fixes_;
};

struct World {
  World() { policy.bundles.push_back({{"base", 7, {}, {}}, 0, 0}); }
  void add(std::unique_ptr<Resource> resource) {
    Rule rule;
    rule.id = "rule-" + std::to_string(policy.rules.size());
    rule.mode = Mode::enforce;
    policy.rules.push_back({rule, std::move(resource), 0, RuleState::unknown});
    policy.bundles[0].rules = policy.rules.size();
  }

  CrashDisk disk;
  JournalLife life{disk, 5};
  FakeHost host;
  FakeClock clock;
  FakeSensor sensor;
  KeptNotes notes;
  Incidents incidents;
  ActivePolicy policy;
  Enforcer enforcer{{host, &host, clock, life.recorder(), incidents, {&sensor}, notes, 1}};
};

}  // namespace

TEST_CASE("a sensor that loses events again and again does not keep a sweep from the last rules") {
  constexpr std::size_t rules = 10;
  std::array<std::size_t, rules> looks{};
  World world;
  for (std::size_t i = 0; i < rules; ++i) world.add(std::make_unique<Slow>(world.clock, looks[i]));
  world.enforcer.adopt(std::move(world.policy), "start");
  for (std::size_t i = 0; i < 2 * rules; ++i) {
    world.enforcer.work();
    world.sensor.next.overflowed = true;
    world.enforcer.hear(0);
  }
  for (std::size_t i = 0; i < rules; ++i) CHECK(looks[i] == 2);
}

TEST_CASE("a rival that breaks as fast as we repair does not keep the enforcer from coming back") {
  std::size_t fixes = 0;
  World world;
  world.add(std::make_unique<Contested>(fixes));
  world.enforcer.adopt(std::move(world.policy), "start");
  world.enforcer.work();
  CHECK(fixes == limits::check_deviations_max);
  CHECK(world.enforcer.policy().rules[0].state == RuleState::deviating);
  CHECK(world.enforcer.next_due() <= world.clock.monotonic_ns());
  world.enforcer.work();
  CHECK(fixes == 2 * limits::check_deviations_max);
}
