#include <fmt/format.h>

#include "agent/kind_limits.h"
#include "tests/fakes/fake_ruleset.h"
#include "tests/fakes/fake_sockets.h"
#include "tests/kinds/rules.h"

namespace reeve {

namespace {

const TableId block_table = {"inet", "reeve_port_block"};

// A host with sshd at its place, and sockets and tables to play with.
struct Port {
  Port() {
    host.add_directory("/usr");
    host.add_directory("/usr/sbin");
    host.add_file("/usr/sbin/sshd", 0755);
    host.add_user("bob", 1000);
    host.set_ruleset(ruleset);
    host.set_sockets(sockets);
  }

  Holder running(const std::string& program, std::uint64_t pid, std::uint32_t uid = 0) const {
    const FileFacts facts = host.at(program);
    Holder out;
    out.pid = pid;
    out.start_ticks = pid + 1;
    out.device = facts.device;
    out.inode = facts.inode;
    out.program = program;
    out.uid = uid;
    return out;
  }
  static Holder stray(std::uint64_t pid, std::uint32_t uid = 0) {
    Holder out;
    out.pid = pid;
    out.device = 77;
    out.inode = pid + 100'000;
    out.program = "/tmp/nc";
    out.command = "nc -l 4444";
    out.uid = uid;
    out.login_uid = 1000;
    return out;
  }
  Listener add_stray(const std::string& object, std::uint64_t pid, std::uint32_t uid = 0) {
    const Listener out = sockets.add(object, uid);
    sockets.add_holder(out, stray(pid, uid));
    return out;
  }

  FakeHost host;
  FakeRuleset ruleset;
  FakeSockets sockets;
};

Value::Array texts(std::initializer_list<const char*> all) {
  Value::Array out;
  for (const char* one : all) out.emplace_back(one);
  return out;
}

std::unique_ptr<Resource> bound_port(Value::Map fields) {
  auto resource = bind_rule(rule_of(std::move(fields), "port"));
  REQUIRE_MESSAGE(resource.ok(), (resource.ok() ? "" : resource.error().detail));
  return std::move(*resource);
}

std::unique_ptr<Resource> nothing_may(std::initializer_list<const char*> actions) {
  return bound_port({{"allow", Value::Array{}}, {"protocol", "tcp"}, {"actions", texts(actions)}});
}

const Value::Map sshd_row = {
    {"protocol", "tcp"}, {"ports", texts({"22"})}, {"program", "/usr/sbin/sshd"}};

Status fixed(const Resource& rule, Port& port, std::uint32_t rung = 0) {
  Deviation found = only_deviation(rule, port.host);
  found.rung = rung;
  return rule.fix(found, port.host, port.host);
}

}  // namespace

TEST_CASE("port: what is allowed holds, and is looked at without a pass over the processes") {
  Port port;
  port.sockets.add("tcp 0.0.0.0:80");
  port.sockets.add("udp [::]:53");
  auto rule = bound_port({{"allow", Value::Array{Value::Map{{"ports", texts({"53", "80-90"})}}}}});
  const CheckResult result = checked(*rule, port.host);
  CHECK(result.holds());
  CHECK(result.objects == 2);
  CHECK(port.sockets.passes() == 0);
  CHECK(port.sockets.acts().empty());
}

TEST_CASE("port: a stray listener is found with its holder, closed, and holds again") {
  Port port;
  const Listener stray = port.add_stray("tcp 0.0.0.0:4444", 7, 1000);
  auto rule = nothing_may({"close"});
  const Deviation found = only_deviation(*rule, port.host);
  CHECK(found.object == "tcp 0.0.0.0:4444");
  CHECK(found.desired == "nothing listens but what is allowed");
  CHECK(found.found == "listening: /tmp/nc (pid 7, user bob)");
  REQUIRE(found.culprit.has_value());
  CHECK(found.culprit->confidence == Confidence::certain);
  CHECK(found.culprit->pid == 7);
  CHECK(found.culprit->program == "/tmp/nc");
  CHECK(found.culprit->command == "nc -l 4444");
  CHECK(found.culprit->uid == 1000u);
  CHECK(found.culprit->login_uid == 1000u);
  CHECK(port.sockets.passes() == 1);
  CHECK(rule->fix(found, port.host, port.host).ok());
  CHECK(port.sockets.passes() == 1);  // closing needs no holders
  CHECK(port.sockets.acts() == Objects{fmt::format("destroy tcp 0.0.0.0:4444 {}", stray.cookie)});
  CHECK(checked(*rule, port.host).holds());
  CHECK(rule->fix(found, port.host, port.host).ok());  // nothing is left to act against
  CHECK(port.sockets.acts().size() == 1);
}

TEST_CASE("port: without actions a stray is reported and nothing is done") {
  Port port;
  port.add_stray("udp 0.0.0.0:4444", 7);
  auto rule = bound_port({{"allow", Value::Array{}}});
  CHECK(deviating(*rule, port.host) == Objects{"udp 0.0.0.0:4444 report_only"});
  CHECK(rule->fix(only_deviation(*rule, port.host), port.host, port.host).error().name ==
        "report_only");
  CHECK(port.sockets.acts().empty());
}

TEST_CASE("port: protocol, port, address and user of one row must all match") {
  Port port;
  const Value::Map row = {{"protocol", "tcp"},
                          {"ports", texts({"80"})},
                          {"address", texts({"10.0.0.0/8", "::1"})},
                          {"user", "bob"}};
  auto rule = bound_port({{"allow", Value::Array{row}}});
  port.sockets.add("tcp 10.1.2.3:80", 1000);
  port.sockets.add("tcp [::1]:80", 1000);
  port.sockets.add("tcp [::ffff:10.9.9.9]:80", 1000);
  CHECK(checked(*rule, port.host).holds());
  port.sockets.add("tcp 0.0.0.0:80", 1000);
  port.sockets.add("tcp 10.1.2.3:81", 1000);
  port.sockets.add("tcp 10.1.2.4:80", 0);
  port.sockets.add("udp 10.1.2.3:80", 1000);
  CHECK(checked(*rule, port.host).deviations.size() == 4);
}

TEST_CASE("port: a program is the file itself, for every holder of the socket") {
  Port port;
  const Listener ssh = port.sockets.add("tcp 0.0.0.0:22");
  auto rule = bound_port({{"allow", Value::Array{sshd_row}}});
  CHECK(checked(*rule, port.host).deviations.size() == 1);  // nobody is seen to hold it
  port.sockets.add_holder(ssh, port.running("/usr/sbin/sshd", 5));
  port.sockets.add_holder(ssh, port.running("/usr/sbin/sshd", 6));
  CHECK(checked(*rule, port.host).holds());
  Holder dressed = Port::stray(7);
  dressed.program = "/usr/sbin/sshd";
  port.sockets.add_holder(ssh, dressed);
  const Deviation found = only_deviation(*rule, port.host);
  REQUIRE(found.culprit.has_value());
  CHECK(found.culprit->confidence == Confidence::likely);
  CHECK(found.found == "listening: /usr/sbin/sshd (pid 5, user root) and 2 more");
}

TEST_CASE("port: two rows may allow two holders of one socket") {
  Port port;
  port.host.add_file("/usr/sbin/init", 0755);
  Value::Map init_row = sshd_row;
  init_row.back().second = "/usr/sbin/init";
  const Listener ssh = port.sockets.add("tcp 0.0.0.0:22");
  port.sockets.add_holder(ssh, port.running("/usr/sbin/init", 1));
  port.sockets.add_holder(ssh, port.running("/usr/sbin/sshd", 6));
  auto one = bound_port({{"allow", Value::Array{sshd_row}}});
  CHECK_FALSE(checked(*one, port.host).holds());
  auto both = bound_port({{"allow", Value::Array{sshd_row, init_row}}});
  CHECK(checked(*both, port.host).holds());
}

TEST_CASE("port: a program that was replaced under its process counts where only root could") {
  Port port;
  const Listener ssh = port.sockets.add("tcp 0.0.0.0:22");
  Holder old = port.running("/usr/sbin/sshd", 5);
  port.host.add_file("/usr/sbin/sshd", 0755);  // an upgrade
  port.sockets.add_holder(ssh, old);
  auto rule = bound_port({{"allow", Value::Array{sshd_row}}});
  CHECK_FALSE(checked(*rule, port.host).holds());
  port.sockets.remove(ssh);
  const Listener again = port.sockets.add("tcp 0.0.0.0:22");
  old.replaced = "/usr/sbin/sshd";
  port.sockets.add_holder(again, old);
  CHECK(checked(*rule, port.host).holds());
  port.host.add_directory("/usr/sbin", 0777);
  port.host.add_file("/usr/sbin/sshd", 0755);
  CHECK_FALSE(checked(*rule, port.host).holds());
}

TEST_CASE("port: a program whose path others could redirect is told and not acted on") {
  Port port;
  port.host.refuse("resolve", "/usr/sbin/sshd", Error{"unsafe_path", "somebody else's link"});
  const Listener ssh = port.sockets.add("tcp 0.0.0.0:22");
  port.sockets.add_holder(ssh, port.running("/usr/sbin/sshd", 5));
  auto rule = bound_port(
      {{"allow", Value::Array{sshd_row}}, {"protocol", "tcp"}, {"actions", texts({"close"})}});
  CHECK(deviating(*rule, port.host) == Objects{"tcp 0.0.0.0:22 unsafe_path"});
  CHECK(rule->fix(only_deviation(*rule, port.host), port.host, port.host).error().name ==
        "unsafe_path");
  CHECK(port.sockets.acts().empty());
}

TEST_CASE("port: the sockets of a group are one object, and all of its strays are closed") {
  Port port;
  const Listener allowed = port.sockets.add("tcp 0.0.0.0:22");
  port.sockets.add_holder(allowed, port.running("/usr/sbin/sshd", 5));
  const Listener first = port.add_stray("tcp 0.0.0.0:22", 7);
  const Listener second = port.add_stray("tcp 0.0.0.0:22", 8);
  auto rule = bound_port(
      {{"allow", Value::Array{sshd_row}}, {"protocol", "tcp"}, {"actions", texts({"close"})}});
  CHECK(only_deviation(*rule, port.host).found ==
        "listening: /tmp/nc (pid 7, user root) and 1 more, 2 sockets");
  CHECK(fixed(*rule, port).ok());
  CHECK(port.sockets.acts() == Objects{fmt::format("destroy tcp 0.0.0.0:22 {}", first.cookie),
                                       fmt::format("destroy tcp 0.0.0.0:22 {}", second.cookie)});
  CHECK(checked(*rule, port.host).holds());
}

TEST_CASE("port: what the rule does not speak of is left alone") {
  Port port;
  port.add_stray("udp 0.0.0.0:4444", 7);
  port.add_stray("tcp 0.0.0.0:22", 8);
  port.add_stray("tcp 127.0.0.1:4444", 9);
  port.add_stray("tcp [::1]:4444", 9);
  port.add_stray("tcp [::ffff:127.0.0.1]:4444", 9);
  auto rule = bound_port({{"allow", Value::Array{}},
                          {"protocol", "tcp"},
                          {"ports", texts({"1024-65535"})},
                          {"loopback", "ignored"}});
  CHECK(checked(*rule, port.host).holds());
  CHECK(checked(*rule, port.host).objects == 0);
  CHECK(rule->covers("tcp 0.0.0.0:4444"));
  for (const char* other : {"udp 0.0.0.0:4444", "tcp 0.0.0.0:22", "tcp 127.0.0.1:4444", "", "tcp",
                            "tcp 0.0.0.0", "tcp 0.0.0.0:04444", "tcp [::1]:4444"})
    CHECK_FALSE(rule->covers(other));
}

TEST_CASE("port: a scope is one object, and others do not show") {
  Port port;
  port.add_stray("tcp 0.0.0.0:4444", 7);
  port.add_stray("tcp [::]:4444", 7);
  auto rule = nothing_may({"close"});
  CHECK(deviating(*rule, port.host, "tcp [::]:4444") == Objects{"tcp [::]:4444"});
  CHECK(checked(*rule, port.host, "tcp 0.0.0.0:1").holds());
}

TEST_CASE("port: the host's refusal is told, whichever act it is") {
  Port port;
  port.add_stray("tcp 0.0.0.0:4444", 7);
  port.sockets.refuse("destroy", Error{"fix_failed", "no"});
  port.ruleset.refuse("apply", Error{"fix_failed", "no"});
  port.sockets.refuse("terminate", Error{"fix_failed", "no"});
  for (const char* action : {"close", "block", "terminate"})
    CHECK(fixed(*nothing_may({action}), port).error().name == "fix_failed");
  port.sockets.refuse("holders", Error{"check_failed", "no"});
  CHECK(nothing_may({"close"})->check(port.host, {}).error().name == "check_failed");
  port.sockets.refuse("listeners", Error{"check_failed", "no"});
  CHECK(nothing_may({"close"})->check(port.host, {}).error().name == "check_failed");
}

TEST_CASE("port: the ladder is climbed by rungs and ends at its last step") {
  auto rule = nothing_may({"close", "block", "terminate"});
  CHECK(rule->wants_durable_intent());
  CHECK_FALSE(nothing_may({"close", "block"})->wants_durable_intent());
  for (const std::uint32_t rung : {0u, 1u, 2u, 3u, UINT32_MAX}) {
    CAPTURE(rung);
    Port port;
    port.add_stray("tcp 0.0.0.0:4444", 7);
    CHECK(fixed(*rule, port, rung).ok());
    CHECK(checked(*rule, port.host).holds());
    CHECK(port.ruleset.applied().size() == (rung == 1 ? 1 : 0));
    CHECK(port.sockets.is_running(7) == (rung == 1));
    const auto& acts = port.sockets.acts();
    if (rung == 0) CHECK(acts == Objects{"destroy tcp 0.0.0.0:4444 1"});
    if (rung >= 2) CHECK(acts == Objects{"terminate 7"});
  }
}

TEST_CASE(
    "port: descriptors without end hide no stray, and get no allowed program's socket closed") {
  Port port;
  port.add_stray("tcp 0.0.0.0:4444", 7);
  const Listener sshd = port.sockets.add("tcp 0.0.0.0:22");
  port.sockets.add_holder(sshd, port.running("/usr/sbin/sshd", 8));
  port.sockets.refuse("holders", Error{"too_many_objects", "too many"});
  auto rule = bound_port(
      {{"allow", Value::Array{sshd_row}}, {"protocol", "tcp"}, {"actions", texts({"close"})}});
  CHECK(deviating(*rule, port.host) ==
        Objects{"tcp 0.0.0.0:22 too_many_objects", "tcp 0.0.0.0:4444"});
  const CheckResult found = checked(*rule, port.host);
  CHECK(rule->fix(found.deviations[1], port.host, port.host).ok());
  CHECK(deviating(*rule, port.host) == Objects{"tcp 0.0.0.0:22 too_many_objects"});
  port.sockets.allow_all();
  CHECK(checked(*rule, port.host).holds());
}

TEST_CASE("port: of a large group one fix closes a bounded number, and the rest is still found") {
  Port port;
  for (std::size_t i = 0; i < limits::closes_max + 10; ++i) port.add_stray("tcp 0.0.0.0:4444", 7);
  auto rule = nothing_may({"close"});
  CHECK(fixed(*rule, port).ok());
  CHECK(port.sockets.acts().size() == limits::closes_max);
  CHECK(fixed(*rule, port).ok());
  CHECK(checked(*rule, port.host).holds());
}

TEST_CASE("port: what a rule has blocked can be taken back, and what others have stays") {
  Port port;
  port.add_stray("tcp 0.0.0.0:4444", 7);
  auto rule = nothing_may({"block"});
  Rule second = rule_of({{"allow", Value::Array{}}, {"actions", texts({"block"})}}, "port");
  second.id = "second";
  auto other = std::move(*bind_rule(second));
  CHECK(rule->mark() == "inet reeve_port_block test-rule");
  CHECK(!nothing_may({"close"})->mark());
  CHECK(!*rule->is_left(port.host));
  for (const auto* one : {rule.get(), other.get()})
    CHECK(one->fix(only_deviation(*one, port.host), port.host, port.host).ok());
  CHECK(*rule->is_left(port.host));
  CHECK(rule->withdraw(port.host, port.host).ok());
  CHECK(!*rule->is_left(port.host));
  CHECK(*other->is_left(port.host));
  CHECK(checked(*other, port.host).holds());
  CHECK(other->withdraw(port.host, port.host).ok());
  CHECK(port.ruleset.text_of(block_table).empty());
}

TEST_CASE("port: a blocked stray holds, by one whole table of ours") {
  Port port;
  const Listener stray = port.add_stray("tcp 0.0.0.0:4444", 7);
  auto rule = nothing_may({"block"});
  CHECK(only_deviation(*rule, port.host).desired == "nothing listens, or it is blocked");
  CHECK(fixed(*rule, port).ok());
  CHECK(port.ruleset.text_of(block_table) ==
        "table inet reeve_port_block {\n"
        "\tchain input {\n"
        "\t\ttype filter hook input priority -310; policy accept;\n"
        "\t\tmeta nfproto ipv4 tcp dport 4444 drop comment \"tcp 0.0.0.0:4444 test-rule\"\n"
        "\t}\n}\n");
  CHECK(checked(*rule, port.host).holds());
  CHECK(checked(*rule, port.host).objects == 1);
  // To a rule that does not block it is a stray as before.
  CHECK_FALSE(checked(*nothing_may({"close"}), port.host).holds());
  // Its listener goes: the block is left over, and goes too.
  port.sockets.remove(stray);
  const Deviation left = only_deviation(*rule, port.host);
  CHECK(left.object == "tcp 0.0.0.0:4444");
  CHECK(left.found == "a block is left over");
  CHECK_FALSE(left.culprit.has_value());
  CHECK(rule->fix(left, port.host, port.host).ok());
  CHECK(port.ruleset.text_of(block_table).empty());
  CHECK(checked(*rule, port.host).holds());
}

TEST_CASE("port: each address is blocked as it can be reached") {
  Port port;
  auto rule = bound_port({{"allow", Value::Array{}}, {"actions", texts({"block"})}});
  port.add_stray("udp [::]:1", 7);
  port.sockets.add_ipv6_only("tcp [::]:2");
  port.add_stray("tcp [fe80::1]:3", 7);
  port.add_stray("tcp 10.0.0.1:4", 7);
  port.add_stray("tcp [::ffff:10.0.0.1]:5", 7);
  port.add_stray("tcp [::ffff:0.0.0.0]:6", 7);
  for (const Deviation& found : checked(*rule, port.host).deviations)
    REQUIRE(rule->fix(found, port.host, port.host).ok());
  CHECK(checked(*rule, port.host).holds());
  const std::string table = port.ruleset.text_of(block_table);
  for (const char* line :
       {"\tudp dport 1 drop comment \"udp [::]:1 test-rule\"",
        "\tmeta nfproto ipv6 tcp dport 2 drop comment \"tcp [::]:2 v6only test-rule\"",
        "\tip6 daddr fe80::1 tcp dport 3 drop comment", "\tip daddr 10.0.0.1 tcp dport 4 drop",
        "\tip daddr 10.0.0.1 tcp dport 5 drop comment \"tcp [::ffff:10.0.0.1]:5 test-rule\"",
        "\tmeta nfproto ipv4 tcp dport 6 drop"}) {
    CAPTURE(line);
    CHECK(table.find(line) != std::string::npos);
  }
}

TEST_CASE("port: a table that somebody changed does not count, and is written anew") {
  const char* const changes[] = {
      "insert rule inet reeve_port_block input accept\n",
      "add rule inet reeve_port_block input tcp dport 1 drop comment \"tcp 0.0.0.0:1 other\"\n",
      "add rule inet reeve_port_block input drop comment \"tcp 0.0.0.0:1\"\n",
      "table inet reeve_port_block {\n\tchain more {\n\t}\n}\n",
      "delete table inet reeve_port_block\n"};
  for (const char* change : changes) {
    CAPTURE(change);
    Port port;
    port.add_stray("tcp 0.0.0.0:4444", 7);
    auto rule = nothing_may({"block"});
    CHECK(fixed(*rule, port).ok());
    REQUIRE(checked(*rule, port.host).holds());
    port.ruleset.load(change);
    CHECK_FALSE(checked(*rule, port.host).holds());
    CHECK(fixed(*rule, port).ok());
    CHECK(checked(*rule, port.host).holds());
    CHECK(port.ruleset.text_of(block_table).find("accept\n") == std::string::npos);
  }
}

TEST_CASE("port: rules share the table and keep to their own blocks") {
  Port port;
  const Listener stray = port.add_stray("tcp 0.0.0.0:4444", 7);
  auto mine = nothing_may({"block"});
  Rule other_rule = rule_of(
      {{"allow", Value::Array{}}, {"actions", texts({"block"})}, {"ports", texts({"4444"})}},
      "port");
  other_rule.id = "other";
  auto other = bind_rule(other_rule);
  REQUIRE(other.ok());
  CHECK(fixed(*mine, port).ok());
  CHECK_FALSE(checked(**other, port.host).holds());
  CHECK(fixed(**other, port).ok());
  CHECK(checked(*mine, port.host).holds());
  CHECK(checked(**other, port.host).holds());
  port.sockets.remove(stray);
  CHECK(fixed(*mine, port).ok());
  CHECK(checked(*mine, port.host).holds());
  CHECK_FALSE(checked(**other, port.host).holds());
  CHECK(fixed(**other, port).ok());
  CHECK(port.ruleset.text_of(block_table).empty());
}

TEST_CASE("port: the ruleset's refusal to be looked at is told only where the rule blocks") {
  Port port;
  port.add_stray("tcp 0.0.0.0:4444", 7);
  port.ruleset.refuse("table", Error{"check_failed", "no"});
  CHECK(nothing_may({"block"})->check(port.host, {}).error().name == "check_failed");
  CHECK(nothing_may({"close"})->check(port.host, {}).ok());
}

TEST_CASE("port: where there is no packet filter, the other steps of the ladder work") {
  Port port;
  port.ruleset.set_here(false);
  port.ruleset.refuse("table", Error{"no_network", "no"});
  port.add_stray("tcp 0.0.0.0:4444", 7);
  auto rule = nothing_may({"close", "block"});
  CHECK(fixed(*rule, port, 1).error().name == "no_network");
  CHECK(fixed(*rule, port).ok());
  CHECK(checked(*rule, port.host).holds());
}

TEST_CASE("port: every holder is terminated once, whatever it holds") {
  Port port;
  const Listener first = port.add_stray("tcp 0.0.0.0:4444", 7);
  const Listener second = port.sockets.add("tcp 0.0.0.0:4444");
  port.sockets.add_holder(first, Port::stray(8));
  port.sockets.add_holder(second, Port::stray(8));
  CHECK(fixed(*nothing_may({"terminate"}), port).ok());
  CHECK(port.sockets.acts() == Objects{"terminate 7", "terminate 8"});
}

TEST_CASE("port: a server with sessions is not terminated unless the rule says so") {
  Port port;
  const Listener stray = port.sockets.add("tcp 0.0.0.0:4444");
  port.sockets.add_holder(stray, port.running("/usr/sbin/sshd", 5));
  port.sockets.add_sessions(5);
  CHECK(fixed(*nothing_may({"terminate"}), port).error().name == "not_allowed");
  CHECK(port.sockets.acts().empty());
  // Where the ladder has a milder act, that is taken instead.
  CHECK(fixed(*nothing_may({"close", "terminate"}), port, 1).ok());
  CHECK(port.sockets.acts() == Objects{fmt::format("destroy tcp 0.0.0.0:4444 {}", stray.cookie)});
  const Listener again = port.sockets.add("tcp 0.0.0.0:4444");
  port.sockets.add_holder(again, port.running("/usr/sbin/sshd", 5));
  auto ending = bound_port(
      {{"allow", Value::Array{}}, {"actions", texts({"terminate"})}, {"end_sessions", true}});
  CHECK(fixed(*ending, port).ok());
  CHECK(port.sockets.acts().back() == "terminate 5");
}

TEST_CASE("port: sessions of other programs do not protect them, nor does an idle sshd's name") {
  Port port;
  port.add_stray("tcp 0.0.0.0:4444", 7);
  port.sockets.add_sessions(7);
  CHECK(fixed(*nothing_may({"terminate"}), port).ok());
  const Listener idle = port.sockets.add("tcp 0.0.0.0:4444");
  port.sockets.add_holder(idle, port.running("/usr/sbin/sshd", 5));
  CHECK(fixed(*nothing_may({"terminate"}), port).ok());
  CHECK(port.sockets.acts() == Objects{"terminate 7", "terminate 5"});
}

TEST_CASE("port: nobody can have another user's process ended by handing it a socket") {
  Port port;
  const Listener stray = port.add_stray("tcp 0.0.0.0:4444", 7, 1000);
  port.sockets.add_holder(stray, Port::stray(8, 0));
  CHECK(fixed(*nothing_may({"terminate"}), port).error().name == "not_allowed");
  CHECK(port.sockets.acts() == Objects{"terminate 7"});
}

TEST_CASE("port: a socket that nobody is seen to hold can be closed and not terminated") {
  Port port;
  port.sockets.add("tcp 0.0.0.0:4444", 1000);
  CHECK(fixed(*nothing_may({"terminate"}), port).error().name == "holder_unknown");
  const Deviation found = only_deviation(*nothing_may({"close"}), port.host);
  CHECK(found.found == "listening: nobody seen to hold it, opened by user bob");
  CHECK_FALSE(found.culprit.has_value());
  CHECK(fixed(*nothing_may({"close"}), port).ok());
}

TEST_CASE("port: under another root there is no network, and the rule does not apply") {
  FakeHost host;
  auto rule = nothing_may({"close"});
  CHECK_FALSE(checked(*rule, host).applicable);
  CHECK(checked(*rule, host).holds());
}

TEST_CASE("port: a rule wants to be told of listeners") {
  const auto watches = nothing_may({"close"})->watches();
  REQUIRE(watches.size() == 1);
  CHECK(watches[0].subject == WatchSubject::listeners);
  CHECK(watches[0].transport == Transport::tcp);
}

TEST_CASE("port: a rule that contradicts itself is refused") {
  const Value nothing = Value::Array{};
  const auto row = [](Value::Map columns) { return Value(Value::Array{std::move(columns)}); };
  const Value::Map wrong[] = {
      {{"protocol", "tcp"}},
      {{"allow", nothing}, {"actions", texts({"close"})}},
      {{"allow", nothing}, {"protocol", "udp"}, {"actions", texts({"close"})}},
      {{"allow", nothing}, {"protocol", "tcp"}, {"actions", texts({"close", "close"})}},
      {{"allow", nothing}, {"protocol", "tcp"}, {"actions", texts({"report", "close"})}},
      {{"allow", nothing}, {"protocol", "sctp"}},
      {{"allow", nothing}, {"actions", texts({"kill"})}},
      {{"allow", nothing}, {"loopback", "maybe"}},
      {{"allow", nothing}, {"ports", texts({"0"})}},
      {{"allow", nothing}, {"end_sessions", true}},
      {{"allow", row({})}},
      {{"allow", row({{"program", "sshd"}})}},
      {{"allow", row({{"ports", texts({"22-21"})}})}},
      {{"allow", row({{"address", texts({"10.0.0.1/8"})}})}},
      {{"allow", row({{"protocol", "udp"}})}, {"protocol", "tcp"}},
  };
  for (const Value::Map& fields : wrong) {
    CAPTURE(fields.size());
    CHECK(refusal_of(fields, "port").name == "invalid_rule");
  }
  CHECK(refusal_of({{"allow", row({{"colour", "red"}})}}, "port").name == "unknown_field");
  Rule long_name = rule_of({{"allow", nothing}, {"actions", texts({"block"})}}, "port");
  long_name.id = std::string(100, 'r');
  const auto refused = bind_rule(long_name);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().name == "invalid_rule");
}

}  // namespace reeve
