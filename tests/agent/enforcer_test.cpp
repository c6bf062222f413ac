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
  Slow(FakeClock& clock, std::size_t& looks, std::int64_t ns = limits::sweep_slice_ns)
      : clock_(clock), looks_(looks), ns_(ns) {}
  std::vector<Watch> watches() const override { return {}; }
  bool covers(const std::string&) const override { return true; }
  Result<CheckResult> check(const Eyes&, const Scope&) const override {
    clock_.advance(ns_);
    ++looks_;
    return CheckResult{};
  }
  Status fix(const Deviation&, Hands&, const Eyes&) const override { return {}; }
  FakeClock& clock_;
  std::size_t& looks_;
  std::int64_t ns_;
};

// As many objects as one check may name, broken again as soon as they are put right.
struct Contested final : Resource {
  explicit Contested(std::size_t& fixes) : fixes_(fixes) {}
  std::vector<Watch> watches() const override { return {}; }
  bool covers(const std::string&) const override { return true; }
  Result<CheckResult> check(const Eyes&, const Scope& scope) const override {
    CheckResult result;
    if (scope.object) return result;
    result.has_more = true;
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

// Every object deviates when it is first looked at, and can be put right.
struct Fresh final : Resource {
  std::vector<Watch> watches() const override { return {}; }
  bool covers(const std::string&) const override { return true; }
  Result<CheckResult> check(const Eyes&, const Scope& scope) const override {
    CheckResult result;
    if (!scope.object || *scope.object == fixed_) return result;
    result.deviations.emplace_back();
    result.deviations.back().object = *scope.object;
    return result;
  }
  Status fix(const Deviation& deviation, Hands&, const Eyes&) const override {
    fixed_ = deviation.object;
    return {};
  }
  mutable std::string fixed_;
};

// Deviates until it is put right.
struct Once final : Resource {
  std::vector<Watch> watches() const override { return {}; }
  bool covers(const std::string&) const override { return true; }
  Result<CheckResult> check(const Eyes&, const Scope&) const override {
    CheckResult result;
    if (!is_right_) result.deviations.emplace_back();
    return result;
  }
  Status fix(const Deviation&, Hands&, const Eyes&) const override {
    is_right_ = true;
    return {};
  }
  mutable bool is_right_ = false;
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

TEST_CASE("a sensor that loses events again and again is renewed for a fiftieth of the time") {
  std::size_t looks = 0;
  World world;
  constexpr std::int64_t cost_ns = 100'000'000;
  world.add(std::make_unique<Slow>(world.clock, looks));
  world.enforcer.adopt(std::move(world.policy), "start");
  world.sensor.on_renewal = [&] { world.clock.advance(cost_ns); };
  const auto lose = [&] {
    world.sensor.next.overflowed = true;
    world.enforcer.hear(0);
    world.enforcer.work();
  };
  lose();
  CHECK(world.sensor.renewals == 1);
  CHECK(looks == 1);
  for (int i = 0; i < 1'000; ++i) lose();
  CHECK(looks == 1'001);
  CHECK(world.sensor.renewals == 1);
  // The last loss is seen to when its time comes, without another event, and swept after.
  while (world.enforcer.next_due() == INT64_MIN) world.enforcer.work();
  CHECK(world.sensor.renewals == 1);
  world.clock.advance(world.enforcer.next_due() - world.clock.monotonic_ns());
  const std::size_t before = looks;
  world.enforcer.work();
  CHECK(world.sensor.renewals == 2);
  CHECK(looks == before + 1);
  while (world.enforcer.next_due() == INT64_MIN) world.enforcer.work();
  CHECK(world.enforcer.next_due() > world.clock.monotonic_ns());
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

TEST_CASE("what is kept for the next deviation is given back when none has come for a while") {
  World world;
  world.add(std::make_unique<Once>());
  world.enforcer.adopt(std::move(world.policy), "start");
  world.enforcer.work();
  world.clock.advance(limits::rest_after_ns - 1);
  world.enforcer.work();
  CHECK(world.host.rests() == 0);
  CHECK(world.enforcer.next_due() == world.clock.monotonic_ns() + 1);
  world.clock.advance(1);
  world.enforcer.work();
  CHECK(world.host.rests() == 1);
  CHECK(world.enforcer.next_due() > world.clock.monotonic_ns() + limits::rest_after_ns);
  world.clock.advance(2 * limits::rest_after_ns);
  world.enforcer.work();
  CHECK(world.host.rests() == 1);
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

TEST_CASE(
    "an object whose look takes long is looked at for a tenth of the time, and not forgotten") {
  std::size_t looks = 0;
  World world;
  world.add(std::make_unique<Slow>(world.clock, looks, 50'000'000));
  world.add(std::make_unique<Fresh>());
  world.enforcer.adopt(std::move(world.policy), "start");
  world.enforcer.work();
  looks = 0;
  const std::int64_t began = world.clock.monotonic_ns();
  for (int i = 0; i < 10'000; ++i) {
    world.clock.advance(1'000'000);
    world.sensor.next.wakes = {{0, "/large", {}}};
    world.enforcer.hear(0);
    world.enforcer.work();
  }
  const std::int64_t spent = static_cast<std::int64_t>(looks) * 50'000'000;
  CHECK(looks > 10);
  CHECK(spent * 10 <= world.clock.monotonic_ns() - began);
  // Another object is not kept waiting, and the last write is looked at by the clock.
  world.clock.advance(1'000'000'000);
  world.enforcer.work();
  world.sensor.next.wakes = {{0, "/large", {}}};
  world.enforcer.hear(0);
  const std::size_t before = looks;
  world.sensor.next.wakes = {{0, "/other", {}}, {0, "/large", {}}};
  world.enforcer.hear(0);
  CHECK(looks == before + 1);
  world.clock.advance(1'000'000'000);
  world.enforcer.work();
  CHECK(looks == before + 2);
}

TEST_CASE(
    "wakes and rechecks that take long leave room for everything else, and all are looked at") {
  std::size_t looks = 0;
  World world;
  constexpr std::int64_t cost_ns = 20'000'000;
  world.add(std::make_unique<Slow>(world.clock, looks, cost_ns));
  world.enforcer.adopt(std::move(world.policy), "start");
  while (world.enforcer.next_due() == INT64_MIN) world.enforcer.work();
  looks = 0;
  for (int i = 0; i < 500; ++i) world.sensor.next.wakes.push_back({0, "/" + std::to_string(i), {}});
  const auto longest = [&](auto act) {
    const std::int64_t began = world.clock.monotonic_ns();
    act();
    return world.clock.monotonic_ns() - began;
  };
  CHECK(longest([&] { world.enforcer.hear(0); }) <= limits::work_slice_ns + cost_ns);
  while (world.enforcer.next_due() <= world.clock.monotonic_ns())
    CHECK(longest([&] { world.enforcer.work(); }) <= limits::work_slice_ns + cost_ns);
  CHECK(looks == 500);
}

TEST_CASE("objects without end cost no more receipts than a rule may write, the rest are counted") {
  World world;
  world.add(std::make_unique<Fresh>());
  world.policy.rules[0].rule.severity = Severity::critical;
  world.enforcer.adopt(std::move(world.policy), "start");
  world.enforcer.work();
  const std::uint64_t objects = limits::rule_receipts_max + 2'000;
  for (std::uint64_t i = 0; i < objects; ++i) {
    world.sensor.next.wakes = {{0, "/" + std::to_string(i), {}}};
    world.enforcer.hear(0);
  }
  world.life.recorder().flush();
  const auto records = [&](std::string_view type) {
    std::vector<Record> out;
    for (Record& record : contents_of(world.life.recorder().journal(Stream::urgent)).records)
      if (record.type == type) out.push_back(std::move(record));
    return out;
  };
  CHECK(records("receipt").size() == limits::rule_receipts_max);
  CHECK(records("gap").empty());
  CHECK(world.enforcer.next_due() <= world.clock.monotonic_ns() + limits::rule_gap_ns);
  world.clock.advance(limits::rule_gap_ns);
  world.enforcer.work();
  // A minute later it has earned sixty more.
  for (std::uint64_t i = 0; i < 100; ++i) {
    world.sensor.next.wakes = {{0, "/more" + std::to_string(i), {}}};
    world.enforcer.hear(0);
  }
  world.enforcer.stop();
  world.life.recorder().flush();
  CHECK(records("receipt").size() == limits::rule_receipts_max + 60);
  const auto gaps = records("gap");
  REQUIRE(gaps.size() == 2);
  CHECK(gaps[0].body.find("count")->natural() == 2'000u);
  CHECK(gaps[1].body.find("count")->natural() == 40u);
  CHECK(*gaps[0].body.find("rule")->text() == "rule-0");
  CHECK(*gaps[0].body.find("policy")->text() == "base");
  CHECK(gaps[0].body.find("by_severity")->find("critical")->natural() == 2'000u);
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
