// What the agent says of itself: starts, stops, upgrades, times in which it looked at nothing, and
// what a clock that jumps does to it.
#include <doctest/doctest.h>

#include "agent/agent_limits.h"
#include "common/paths.h"
#include "controller/cli/cli_limits.h"
#include "tests/agent/agent_world.h"

using namespace reeve;
using namespace reeve::testing;

namespace {

constexpr std::int64_t second = 1'000'000'000;
constexpr std::int64_t year = 365 * 86'400 * second;
const std::string secret = "/etc/secret";

struct Keeping : AgentWorld {
  Keeping() {
    host.add_file(secret, 0600);
    start();
    push(1, {file_rule("secret-mode", secret)});
  }
};

}  // namespace

TEST_CASE("a clean stop says who asked for it, as far as that is known") {
  Keeping world;
  world.agent->stop({15, 4'711, 1'000, "/usr/bin/kill"});
  auto stop = world.records("agent_stop").back();
  CHECK(stop.body.find("signal")->integer() == 15);
  CHECK(stop.body.find("pid")->integer() == 4'711);
  CHECK(stop.body.find("uid")->integer() == 1'000);
  CHECK(*stop.body.find("program")->text() == "/usr/bin/kill");
  world.start();
  world.stop();
  stop = world.records("agent_stop").back();
  CHECK(stop.body.find("pid") == nullptr);
}

TEST_CASE("an unclean stop says whether the process was killed because it was stuck") {
  Keeping world;
  world.start(9);
  world.was_stuck = true;
  world.start(9);
  const auto stops = world.records("unclean_stop");
  REQUIRE(stops.size() == 2);
  CHECK(!*stops[0].body.find("stuck")->boolean());
  CHECK(*stops[1].body.find("stuck")->boolean());
}

TEST_CASE("a start after an upgrade says from which version") {
  Keeping world;
  world.start();
  for (const Record& start : world.records("epoch_start"))
    CHECK(start.body.find("upgraded_from") == nullptr);
  REQUIRE(replace_file(world.disk, paths::journal_agent, bytes_of("0.0.9")).ok());
  world.start();
  world.start();
  std::size_t upgrades = 0;
  for (const Record& start : world.records("epoch_start")) {
    const Value* from = start.body.find("upgraded_from");
    if (from == nullptr) continue;
    CHECK(*from->text() == "0.0.9");
    ++upgrades;
  }
  CHECK(upgrades == 2);  // one a stream
}

TEST_CASE("a loop that comes round late, or on a host that was suspended, has been frozen") {
  FakeClock clock;
  FreezeWatch watch(clock);
  watch.expect(clock.monotonic_ns() + 4 * second);
  clock.advance(5 * second);
  CHECK(!watch.look());

  watch.expect(clock.monotonic_ns() + 4 * second);
  clock.advance(60 * second);
  auto freeze = watch.look();
  REQUIRE(freeze);
  CHECK(freeze->how == "stalled");
  CHECK(freeze->lasted_ns == 60 * second);
  CHECK(freeze->until_ns == clock.wall_ns());
  CHECK(freeze->since_ns == clock.wall_ns() - 60 * second);
  CHECK(!watch.look());

  watch.expect(clock.monotonic_ns() + 4 * second);
  clock.advance(second);
  clock.suspend(3'600 * second);
  freeze = watch.look();
  REQUIRE(freeze);
  CHECK(freeze->how == "suspended");
  CHECK(freeze->lasted_ns == 3'601 * second);
  CHECK(!watch.look());

  // The bounds hold where the wall clock was set meanwhile.
  watch.expect(clock.monotonic_ns() + 4 * second);
  clock.advance(20 * second);
  clock.jump_wall(-10 * year);
  freeze = watch.look();
  REQUIRE(freeze);
  CHECK(freeze->until_ns - freeze->since_ns == 20 * second);
}

TEST_CASE("a freeze is a record with its bounds, and what happened meanwhile is put right") {
  Keeping world;
  world.host.add_file(secret, 0666);
  world.clock.advance(60 * second);
  const std::int64_t now = world.clock.wall_ns();
  world.agent->froze({"stalled", now - 60 * second, now, 60 * second});
  world.settle();
  CHECK(world.host.at(secret).mode == 0600);
  CHECK(world.receipts().back().cause.via == "frozen");
  const auto frozen = world.records("frozen");
  REQUIRE(frozen.size() == 1);
  CHECK(*frozen[0].body.find("how")->text() == "stalled");
  CHECK(frozen[0].body.find("since")->integer() == now - 60 * second);
  CHECK(frozen[0].body.find("until")->integer() == now);
}

TEST_CASE("a courier that falls silent is started anew, once, and that is on record") {
  Keeping world;
  world.link_up();
  world.advance(limits::courier_silence_ns_max / 2);
  world.hear(MessageType::link_state, Bytes{1, 1});
  world.advance(limits::courier_silence_ns_max - second);
  CHECK(!world.agent->take_courier_wish());
  world.advance(2 * second);
  CHECK(world.agent->take_courier_wish());
  CHECK(!world.agent->take_courier_wish());
  world.advance(10 * limits::courier_silence_ns_max);
  CHECK(!world.agent->take_courier_wish());  // there is none to be silent
  CHECK(world.records("courier_restarted").size() == 1);
  // The next one has more time for its first word, since it resolves a name.
  world.agent->courier_started();
  world.advance(limits::courier_silence_ns_max + second);
  CHECK(!world.agent->take_courier_wish());
  world.advance(limits::courier_first_word_ns_max);
  CHECK(world.agent->take_courier_wish());
}

TEST_CASE("a clock that jumps changes nothing that matters") {
  constexpr std::int64_t y1970 = 0, y2038 = 2'147'483'648 * second;
  struct Jump {
    std::string name;
    std::optional<std::int64_t> to_ns;
    std::int64_t by_ns = 0;
    std::size_t recorded = 0;
  };
  const std::vector<Jump> jumps{{"a second on", {}, second, 0},
                                {"a second back", {}, -second, 0},
                                {"ten years on", {}, 10 * year, 1},
                                {"ten years back", {}, -10 * year, 1},
                                {"1970", y1970, 0, 1},
                                {"2038", y2038, 0, 1},
                                {"stopped", {}, 0, 2}};
  for (const Jump& jump : jumps) {
    CAPTURE(jump.name);
    Keeping world;
    world.link_up();
    const auto expired = world.sign(7, {file_rule("late", secret)}, [&](Manifest& manifest) {
      manifest.created_s -= 2 * limits::manifest_lifetime_s;
      manifest.expires_s -= 2 * limits::manifest_lifetime_s;
    });
    const auto good = world.sign(2, {file_rule("secret-mode", secret)});
    if (jump.to_ns) world.clock.set_wall(*jump.to_ns);
    world.clock.jump_wall(jump.by_ns);
    const bool is_stopped = jump.name == "stopped";

    // No sweep is missed: what no sensor tells of is found in time.
    for (int sweep = 0; sweep < 12; ++sweep) {
      world.host.add_file(secret, 0666);
      for (int step = 0; step < 12; ++step) {
        const std::int64_t wall = world.clock.wall_ns();
        world.advance(limits::sweep_interval_ns / 10);
        if (is_stopped) world.clock.set_wall(wall);
      }
      CHECK(world.host.at(secret).mode == 0600);
    }
    // One that stands still is an hour late again and again.
    CHECK(world.records("clock_jump").size() == jump.recorded);

    // Nothing un-expires, and what is good is not taken for expired.
    world.push(expired);
    CHECK(world.agent->policy_store().version() == 1);
    world.push(good);
    CHECK(world.agent->policy_store().version() == 2);
    CHECK(!world.agent->policy_store().is_stale());

    // Order comes from epoch and sequence: chains hold (records() checks it), across a restart too.
    world.start();
    CHECK(world.records("unclean_stop").size() == 1);
    const auto starts = world.records("epoch_start");
    CHECK(starts.size() == 4);
    CHECK(starts[1].body.find("last") != nullptr);
    CHECK(world.agent->policy_store().version() == 2);
  }
}
