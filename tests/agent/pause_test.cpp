#include <doctest/doctest.h>

#include "agent/agent_limits.h"
#include "common/act.h"
#include "common/paths.h"
#include "tests/agent/agent_world.h"

namespace reeve {

using namespace testing;
namespace fixture = trust_fixture;

namespace {

const std::string secret = "/etc/secret";
constexpr std::int64_t s = 1'000'000'000;

// An agent that enforces version 5, its link up, and an operator who may pause it.
struct Paused : AgentWorld {
  Paused() {
    host.add_file(secret, 0600);
    start();
    link_up();
    push(5, {file_rule("mode", secret)});
    REQUIRE(agent->policy_store().version() == 5);
  }
  Act act(std::uint8_t id = 1, std::int64_t span_s = 7'200) const {
    Act out;
    out.fleet = fixture::root().fleet;
    out.id.data.fill(id);
    out.version = 5;
    out.issued_s = clock.wall_ns() / s;
    out.until_s = out.issued_s + span_s;
    out.reason = "it fights with the deploy";
    return out;
  }
  static Bytes sealed(const Act& act) {
    return fixture::sealed(ObjectType::operator_act, encode_act(act), {fixture::operator_key});
  }
  void offer(const Act& act) { hear(MessageType::act, sealed(act)); }
  void resume(Act act) {
    act.kind = ActKind::resume;
    act.issued_s = clock.wall_ns() / s;
    act.until_s = std::max(act.until_s, act.issued_s + 1);
    offer(act);
  }
  // Whether a deviation is put right now.
  bool fixes() {
    host.add_file(secret, 0666);
    wake(0, secret);
    settle();
    return host.at(secret).mode == 0600;
  }
  std::size_t count(std::string_view type) { return records(type).size(); }
  std::vector<std::string> refusals() {
    std::vector<std::string> out;
    for (const Record& record : records("policy_refused"))
      out.push_back(*record.body.find("error")->text());
    return out;
  }
  std::string last_why() { return *records("enforcement_resumed").back().body.find("why")->text(); }
};

}  // namespace

TEST_CASE("a pause stops fixes and not looks, is on record, and ends by itself") {
  Paused world;
  world.offer(world.act());
  CHECK_FALSE(world.fixes());
  REQUIRE(world.count("enforcement_paused") == 1);
  const Record begun = world.records("enforcement_paused").front();
  CHECK(*begun.body.find("operator")->text() == "ada");
  CHECK(*begun.body.find("reason")->text() == "it fights with the deploy");
  CHECK(world.last_heartbeat()->rules[static_cast<std::size_t>(RuleState::paused)] == 1);
  CHECK(world.last_heartbeat()->pauses == std::vector<ActId>{world.act().id});
  const auto seen = world.receipts();
  REQUIRE_FALSE(seen.empty());
  CHECK(seen.back().outcome == outcome::paused);
  CHECK(seen.back().phase == Phase::open);

  world.advance(7'200 * s);
  CHECK(world.host.at(secret).mode == 0600);  // by the look that follows the end
  CHECK(world.fixes());
  CHECK(world.count("enforcement_resumed") == 1);
  CHECK(world.last_why() == "over");
  CHECK(world.last_heartbeat()->pauses.empty());
  CHECK(world.last_heartbeat()->rules[static_cast<std::size_t>(RuleState::paused)] == 0);
}

TEST_CASE("rules in mode audit are looked at as ever while others are paused") {
  Paused world;
  Rule rule = file_rule("mode", secret);
  rule.mode = Mode::audit;
  world.push(6, {rule});
  Act act = world.act();
  act.version = 6;
  world.offer(act);
  CHECK_FALSE(world.fixes());
  CHECK(world.receipts().back().outcome == outcome::audited);
  CHECK(world.last_heartbeat()->rules[static_cast<std::size_t>(RuleState::paused)] == 0);
}

TEST_CASE("a pause never begins again, by whatever way it comes") {
  Paused world;
  const Act act = world.act();
  SUBCASE("after its time") {
    world.offer(act);
    world.advance(7'200 * s);
    world.offer(act);
    CHECK(world.refusals() == std::vector<std::string>{"act_expired"});
  }
  SUBCASE("after its time and a start with a clock that was set back by ten years") {
    world.offer(act);
    world.advance(7'200 * s);
    world.agent.reset();
    world.clock.jump_wall(-10 * 365 * fixture::day_s * s);
    world.start();
    world.link_up();
    world.offer(act);
    CHECK(world.refusals() == std::vector<std::string>{"act_expired"});
  }
  SUBCASE("after an operator has ended it") {
    world.offer(act);
    world.resume(act);
    CHECK(world.last_why() == "ended");
    world.offer(act);
    CHECK(world.count("enforcement_paused") == 1);
  }
  SUBCASE("after an operator has ended it, and a start") {
    world.offer(act);
    world.resume(act);
    world.start();
    world.link_up();
    world.offer(act);
    CHECK(world.count("enforcement_paused") == 1);
  }
  SUBCASE("after an operator has ended it whom the root then lost, and after a start") {
    const auto with_root = [&](Root root, std::uint64_t version) {
      root.version = version;
      world.hear(MessageType::root,
                 fixture::sealed(ObjectType::root, encode_root(root), {fixture::root_key}));
    };
    Root both = fixture::root();
    Operator grace = both.operators.front();
    grace.name = "grace";
    grace.key = fixture::key(fixture::stranger_key).public_key();
    grace.transport_key = fixture::transport_key(fixture::stranger_key);
    both.operators.push_back(grace);
    with_root(both, 4);
    world.offer(act);
    Act end = act;
    end.kind = ActKind::resume;
    world.hear(MessageType::act,
               fixture::sealed(ObjectType::operator_act, encode_act(end), {fixture::stranger_key}));
    REQUIRE(world.last_why() == "ended");
    with_root(fixture::root(), 5);
    world.offer(act);
    CHECK(world.count("enforcement_paused") == 1);
    world.start();
    world.link_up();
    world.offer(act);
    CHECK(world.count("enforcement_paused") == 1);
  }
  SUBCASE("after it ran out while no agent ran, and a clock that was set back since") {
    world.offer(act);
    world.agent.reset();
    world.clock.advance(7'201 * s);
    world.start();
    world.agent.reset();
    world.clock.jump_wall(-3'600 * s);
    world.start();
    world.link_up();
    world.offer(act);
    CHECK(world.count("enforcement_paused") == 1);
  }
  SUBCASE("when its end came first") {
    world.resume(act);
    world.offer(act);
    CHECK(world.count("enforcement_paused") == 0);
  }
  CHECK(world.fixes());
  CHECK(world.last_heartbeat()->pauses.empty());
}

TEST_CASE("a start neither ends a pause nor prolongs it, whatever the clock says") {
  Paused world;
  world.offer(world.act());
  world.advance(3'600 * s);
  world.agent.reset();
  SUBCASE("a clock that is right") {}
  SUBCASE("a clock in 1970") { world.clock.set_wall(0); }
  SUBCASE("a clock that was set back by ten years") {
    world.clock.jump_wall(-10 * 365 * fixture::day_s * s);
  }
  world.start();
  world.link_up();
  const bool is_held = !world.fixes();
  // Back in 1970 the act was issued in the future: enforcement is the safe side.
  if (is_held) CHECK(world.agent->status().size() > 0);
  world.advance(3'600 * s + limits::acts_write_ns);
  CHECK(world.fixes());
}

TEST_CASE("an agent that is started again and again ends a pause in its time") {
  Paused world;
  world.offer(world.act());
  for (int start = 0; start < 7'200 / 50; ++start) {
    world.agent.reset();
    world.clock.jump_wall(-50 * s);  // set back each time to where it was
    world.clock.advance(50 * s);
    world.start();
  }
  world.link_up();
  CHECK(world.fixes());
}

TEST_CASE("no clock that is set while a pause counts makes it longer") {
  for (const std::int64_t jump_s :
       {-10 * 365 * fixture::day_s, std::int64_t{-3'601}, std::int64_t{-1}, std::int64_t{1}}) {
    CAPTURE(jump_s);
    Paused world;
    world.offer(world.act());
    world.clock.jump_wall(jump_s * s);
    world.advance(7'199 * s);
    CHECK_FALSE(world.fixes());
    world.advance(2 * s);
    CHECK(world.fixes());
  }
}

TEST_CASE("a pause is of one version: the next one is enforced, and one to come waits") {
  Paused world;
  world.offer(world.act());
  world.push(6, {file_rule("mode", secret)});
  CHECK(world.fixes());
  CHECK(world.last_why() == "superseded");
  Act act = world.act(2);
  act.version = 7;
  world.offer(act);
  CHECK(world.fixes());
  world.push(7, {file_rule("mode", secret)});
  CHECK_FALSE(world.fixes());
}

TEST_CASE("an act that must not count is refused on record and changes nothing") {
  Paused world;
  std::string name;
  Act act = world.act();
  Bytes object = Paused::sealed(act);
  SUBCASE("of another fleet") {
    act.fleet.data[0] ^= 1;
    object = Paused::sealed(act);
    name = "wrong_fleet";
  }
  SUBCASE("by an operator without the right") {
    object = fixture::sealed(ObjectType::operator_act, encode_act(act), {fixture::viewer_key});
    name = "not_permitted";
  }
  SUBCASE("by the ledger's key") {
    object = fixture::sealed(ObjectType::operator_act, encode_act(act), {fixture::ledger_key});
    name = "not_an_operator";
  }
  SUBCASE("altered") {
    object.back() ^= 1;
    name = "bad_signature";
  }
  SUBCASE("for other hosts") {
    act.selector = {{{"role", {"db"}}}};
    object = Paused::sealed(act);
    name = "not_for_this_node";
  }
  SUBCASE("for more than a day") {
    act.until_s = act.issued_s + limits::pause_s_max + 1;
    object = Paused::sealed(act);
    name = "pause_too_long";
  }
  SUBCASE("issued in two hours, for later") {
    act.issued_s += 7'200;
    act.until_s += 7'200;
    object = Paused::sealed(act);
    name = "act_from_future";
  }
  world.hear(MessageType::act, object);
  world.hear(MessageType::act, object);
  CHECK(world.refusals() == std::vector<std::string>{name});
  CHECK(world.fixes());
  CHECK(world.count("enforcement_paused") == 0);
}

TEST_CASE("a pause ends when the next root no longer has its operator") {
  Paused world;
  world.offer(world.act());
  REQUIRE_FALSE(world.fixes());
  Root next = fixture::root();
  next.version += 1;
  next.operators.erase(next.operators.begin());
  world.hear(MessageType::root,
             fixture::sealed(ObjectType::root, encode_root(next), {fixture::root_key}));
  CHECK(world.fixes());
  CHECK(world.last_why() == "withdrawn");
}

TEST_CASE("a pause ends on a host that is no longer one of those it was for") {
  Paused world;
  Act act = world.act();
  act.selector = {{{"role", {"web"}}}};
  world.offer(act);
  REQUIRE_FALSE(world.fixes());
  auto certificate = fixture::certificate();
  ++certificate.version;
  certificate.labels["role"] = "db";
  world.hear(MessageType::certificate,
             fixture::sealed(ObjectType::node_certificate, encode_certificate(certificate),
                             {fixture::operator_key}));
  CHECK(world.fixes());
  CHECK(world.last_why() == "withdrawn");
}

TEST_CASE("no more acts are kept than there is room for, and the end of one always counts") {
  Paused world;
  for (std::size_t i = 0; i < limits::acts_max; ++i)
    world.offer(world.act(static_cast<std::uint8_t>(i + 1)));
  world.offer(world.act(99));
  CHECK(world.refusals() == std::vector<std::string>{"too_many_acts"});
  for (std::size_t i = 0; i < limits::acts_max; ++i) {
    CHECK_FALSE(world.fixes());
    world.resume(world.act(static_cast<std::uint8_t>(i + 1)));
  }
  CHECK(world.fixes());
}

TEST_CASE("a disk that does not take a pause refuses it, and its end counts all the same") {
  Paused world;
  world.own_disk.fail(CrashDisk::Call::rename, 1, ENOSPC);
  world.offer(world.act());
  CHECK(world.own_disk.faults_fired() == 1);
  CHECK(world.fixes());
  world.offer(world.act());
  REQUIRE_FALSE(world.fixes());
  world.own_disk.fail(CrashDisk::Call::rename, 1, ENOSPC);
  world.resume(world.act());
  CHECK(world.fixes());
}

}  // namespace reeve
