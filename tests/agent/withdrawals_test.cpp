// What rules leave behind on the host when they leave policy, and what of it is taken away.
#include <doctest/doctest.h>

#include <algorithm>

#include "agent/enforcer.h"
#include "tests/agent/agent_fakes.h"
#include "tests/agent/journal_life.h"
#include "tests/fakes/fake_host.h"
#include "tests/fakes/fake_ruleset.h"

using namespace reeve;
using namespace reeve::testing;

namespace {

const TableId inbound{"inet", "reeve_inbound_in"};
const TableId forbidden{"inet", "reeve_forbid_telnet"};
const TableId authors{"inet", "web"};
const TableId others{"ip", "filter"};

Rule firewall_rule(std::string id, Value::Map fields, Mode mode = Mode::enforce) {
  Rule rule;
  rule.id = std::move(id);
  rule.kind = "firewall";
  rule.mode = mode;
  rule.fields = Value(std::move(fields));
  return rule;
}

Rule inbound_rule(Mode mode = Mode::enforce) {
  return firewall_rule("in", {{"inbound", Value::Array{}}}, mode);
}

Rule forbid_rule() {
  return firewall_rule(
      "telnet",
      {{"forbid", Value::Array{Value::Map{{"protocol", "tcp"}, {"ports", Value::Array{"23"}}}}}});
}

Rule require_rule() {
  return firewall_rule("head", {{"require", "tcp dport 24 drop"}, {"chain", "ip filter INPUT"}});
}

Rule table_rule() {
  return firewall_rule("web", {{"table", "inet web"}, {"body", "chain c { tcp dport 25 drop; }"}});
}

struct World {
  World() {
    ruleset.load("table ip filter {\n\tchain INPUT {\n\t\ttcp dport 22 accept\n\t}\n}\n");
    host.set_ruleset(ruleset);
  }
  void adopt(std::vector<Rule> rules) {
    ActivePolicy policy;
    policy.version = ++version;
    policy.bundles.push_back({{"base", version, {}, {}}, 0, rules.size()});
    for (Rule& rule : rules) {
      auto resource = bind_rule(rule);
      REQUIRE_MESSAGE(resource.ok(), (resource.ok() ? "" : resource.error().detail));
      policy.rules.push_back({std::move(rule), std::move(*resource), 0, RuleState::unknown});
    }
    enforcer.adopt(std::move(policy), "adoption");
    sweep();
  }
  void sweep() {
    while (enforcer.next_due() == INT64_MIN) enforcer.work();
  }
  bool stands(const TableId& table) const { return !ruleset.text_of(table).empty(); }
  std::vector<Receipt> receipts_of(std::string_view outcome) {
    life.recorder().flush();
    std::vector<Receipt> out;
    for (const Stream stream : {Stream::urgent, Stream::routine})
      for (const Record& record : contents_of(life.recorder().journal(stream)).records)
        if (record.type == "receipt")
          if (auto receipt = decode_receipt(record); receipt->outcome == outcome)
            out.push_back(std::move(*receipt));
    return out;
  }

  CrashDisk disk;
  JournalLife life{disk, 5};
  FakeHost host;
  FakeRuleset ruleset;
  FakeClock clock;
  KeptNotes notes;
  Incidents incidents;
  std::uint64_t version = 0;
  Enforcer enforcer{{host, &host, clock, life.recorder(), incidents, {}, notes, 1}};
};

}  // namespace

TEST_CASE("what bears a rule's mark goes when the rule leaves policy, and nothing else does") {
  World world;
  world.adopt({inbound_rule(), forbid_rule(), require_rule(), table_rule()});
  REQUIRE(world.stands(inbound));
  REQUIRE(world.stands(forbidden));
  REQUIRE(world.stands(authors));
  REQUIRE(world.ruleset.text_of(others).find("reeve:head") != std::string::npos);
  world.adopt({forbid_rule()});
  CHECK(!world.stands(inbound));
  CHECK(world.stands(forbidden));
  // A table whose name the policy's author chose may have been somebody's before.
  CHECK(world.stands(authors));
  CHECK(world.ruleset.text_of(others).find("reeve:head") == std::string::npos);
  CHECK(world.ruleset.text_of(others).find("tcp dport 22 accept") != std::string::npos);
  const auto told = world.receipts_of(outcome::withdrawn);
  REQUIRE(told.size() == 2);
  CHECK(told[0].rule == "in");
  CHECK(told[0].object == "inet reeve_inbound_in");
  CHECK(told[0].phase == Phase::whole);
  CHECK(told[0].policy.version == 1);
  CHECK(told[0].verified.mono_ns > 0);
  CHECK(told[1].object == "ip filter INPUT reeve:head");
  const std::size_t acts = world.ruleset.applied().size();
  world.adopt({forbid_rule()});
  CHECK(world.ruleset.applied().size() == acts);
}

TEST_CASE("what takes a rule's place stands before what it leaves is taken away") {
  World world;
  world.adopt({inbound_rule()});
  Rule renamed = inbound_rule();
  renamed.id = "other";
  world.adopt({renamed});
  CHECK(!world.stands(inbound));
  CHECK(world.stands({"inet", "reeve_inbound_other"}));
  const auto& applied = world.ruleset.applied();
  REQUIRE(applied.size() == 3);
  CHECK(applied[1].find("reeve_inbound_other") != std::string::npos);
  CHECK(applied[2].find("reeve_inbound_in") != std::string::npos);
}

TEST_CASE("what an audited rule speaks of, or one that comes back at once, is left alone") {
  World world;
  world.ruleset.load("table inet reeve_inbound_in {\n}\n");
  world.adopt({inbound_rule(Mode::audit)});
  world.adopt({});
  CHECK(world.stands(inbound));
  world.adopt({inbound_rule()});
  world.ruleset.refuse("apply", {"fix_failed", "EBUSY"});
  world.adopt({});
  world.ruleset.allow_all();
  world.adopt({inbound_rule()});
  world.adopt({inbound_rule()});
  CHECK(world.stands(inbound));
}

TEST_CASE("what cannot be taken away is told once and tried again by every sweep") {
  World world;
  world.adopt({inbound_rule()});
  world.ruleset.refuse("apply", {"fix_failed", "EBUSY"});
  for (int i = 0; i < 3; ++i) {
    if (i == 0) world.adopt({});
    world.clock.advance(2 * limits::sweep_interval_ns);
    world.enforcer.work();
    world.sweep();
  }
  CHECK(world.stands(inbound));
  REQUIRE(world.receipts_of(outcome::fix_failed).size() == 1);
  CHECK(world.receipts_of(outcome::fix_failed)[0].detail == "EBUSY");
  world.ruleset.allow_all();
  world.clock.advance(2 * limits::sweep_interval_ns);
  world.enforcer.work();
  world.sweep();
  CHECK(!world.stands(inbound));
  CHECK(world.receipts_of(outcome::withdrawn).size() == 1);
}
