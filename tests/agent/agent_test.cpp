#include <doctest/doctest.h>

#include <algorithm>

#include "agent/agent_limits.h"
#include "controller/cli/cli_limits.h"
#include "tests/agent/agent_world.h"

using namespace reeve;
using namespace reeve::testing;

namespace {

const std::string secret = "/etc/secret";

void add_secret(AgentWorld& world) { world.host.add_file(secret, 0644); }

std::size_t count_of(AgentWorld& world, std::string_view type) {
  return world.records(type).size();
}

}  // namespace

TEST_CASE("a first start opens both streams with nothing before them") {
  AgentWorld world;
  world.start();
  const auto starts = world.records("epoch_start");
  REQUIRE(starts.size() == 2);
  for (const Record& start : starts) CHECK(start.body.find("previous") == nullptr);
  CHECK(count_of(world, "unclean_stop") == 0);
}

TEST_CASE("pushed policy is adopted, swept and enforced, and every step is on record") {
  AgentWorld world;
  add_secret(world);
  world.start();
  world.link_up();
  world.push(1, {file_rule("secret-mode", secret)});
  CHECK(world.host.at(secret).mode == 0600);
  const auto receipts = world.receipts();
  REQUIRE(receipts.size() == 1);
  CHECK(receipts[0].outcome == outcome::fixed);
  CHECK(receipts[0].cause.via == "policy");
  CHECK(receipts[0].policy.version == 1);
  REQUIRE(receipts[0].policy.signers.size() == 1);
  const auto adopted = world.records("policy_adopted");
  REQUIRE(adopted.size() == 1);
  CHECK(adopted[0].body.find("version")->natural() == 1u);
  const auto states = world.records("state");
  REQUIRE(states.size() == 1);
  CHECK(*states[0].body.find("bundles")->array()->at(0).find("rules")->binary() == Bytes{1});
}

TEST_CASE("a wake of a sensor is put right before anything is sent") {
  AgentWorld world;
  add_secret(world);
  world.start();
  world.push(1, {file_rule("secret-mode", secret)});
  world.host.add_file(secret, 0666);
  world.wake(0, secret);
  CHECK(world.host.at(secret).mode == 0600);
  CHECK(world.sensor.watched.size() >= 1);
  world.settle();
  CHECK(world.receipts().back().cause.via == "fake");
}

TEST_CASE("an agent that starts with no controller in sight enforces what it has") {
  AgentWorld world;
  add_secret(world);
  world.start();
  world.push(3, {file_rule("secret-mode", secret)});
  world.stop();
  world.host.add_file(secret, 0666);
  world.start();
  CHECK(world.host.at(secret).mode == 0600);
  CHECK(!world.agent->link_is_up());
  CHECK(world.receipts().back().cause.via == "start");
  CHECK(world.agent->policy_store().version() == 3);
}

TEST_CASE("a clean stop is a record and the next start names it and nothing else") {
  AgentWorld world;
  world.start();
  const Epoch first = world.agent->recorder().epoch();
  world.stop();
  CHECK(count_of(world, "agent_stop") == 1);
  world.start();
  CHECK(count_of(world, "unclean_stop") == 0);
  const auto starts = world.records("epoch_start");
  REQUIRE(starts.size() == 4);
  CHECK(*starts[1].body.find("previous")->binary() == Bytes(first.data.begin(), first.data.end()));
  CHECK(starts[1].body.find("last")->natural() == 1u);
  CHECK(starts[1].body.find("header")->binary()->size() == 32);
  CHECK(starts[3].body.find("last")->natural() == 0u);
}

TEST_CASE("an unclean stop is one record with its bounds") {
  AgentWorld world;
  world.start();
  world.clock.advance(7'000'000'000);
  world.start(9);
  const auto stops = world.records("unclean_stop");
  REQUIRE(stops.size() == 1);
  const Value& body = stops[0].body;
  CHECK(body.find("urgent_last")->natural() == 0u);
  CHECK(body.find("routine_last")->natural() == 0u);
  CHECK(body.find("wait_status")->integer() == 9);
  CHECK(*body.find("until")->integer() - *body.find("since")->integer() >= 7'000'000'000);
  world.stop();
  world.start();
  CHECK(count_of(world, "unclean_stop") == 1);
}

TEST_CASE("an incident that is open survives a kill and is closed once, under its own id") {
  AgentWorld world;
  add_secret(world);
  Rule rule = file_rule("secret-mode", secret);
  rule.mode = Mode::audit;
  world.start();
  world.push(1, {rule});
  REQUIRE(world.receipts().size() == 1);
  world.start();
  world.start();
  REQUIRE(world.receipts().size() == 1);
  world.host.add_file(secret, 0600);
  world.wake(0, secret);
  world.settle();
  const auto receipts = world.receipts();
  REQUIRE(receipts.size() == 2);
  CHECK(receipts[1].phase == Phase::close);
  CHECK(receipts[1].outcome == outcome::resolved);
  CHECK(receipts[1].incident == receipts[0].incident);
}

TEST_CASE("policy that leaves a rule out withdraws its open incidents") {
  AgentWorld world;
  add_secret(world);
  Rule rule = file_rule("secret-mode", secret);
  rule.mode = Mode::audit;
  world.start();
  world.push(1, {rule});
  world.push(2, {file_rule("other", "/etc/other")});
  CHECK(world.receipts().back().outcome == outcome::withdrawn);
}

TEST_CASE("heartbeats are signed, regular, and say what is in force") {
  AgentWorld world;
  add_secret(world);
  world.start();
  CHECK(!world.last_heartbeat());
  world.link_up();
  REQUIRE(world.last_heartbeat());
  CHECK(world.last_heartbeat()->manifest_version == 0);
  CHECK(world.last_heartbeat()->isolation == "full");
  world.push(4, {file_rule("secret-mode", secret)});
  const auto beat = world.last_heartbeat();
  CHECK(beat->manifest_version == 4);
  CHECK(beat->manifest_digest == world.agent->policy_store().digest());
  CHECK(beat->epoch == world.agent->recorder().epoch());
  CHECK(beat->sensors == std::vector<std::string>{"fake"});
  const std::size_t before = world.courier.payloads(MessageType::heartbeat).size();
  world.advance(limits::heartbeat_interval_ns / 2);
  CHECK(world.courier.payloads(MessageType::heartbeat).size() == before);
  world.advance(limits::heartbeat_interval_ns / 2);
  CHECK(world.courier.payloads(MessageType::heartbeat).size() == before + 1);
  CHECK(world.last_heartbeat()->rules[1] == 1);
  CHECK(world.last_heartbeat()->count == before);
}

TEST_CASE("a new courier is told whom to talk to and hears nothing else before its link is up") {
  AgentWorld world;
  world.start();
  world.agent->courier_started();
  world.settle();
  REQUIRE(world.courier.sent.size() == 1);
  const auto configure = world.courier.payloads(MessageType::configure);
  REQUIRE(configure.size() == 1);
  CHECK(decode_courier_config(configure[0])->address == "tcp://127.0.0.1:1");
  world.hear(MessageType::link_state, Bytes{1, 0});
  CHECK(world.courier.payloads(MessageType::batch).size() >= 2);
  CHECK(world.last_heartbeat()->isolation == "reduced");
  world.agent->courier_lost();
  CHECK(!world.agent->link_is_up());
}

TEST_CASE("an idle agent asks for no time before its next duty") {
  AgentWorld world;
  add_secret(world);
  world.start();
  world.link_up();
  world.push(1, {file_rule("secret-mode", secret)});
  world.acknowledge_keys();
  world.acknowledge_all();
  world.advance(std::max(limits::acknowledged_write_ns, limits::rest_after_ns));
  const std::int64_t idle = world.agent->step() - world.clock.monotonic_ns();
  CHECK(idle > limits::heartbeat_interval_ns / 2);
  world.hear(MessageType::link_state, Bytes{0, 1});
  // No longer than the courier may be silent.
  CHECK(world.agent->step() - world.clock.monotonic_ns() > limits::courier_silence_ns_max / 2);
  world.agent->courier_lost();
  CHECK(world.agent->step() - world.clock.monotonic_ns() > limits::sweep_interval_ns / 2);
}

TEST_CASE("a heartbeat follows the first sweep of a policy, with what it found") {
  AgentWorld world;
  add_secret(world);
  Rule rule = file_rule("secret-mode", secret);
  rule.mode = Mode::audit;
  world.start();
  world.link_up();
  world.push(1, {rule});
  CHECK(world.last_heartbeat()->rules[2] == 1);
}

TEST_CASE("a sweep finds what no sensor told of, every ten minutes or so") {
  AgentWorld world;
  add_secret(world);
  world.start();
  world.push(1, {file_rule("secret-mode", secret)});
  world.host.add_file(secret, 0666);
  world.advance(limits::sweep_interval_ns * 8 / 10);
  CHECK(world.host.at(secret).mode == 0666);
  world.advance(limits::sweep_interval_ns * 3 / 10);
  CHECK(world.host.at(secret).mode == 0600);
  CHECK(world.receipts().back().cause.via == "sweep");
}

TEST_CASE("lost events are a record and a sweep") {
  AgentWorld world;
  add_secret(world);
  world.start();
  world.push(1, {file_rule("secret-mode", secret)});
  world.host.add_file(secret, 0666);
  world.sensor.next.overflowed = true;
  world.agent->sensor_ready(0);
  world.settle();
  CHECK(world.host.at(secret).mode == 0600);
  const auto blind = world.records("blind");
  REQUIRE(blind.size() == 1);
  CHECK(*blind[0].body.find("sensor")->text() == "fake");
}

TEST_CASE("a state record follows a change by at most a minute, and every hour") {
  AgentWorld world;
  add_secret(world);
  Rule rule = file_rule("secret-mode", secret);
  rule.mode = Mode::audit;
  world.host.add_file(secret, 0600);
  world.start();
  world.push(1, {rule});
  CHECK(count_of(world, "state") == 1);
  world.host.add_file(secret, 0666);
  world.wake(0, secret);
  world.settle();
  CHECK(count_of(world, "state") == 1);
  world.advance(limits::state_record_change_ns);
  const auto states = world.records("state");
  REQUIRE(states.size() == 2);
  CHECK(*states[1].body.find("bundles")->array()->at(0).find("rules")->binary() == Bytes{2});
  CHECK(states[1].severity == Severity::low);
  world.advance(limits::state_record_hourly_ns);
  CHECK(count_of(world, "state") == 3);
}

TEST_CASE("a failing fix that is woken again is tried when its time has come") {
  AgentWorld world;
  add_secret(world);
  world.host.refuse("set_mode", secret, {"fix_failed", "read-only"});
  world.start();
  world.push(1, {file_rule("secret-mode", secret)});
  CHECK(world.receipts().back().outcome == outcome::fix_failed);
  world.host.allow_all();
  world.wake(0, secret);
  world.settle();
  CHECK(world.host.at(secret).mode == 0644);
  world.advance(limits::fix_retry_min_ns);
  CHECK(world.host.at(secret).mode == 0600);
  CHECK(world.receipts().back().phase == Phase::close);
}

TEST_CASE("a clock that jumps is a record and revives nothing that has expired") {
  AgentWorld world;
  add_secret(world);
  world.start();
  const auto old = world.sign(5, {file_rule("secret-mode", secret)});
  world.clock.advance((limits::manifest_lifetime_s + 10) * 1'000'000'000);
  world.clock.jump_wall(-40LL * 86'400 * 1'000'000'000);
  world.settle();
  CHECK(count_of(world, "clock_jump") == 1);
  world.push(old);
  CHECK(world.agent->policy_store().version() == 0);
  CHECK(*world.records("policy_refused").back().body.find("error")->text() == "manifest_expired");
  world.clock.jump_wall(80LL * 86'400 * 1'000'000'000);
  world.settle();
  CHECK(count_of(world, "clock_jump") == 2);
}

TEST_CASE("hostile words from the courier change nothing") {
  AgentWorld world;
  add_secret(world);
  world.start();
  world.link_up();
  world.push(1, {file_rule("secret-mode", secret)});
  const std::size_t records = world.records().size();
  std::uint64_t seed = 1;
  for (int i = 0; i < 2'000; ++i) {
    Bytes noise;
    for (int j = 0; j < 1 + i % 80; ++j) {
      seed = seed * 6364136223846793005u + 1442695040888963407u;
      noise.push_back(static_cast<std::uint8_t>(seed >> 56));
    }
    if (i % 2 == 0) {
      world.courier.incoming.push_back(noise);
    } else {
      constexpr MessageType types[] = {MessageType::acknowledgement, MessageType::chunk,
                                       MessageType::configure, MessageType::batch};
      world.courier.incoming.push_back(encode_message(types[i / 2 % 4], noise));
    }
    world.agent->step();
  }
  world.settle();
  CHECK(world.agent->policy_store().version() == 1);
  CHECK(world.records().size() == records);
}

TEST_CASE("the owner's status names the policy, its rules and what is open") {
  AgentWorld world;
  add_secret(world);
  Rule rule = file_rule("secret-mode", secret);
  rule.mode = Mode::audit;
  world.start();
  world.push(1, {rule, file_rule("other", "/etc/other")});
  const Value status{world.agent->status()};
  CHECK(*status.find("node")->text() == "web-1");
  CHECK(status.find("policy")->natural() == 1u);
  CHECK(*status.find("link")->text() == "down");
  REQUIRE(status.find("rule_states")->array()->size() == 2);
  CHECK(*status.find("rule_states")->array()->at(0).find("rule")->text() == "secret-mode");
  REQUIRE(status.find("open")->array()->size() == 1);
  CHECK(encode(status).size() < limits::control_message_bytes_max);
}

TEST_CASE("twenty thousand rules fit into one agent, one state record and one status") {
  AgentWorld world;
  std::vector<Rule> rules;
  for (std::size_t i = 0; i < limits::bundle_rules_max; ++i)
    rules.push_back(
        file_rule(std::string(limits::name_bytes_max - 5, 'r') + std::to_string(10'000 + i),
                  "/etc/" + std::to_string(i)));
  world.start();
  world.link_up();
  world.push(1, rules);
  CHECK(world.agent->policy_store().version() == 1);
  CHECK(count_of(world, "state") == 1);
  CHECK(encode(Value(world.agent->status())).size() < limits::control_message_bytes_max);
}

TEST_CASE("a disk that is full from the start on does not keep a core busy") {
  AgentWorld world;
  world.provide_key(trust_fixture::key(trust_fixture::record_key));
  world.own_disk.fail(CrashDisk::Call::append, 1, ENOSPC, 1'000'000);
  world.start();
  REQUIRE(world.has_started());
  CHECK(world.own_disk.faults_fired() > 0);
  CHECK(world.agent->step() > world.clock.monotonic_ns());
}

TEST_CASE("an incident of an object that the rule no longer names is withdrawn, never resolved") {
  AgentWorld world;
  world.hands = nullptr;
  world.host.add_file("/etc/a", 0666);
  world.start();
  world.push(1, {file_rule("rule", "/etc/a")});
  REQUIRE(world.receipts().size() == 1);
  world.push(2, {file_rule("rule", "/etc/b")});
  const auto receipts = world.receipts();
  REQUIRE(receipts.size() == 2);
  CHECK(receipts[1].phase == Phase::close);
  CHECK(receipts[1].outcome == outcome::withdrawn);
  CHECK(receipts[1].left == receipts[0].found);
  CHECK(receipts[1].verified.mono_ns == 0);
}
