#include <doctest/doctest.h>

#include "agent/agent_limits.h"
#include "common/paths.h"
#include "tests/agent/agent_world.h"

namespace reeve {

using namespace testing;

namespace {

const std::string secret = "/etc/secret";
const std::string other = "/etc/other";
constexpr std::int64_t s = 1'000'000'000;
constexpr std::int64_t minute = 60 * s;

// An agent that enforces two rules, and the owner of its host.
struct Owned : AgentWorld {
  Owned() {
    host.add_file(secret, 0600);
    host.add_file(other, 0600);
    start();
    link_up();
    push(5, rules(60));
    REQUIRE(agent->policy_store().version() == 5);
  }
  static std::vector<Rule> rules(std::uint32_t minutes) {
    std::vector<Rule> out{file_rule("mode", secret), file_rule("other", other)};
    for (Rule& rule : out) rule.owner_pause_minutes = minutes;
    return out;
  }
  Result<Value::Map> ask(Value::Map question) {
    auto answer = agent->answer(Value(std::move(question)), {77, 0, 1'000});
    settle();
    return answer;
  }
  Result<Value::Map> pause(std::int64_t span_s, std::string rule = "mode") {
    return ask({{"operation", "pause"},
                {"rule", std::move(rule)},
                {"for", span_s},
                {"reason", "the deploy writes it"}});
  }
  Result<Value::Map> end(std::string rule = "mode") {
    return ask({{"operation", "end_pause"}, {"rule", std::move(rule)}});
  }
  std::string refusal(const Result<Value::Map>& answer) const {
    return answer.ok() ? "" : answer.error().name;
  }
  bool fixes(const std::string& path) {
    host.add_file(path, 0666);
    wake(path == secret ? 0 : 1, path);
    settle();
    return host.at(path).mode == 0600;
  }
  std::string last(std::string_view type, std::string_view field) {
    const auto all = records(type);
    return all.empty() ? "" : all.back().body.find(field)->any_name().value_or("");
  }
  std::uint32_t count_of(RuleState state) const {
    return last_heartbeat()->rules[static_cast<std::size_t>(state)];
  }
};

}  // namespace

TEST_CASE("an owner's pause stops the fixes of one rule and is over by itself") {
  Owned world;
  REQUIRE(world.pause(600).ok());
  CHECK_FALSE(world.fixes(secret));
  CHECK(world.fixes(other));
  CHECK(world.receipts().back().rule == "other");
  CHECK(world.count_of(RuleState::paused) == 1);
  CHECK(world.last("rule_paused", "reason") == "the deploy writes it");
  CHECK(world.records("rule_paused").front().body.find("login")->natural() == 1'000u);
  world.advance(599 * s);
  CHECK(world.host.at(secret).mode == 0666);
  world.advance(s);
  CHECK(world.host.at(secret).mode == 0600);
  CHECK(world.last("rule_resumed", "why") == "over");
  CHECK(world.count_of(RuleState::paused) == 0);
}

TEST_CASE("an owner ends a pause and the rule is enforced at once") {
  Owned world;
  CHECK(world.refusal(world.end()) == "not_paused");
  REQUIRE(world.pause(600).ok());
  CHECK_FALSE(world.fixes(secret));
  REQUIRE(world.end().ok());
  CHECK(world.host.at(secret).mode == 0600);
  CHECK(world.last("rule_resumed", "why") == "ended");
}

TEST_CASE("policy bounds how much of any 24 hours an owner may pause a rule") {
  Owned world;
  CHECK(world.refusal(world.pause(3'601)) == "pause_not_allowed");
  REQUIRE(world.pause(2'400).ok());
  world.advance(1'200 * s);
  CHECK(world.refusal(world.pause(2'401)) == "pause_not_allowed");
  REQUIRE(world.pause(2'400).ok());  // in place of what is left of the first
  CHECK(world.last("rule_resumed", "why") == "replaced");
  world.advance(2'400 * s);
  CHECK(world.refusal(world.pause(1)) == "pause_not_allowed");
  CHECK(world.pause(3'600, "other").ok());  // each rule has its own
  world.advance(24 * 60 * minute - 3'600 * s);
  CHECK(world.pause(1'200).ok());
}

TEST_CASE("no restart and no clock that is set back make an owner's pause longer") {
  Owned world;
  REQUIRE(world.pause(3'000).ok());
  world.advance(1'800 * s);
  world.agent.reset();
  SUBCASE("a clock that goes on") { world.clock.advance(300 * s); }
  SUBCASE("a clock that is set back by a year") { world.clock.jump_wall(-365 * 24 * 60 * minute); }
  world.start();
  CHECK_FALSE(world.fixes(secret));
  world.advance(1'200 * s + limits::acts_write_ns);
  CHECK(world.host.at(secret).mode == 0600);
  CHECK(world.refusal(world.pause(960)) == "pause_not_allowed");
}

TEST_CASE("an agent that is started again and again gives an owner no more than policy does") {
  Owned world;
  REQUIRE(world.pause(3'600).ok());
  for (int start = 0; start < 3'600 / 50; ++start) {
    world.agent.reset();
    world.clock.jump_wall(-50 * s);  // set back each time to where it was
    world.clock.advance(50 * s);
    world.start();
  }
  world.link_up();
  CHECK(world.fixes(secret));
  CHECK(world.refusal(world.pause(600)) == "pause_not_allowed");
}

TEST_CASE("policy that allows less ends what an owner has paused") {
  Owned world;
  REQUIRE(world.pause(3'000).ok());
  CHECK_FALSE(world.fixes(secret));
  SUBCASE("the same rule with less time") {
    world.push(6, Owned::rules(10));
    CHECK(world.last("rule_resumed", "why") == "superseded");
    CHECK(world.host.at(secret).mode == 0600);
  }
  SUBCASE("without the rule") {
    world.push(6, {Owned::rules(60)[1]});
    CHECK(world.last("rule_resumed", "why") == "withdrawn");
  }
  SUBCASE("a new version that allows as much changes nothing") {
    world.push(6, Owned::rules(60));
    CHECK(world.records("rule_resumed").empty());
    CHECK(world.host.at(secret).mode == 0666);
  }
}

TEST_CASE("questions that make no sense are refused by name and change nothing") {
  Owned world;
  CHECK(world.refusal(world.ask({{"operation", "dance"}})) == "unknown_operation");
  CHECK(world.refusal(world.pause(600, "mod")) == "no_such_rule");
  CHECK(world.refusal(world.pause(0)) == "usage");
  CHECK(world.refusal(world.pause(86'401)) == "usage");
  CHECK(world.refusal(world.ask({{"operation", "pause"}, {"rule", "mode"}, {"for", 60}})) ==
        "usage");
  CHECK(world.refusal(world.ask({{"operation", "pause"},
                                 {"rule", Bytes{0xff}},
                                 {"for", 60},
                                 {"reason", std::string(257, 'x')}})) == "no_such_rule");
  CHECK(world.refusal(world.ask({{"operation", "why"}, {"subject", 7}})) == "usage");
  CHECK(world.refusal(world.ask({{"operation", "why"}, {"subject", "65536"}})) == "usage");
  CHECK(world.records("rule_paused").empty());
  CHECK(world.fixes(secret));
}

TEST_CASE("a rule of one name in two policies is asked for by its policy too") {
  Owned world;
  REQUIRE(world.pause(60, "none/mode").error().name == "no_such_rule");
  const std::string policy = world.agent->enforcer().policy().bundles.front().reference.name;
  CHECK(world.pause(60, policy + "/mode").ok());
}

TEST_CASE("why tells what each rule would do, and looks without touching") {
  Owned world;
  world.host.add_file(secret, 0666);
  const auto why = world.agent->answer(Value(Value::Map{{"operation", "why"}, {"subject", secret}}),
                                       {1, 0, std::nullopt});
  REQUIRE(why.ok());
  CHECK(world.host.at(secret).mode == 0666);
  const Value answer(*why);
  const auto& rules = *answer.find("rules")->array();
  REQUIRE(rules.size() == 1);
  CHECK(*rules[0].find("rule")->text() == "mode");
  const auto& deviations = *rules[0].find("deviations")->array();
  REQUIRE(deviations.size() == 1);
  CHECK(*deviations[0].find("would")->text() == "put_right");
  CHECK(*deviations[0].find("found")->text() == "mode 0666");
}

TEST_CASE("an owner undoes a fix, and what they restored is held for a while and then put right") {
  Owned world;
  CHECK(world.fixes(secret));
  const std::string incident = hex(world.receipts().back().incident.view());
  const auto undo = [&](std::string record) {
    return world.ask({{"operation", "undo"},
                      {"record", std::move(record)},
                      {"for", 600},
                      {"reason", "the deploy reads it"}});
  };
  SUBCASE("by 8 of its digits") {
    const auto undone = undo(incident.substr(0, 8));
    REQUIRE(undone.ok());
    CHECK(world.host.at(secret).mode == 0666);
    CHECK(*Value(*undone).find("exact")->boolean());
    CHECK(world.last("undone", "left") == "mode 0666");
    CHECK(world.last("object_held", "object") == secret);
    CHECK_FALSE(world.fixes(secret));
    CHECK(world.fixes(other));
    CHECK(world.count_of(RuleState::held) == 1);
    CHECK(world.refusal(undo(incident)) == "object_changed");
    world.advance(600 * s);
    CHECK(world.host.at(secret).mode == 0600);
    CHECK(world.last("object_released", "why") == "over");
    CHECK(world.count_of(RuleState::held) == 0);
  }
  SUBCASE("after a start") {
    world.start();
    world.link_up();
    REQUIRE(undo(incident).ok());
    CHECK(world.host.at(secret).mode == 0666);
    world.start();
    world.link_up();
    CHECK_FALSE(world.fixes(secret));
  }
  SUBCASE("not what is unknown, too short or changed since") {
    CHECK(world.refusal(undo("00000000")) == "no_such_fix");
    CHECK(world.refusal(undo(incident.substr(0, 7))) == "no_such_fix");
    world.host.add_file(secret, 0600);
    CHECK(world.refusal(undo(incident)) == "object_changed");
    CHECK(world.last("object_released", "why") == "undo_failed");
    CHECK(world.records("undone").empty());
    CHECK(world.fixes(secret));
  }
  SUBCASE("not where policy lets the owner pause nothing") {
    world.push(6, Owned::rules(0));
    CHECK(world.refusal(undo(incident)) == "pause_not_allowed");
    CHECK(world.host.at(secret).mode == 0600);
  }
}

TEST_CASE("what was kept of fixes is bounded, and a torn end costs the last one only") {
  CrashDisk disk;
  Receipt receipt;
  receipt.policy.name = "base";
  receipt.rule = "mode";
  Kept kept{secret, "mode 0666", {secret, {}}, {true, {}, {}, std::string(30'000, 'x')}};
  const auto id = [](std::uint64_t number) {
    FixedBytes<16> out;
    for (std::size_t i = 0; i < 8; ++i)
      out.data[i] = static_cast<std::uint8_t>(number >> (8 * (7 - i)));
    return out;
  };
  const auto digits = [&](std::uint64_t number) { return hex(id(number).view()); };
  {
    KeptFixes fixes(disk);
    for (std::uint64_t i = 1; i <= 400; ++i) {
      receipt.incident = id(i);
      fixes.add(receipt, kept);
    }
    fixes.write();
    CHECK(fixes.find(digits(400)).ok());
    CHECK(fixes.find(digits(1)).error().name == "no_such_fix");
    CHECK(fixes.find(digits(300)).ok());
    const auto back = fixes.find(digits(400));
    CHECK(back->kept.replaced == kept.replaced);
    CHECK(back->kept.object == secret);
  }
  auto file = disk.open(paths::kept_newer);
  REQUIRE((*file)->truncate((*file)->size() - 1).ok());
  KeptFixes again(disk);
  CHECK(again.find(digits(400)).error().name == "no_such_fix");
  receipt.incident = id(401);
  again.add(receipt, kept);
  again.write();
  CHECK(again.find(digits(401)).ok());
  CHECK(again.find(digits(399)).ok());
}

}  // namespace reeve
