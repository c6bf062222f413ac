#include <doctest/doctest.h>

#include "agent/agent_limits.h"
#include "agent/kind_limits.h"
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
  world.policy.rules[0].rule.breaker = {100, 100, 1, 1'000'000, 100};
  world.enforcer.adopt(std::move(world.policy), "start");
  world.enforcer.work();
  CHECK(fixes == limits::check_deviations_max);
  CHECK(world.enforcer.policy().rules[0].state == RuleState::deviating);
  CHECK(world.enforcer.next_due() <= world.clock.monotonic_ns());
  world.enforcer.work();
  CHECK(fixes == 2 * limits::check_deviations_max);
}

TEST_CASE("a sensor that is made to lose events again and again has one record a minute") {
  std::size_t looks = 0;
  World world;
  world.add(std::make_unique<Slow>(world.clock, looks));
  world.enforcer.adopt(std::move(world.policy), "start");
  world.enforcer.work();
  const std::int64_t began = world.clock.wall_ns();
  for (int i = 0; i < 1'000; ++i) {
    world.clock.advance(limits::blind_record_ns / 100);
    world.sensor.next.overflowed = true;
    const std::size_t before = looks;
    world.enforcer.hear(0);
    world.enforcer.work();
    CHECK(looks > before);
  }
  world.enforcer.stop();
  world.life.recorder().flush();
  std::uint64_t count = 0;
  std::int64_t until = began;
  std::size_t records = 0;
  for (const Record& record : contents_of(world.life.recorder().journal(Stream::urgent)).records) {
    if (record.type != "blind") continue;
    ++records;
    count += *record.body.find("count")->natural();
    CHECK(*record.body.find("since")->integer() <= until);
    until = *record.body.find("until")->integer();
  }
  CHECK(count == 1'000);
  CHECK(records <= 12);
  CHECK(records >= 10);
  CHECK(until >= began + 10 * limits::blind_record_ns);
}

TEST_CASE("what was blind is on record a minute later without another event") {
  World world;
  world.enforcer.adopt(std::move(world.policy), "start");
  world.enforcer.work();
  for (int i = 0; i < 2; ++i) {
    world.sensor.next.overflowed = true;
    world.enforcer.hear(0);
    world.enforcer.work();
  }
  const std::int64_t due = world.enforcer.next_due();
  CHECK(due <= world.clock.monotonic_ns() + limits::blind_record_ns);
  world.clock.advance(limits::blind_record_ns);
  world.enforcer.work();
  world.life.recorder().flush();
  std::size_t records = 0;
  for (const Record& record : contents_of(world.life.recorder().journal(Stream::urgent)).records)
    if (record.type == "blind") ++records;
  CHECK(records == 2);
}
