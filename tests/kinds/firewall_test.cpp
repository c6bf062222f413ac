#include "tests/fakes/fake_ruleset.h"
#include "tests/kinds/rules.h"

namespace reeve {

namespace {

const TableId web{"inet", "reeve_web"};
const TableId filter{"ip", "filter"};
const std::string body =
    "\tset bans {\n\t\ttype ipv4_addr\n\t\telements = { 10.0.0.66 }\n\t}\n"
    "\tchain input {\n\t\ttype filter hook input priority 0; policy accept;\n"
    "\t\tip saddr @bans drop\n\t\ttcp dport 443 accept\n\t}";
const std::string whole = "table inet reeve_web {\n" + body + "\n}\n";
const std::string dockers =
    "table ip filter {\n\tchain INPUT {\n\t\ttype filter hook input priority 0\n"
    "\t\tcounter jump DOCKER\n\t}\n\tchain DOCKER {\n\t}\n}\n";

Value::Array list(std::initializer_list<const char*> items) {
  Value::Array out;
  for (const char* item : items) out.emplace_back(item);
  return out;
}

Value::Array rows(std::initializer_list<Value::Map> items) {
  Value::Array out;
  for (const Value::Map& item : items) out.emplace_back(item);
  return out;
}

std::unique_ptr<Resource> firewall(Value::Map fields, std::string id = "test-rule",
                                   bool show_content = false) {
  Rule rule = rule_of(std::move(fields), "firewall");
  rule.id = std::move(id);
  rule.show_content = show_content;
  auto resource = bind_rule(rule);
  REQUIRE_MESSAGE(resource.ok(), (resource.ok() ? "" : resource.error().detail));
  return std::move(*resource);
}

std::unique_ptr<Resource> web_table() {
  return firewall({{"table", "inet reeve_web"}, {"body", body}});
}

std::unique_ptr<Resource> ssh_required(std::string id = "no-ssh") {
  return firewall({{"require", "tcp dport 22 drop"}, {"chain", "ip filter INPUT"}}, std::move(id));
}

struct World {
  FakeRuleset ruleset;
  FakeHost host;
  World() { host.set_ruleset(ruleset); }
};

void check_fixed(const Resource& rule, World& world) {
  const Deviation found = only_deviation(rule, world.host);
  const std::size_t before = world.ruleset.applied().size();
  CHECK(rule.fix(found, world.host, world.host).ok());
  CHECK(world.ruleset.applied().size() == before + 1);
  CHECK(checked(rule, world.host).holds());
}

// What binding such a rule is refused with: "name: detail".
std::string refused(Value::Map fields) {
  const Error error = refusal_of(std::move(fields), "firewall");
  return error.name + ": " + error.detail;
}

void check_refused(Value::Map fields, std::string_view with) {
  const std::string words = refused(std::move(fields));
  CHECK_MESSAGE(words.find(with) != std::string::npos, words, " lacks ", with);
}

}  // namespace

TEST_CASE("a table as the rule has it holds, after one look and without a listing") {
  World world;
  world.ruleset.load(whole);
  const auto rule = web_table();
  const CheckResult result = checked(*rule, world.host);
  CHECK(result.holds());
  CHECK(result.applicable);
  CHECK(result.objects == 1);
  CHECK(world.ruleset.looks() == 1);
  CHECK(world.ruleset.listings() == 0);
  CHECK(world.ruleset.applied().empty());
  REQUIRE(rule->watches().size() == 1);
  CHECK(rule->watches()[0].path == "inet reeve_web");
  CHECK(rule->watches()[0].subject == WatchSubject::ruleset);
  CHECK(rule->covers("inet reeve_web"));
  CHECK_FALSE(rule->covers("inet reeve_we"));
}

TEST_CASE("a missing table is made by one transaction, and others stay as they are") {
  World world;
  world.ruleset.load(dockers);
  const std::string others = world.ruleset.text_of(filter);
  const auto rule = web_table();
  const Deviation found = only_deviation(*rule, world.host);
  CHECK(found.object == "inet reeve_web");
  CHECK(found.desired.starts_with("table as in policy, digest "));
  CHECK(found.found == "no such table");
  check_fixed(*rule, world);
  CHECK(world.ruleset.applied() ==
        Objects{"table inet reeve_web\ndelete table inet reeve_web\n" + whole});
  CHECK(world.ruleset.text_of(filter) == others);
}

TEST_CASE("a changed table is put back as a whole") {
  World world;
  world.ruleset.load(whole + "insert rule inet reeve_web input tcp dport 4444 accept\n");
  const auto rule = web_table();
  const Deviation found = only_deviation(*rule, world.host);
  CHECK(found.found.starts_with("another table, digest "));
  CHECK(found.found.find("4444") == std::string::npos);
  check_fixed(*rule, world);
  CHECK(world.ruleset.text_of(web).find("4444") == std::string::npos);
  CHECK(world.ruleset.listings() == 0);
}

TEST_CASE("a rule that may show content says what the table was, on one line") {
  World world;
  world.ruleset.load(whole + "insert rule inet reeve_web input tcp dport 4444 accept\n");
  const auto rule = firewall({{"table", "inet reeve_web"}, {"body", body}}, "test-rule", true);
  const std::string found = only_deviation(*rule, world.host).found;
  CHECK(found.find(": table inet reeve_web { chain input { tcp dport 4444 accept type filter") !=
        std::string::npos);
  world.ruleset.refuse("listing", Error{"check_failed", "no"});
  CHECK(only_deviation(*rule, world.host).found.starts_with("another table, digest "));
}

TEST_CASE("what the host refuses is answered by its name") {
  World world;
  const auto rule = web_table();
  const Deviation found = only_deviation(*rule, world.host);
  world.ruleset.refuse("apply", Error{"fix_failed", "Operation not permitted"});
  CHECK(rule->fix(found, world.host, world.host).error().name == "fix_failed");
  CHECK_FALSE(checked(*rule, world.host).holds());
  world.ruleset.refuse("table", Error{"check_failed", "no"});
  CHECK(rule->check(world.host, {}).error().name == "check_failed");
  for (const char* name : {"firewall_escape", "ruleset_refused", "scratch_failed"}) {
    world.ruleset.refuse("canonical", Error{name, "no"});
    CHECK(rule->check(world.host, {}).error().name == name);
    CHECK(rule->vet(world.host).error().name == name);
  }
  world.ruleset.allow_all();
  CHECK(rule->vet(world.host).ok());
  CHECK(world.ruleset.text_of(web).empty());
}

TEST_CASE("where there is no network the rule does not apply") {
  FakeHost files;
  for (const auto& rule : {web_table(), ssh_required()}) {
    const CheckResult result = checked(*rule, files);
    CHECK_FALSE(result.applicable);
    CHECK(result.holds());
    CHECK(rule->vet(files).ok());
  }
}

TEST_CASE("another object than the rule's own is none of its business") {
  World world;
  CHECK(checked(*web_table(), world.host, "inet other").holds());
  CHECK_FALSE(checked(*web_table(), world.host, "inet reeve_web").holds());
  CHECK(checked(*ssh_required(), world.host, "ip filter INPUT reeve:other").holds());
}

TEST_CASE("elements of kept sets are not compared and outlive a fix") {
  World world;
  world.ruleset.load(whole + "add element inet reeve_web bans { 10.0.0.7, 10.0.0.8 }\n");
  const auto strict = web_table();
  CHECK_FALSE(checked(*strict, world.host).holds());
  const auto rule =
      firewall({{"table", "inet reeve_web"}, {"body", body}, {"keep", list({"bans"})}});
  CHECK(checked(*rule, world.host).holds());
  world.ruleset.load("insert rule inet reeve_web input tcp dport 4444 accept\n");
  // The listing of the kernel's holds all elements of a set in one place.
  world.ruleset.list_as(
      "table inet reeve_web {\n\tset bans {\n\t\ttype ipv4_addr\n"
      "\t\telements = { 10.0.0.7,\n\t\t\t     10.0.0.8 }\n\t}\n}\n");
  CHECK(rule->fix(only_deviation(*rule, world.host), world.host, world.host).error().name ==
        "elements_lost");  // the fake takes one line a command
  world.ruleset.list_as(
      "table inet reeve_web {\n\tset bans {\n\t\ttype ipv4_addr\n"
      "\t\telements = { 10.0.0.7, 10.0.0.8 }\n\t}\n}\n");
  world.ruleset.load("insert rule inet reeve_web input tcp dport 4444 accept\n");
  check_fixed(*rule, world);
  CHECK(world.ruleset.text_of(web).find("elements = { 10.0.0.7, 10.0.0.8 }") != std::string::npos);
  CHECK(world.ruleset.text_of(web).find("4444") == std::string::npos);
}

TEST_CASE("elements that cannot be put back do not keep the table from being put right") {
  World world;
  const auto rule =
      firewall({{"table", "inet reeve_web"}, {"body", body}, {"keep", list({"bans"})}});
  const auto listing = [](const std::string& elements) {
    return "table inet reeve_web {\n\tset bans {\n\t\telements = " + elements + "\n\t}\n}\n";
  };
  for (const std::string& elements : {std::string("{ 10.0.0.7 comment \"a\" ; flush ruleset }"),
                                      "{ " + std::string(5u << 20, '1') + " }"}) {
    world.ruleset.load(whole + "insert rule inet reeve_web input accept\n");
    world.ruleset.list_as(listing(elements));
    const Status fixed = rule->fix(only_deviation(*rule, world.host), world.host, world.host);
    CHECK(fixed.error().name == "elements_lost");
    CHECK(fixed.error().detail.find("bans") != std::string::npos);
    CHECK(checked(*rule, world.host).holds());
    CHECK(world.ruleset.applied().back().find("flush") == std::string::npos);
  }
  world.ruleset.load("insert rule inet reeve_web input accept\n");
  world.ruleset.list_as(listing("{ nonsense }"));
  world.ruleset.refuse_texts_with("nonsense");
  CHECK(rule->fix(only_deviation(*rule, world.host), world.host, world.host).error().name ==
        "elements_lost");
  CHECK(checked(*rule, world.host).holds());
}

TEST_CASE("what may come in becomes a table named after the rule, with a drop at its end") {
  World world;
  const auto rule = firewall(
      {{"inbound",
        rows({{{"protocol", "tcp"}, {"ports", list({"443", "80", "8000-8100", "8050-8200", "81"})}},
              {{"protocol", "tcp"},
               {"ports", list({"22"})},
               {"from", list({"10.1.0.0/16", "fd00::/8", "10.0.0.0/8", "192.0.2.7"})},
               {"interface", "eth*"}},
              {{"protocol", "udp"}, {"from", list({"0.0.0.0/0"})}, {"ports", list({"53"})}},
              {{"protocol", "sctp"}, {"interface", "wg0"}},
              {{"protocol", "ping"}},
              {{"protocol", "ping"}, {"from", list({"2001:db8::/32"})}},
              {{"protocol", "vrrp"}, {"from", list({"192.0.2.0/24"})}},
              {{"protocol", "any"}, {"interface", "docker0"}}})}},
      "web:in");
  check_fixed(*rule, world);
  CHECK(world.ruleset.applied()[0] == R"(table inet reeve_inbound_web/in
delete table inet reeve_inbound_web/in
table inet reeve_inbound_web/in {
	chain input {
		type filter hook input priority 0; policy drop;
		iif "lo" accept
		ct state established,related accept
		icmp type { destination-unreachable, time-exceeded, parameter-problem } accept
		icmpv6 type { destination-unreachable, packet-too-big, time-exceeded, parameter-problem } accept
		icmpv6 type { nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert } ip6 hoplimit 255 accept
		ip6 saddr fe80::/10 icmpv6 type mld-listener-query accept
		meta nfproto ipv4 udp sport 67 udp dport 68 accept
		ip6 saddr fe80::/10 udp dport 546 accept
		tcp dport { 80-81, 443, 8000-8200 } accept
		iifname "eth*" ip saddr { 10.0.0.0/8, 192.0.2.7 } tcp dport { 22 } accept
		iifname "eth*" ip6 saddr { fd00::/8 } tcp dport { 22 } accept
		meta nfproto ipv4 udp dport { 53 } accept
		iifname "wg0" meta l4proto 132 accept
		icmp type echo-request accept
		icmpv6 type echo-request accept
		ip6 saddr { 2001:db8::/32 } icmpv6 type echo-request accept
		ip saddr { 192.0.2.0/24 } meta l4proto 112 accept
		iifname "docker0" accept
	}
}
)");
  CHECK(rule->covers("inet reeve_inbound_web/in"));
}

TEST_CASE("what is forbidden is dropped before destinations are rewritten and before the port") {
  World world;
  const auto rule =
      firewall({{"forbid", rows({{{"protocol", "tcp"}, {"ports", list({"23", "2375-2376"})}},
                                 {{"protocol", "udp"},
                                  {"ports", list({"161"})},
                                  {"from", list({"::/0", "198.51.100.0/24"})}}})}},
               "no-telnet");
  check_fixed(*rule, world);
  CHECK(world.ruleset.applied()[0] == R"(table inet reeve_forbid_no-telnet
delete table inet reeve_forbid_no-telnet
table inet reeve_forbid_no-telnet {
	chain prerouting {
		type filter hook prerouting priority -150; policy accept;
		iif "lo" accept
		fib daddr type unicast accept
		ct direction reply accept
		tcp dport { 23, 2375-2376 } drop
		ip saddr { 198.51.100.0/24 } udp dport { 161 } drop
		meta nfproto ipv6 udp dport { 161 } drop
	}
	chain input {
		type filter hook input priority -310; policy accept;
		iif "lo" accept
		ct direction reply accept
		tcp dport { 23, 2375-2376 } drop
		ip saddr { 198.51.100.0/24 } udp dport { 161 } drop
		meta nfproto ipv6 udp dport { 161 } drop
	}
}
)");
}

TEST_CASE("a required rule is inserted at the head with its mark, and then holds") {
  World world;
  world.ruleset.load(dockers);
  const auto rule = ssh_required();
  const Deviation found = only_deviation(*rule, world.host);
  CHECK(found.object == "ip filter INPUT reeve:no-ssh");
  CHECK(found.desired == "at the head: tcp dport 22 drop");
  CHECK(found.found == "no such rule");
  CHECK(rule->covers(found.object));
  REQUIRE(rule->watches().size() == 1);
  CHECK(rule->watches()[0].path == "ip filter");
  check_fixed(*rule, world);
  CHECK(world.ruleset.applied() ==
        Objects{"insert rule ip filter INPUT tcp dport 22 drop comment \"reeve:no-ssh\"\n"});
  CHECK(rule->vet(world.host).ok());
}

TEST_CASE("a required rule that is changed, behind others or there twice is put right") {
  for (const auto& [broken, found] : std::initializer_list<std::pair<const char*, const char*>>{
           {"insert rule ip filter INPUT tcp dport 22 accept comment \"reeve:no-ssh\"\n",
            "a rule with our comment that does something else"},
           {"add rule ip filter INPUT tcp dport 22 drop comment \"reeve:no-ssh\"\n",
            "behind 1 rules of others"},
           {"add rule ip filter INPUT tcp dport 22 drop comment \"reeve:no-ssh\"\n"
            "insert rule ip filter INPUT tcp dport 22 drop comment \"reeve:no-ssh\"\n",
            "there 2 times"},
           {"insert rule ip filter INPUT tcp dport 22 drop\n", "no such rule"}}) {
    World world;
    world.ruleset.load(dockers + broken);
    const auto rule = ssh_required();
    CHECK(only_deviation(*rule, world.host).found == found);
    check_fixed(*rule, world);
    const auto chain = world.ruleset.chain(filter, "INPUT");
    CHECK((**chain)[0].comment == "reeve:no-ssh");
    const bool has_copy = std::string_view(found) == "no such rule";
    CHECK((*chain)->size() == (has_copy ? 3 : 2));
    CHECK(world.ruleset.text_of(filter).find("counter jump DOCKER") != std::string::npos);
  }
}

TEST_CASE("two required rules in one chain both hold, and each removes its own only") {
  World world;
  world.ruleset.load(dockers);
  const auto one = ssh_required("one");
  const auto two = ssh_required("two");
  check_fixed(*one, world);
  check_fixed(*two, world);
  CHECK(checked(*one, world.host).holds());
  world.ruleset.load("insert rule ip filter INPUT accept comment \"reeve:one\"\n");
  CHECK(checked(*two, world.host).holds());
  check_fixed(*one, world);
  CHECK(checked(*two, world.host).holds());
}

TEST_CASE("a chain that is not there is not ours to make") {
  World world;
  const auto rule = ssh_required();
  for (const char* there : {"", "table ip filter {\n\tchain FORWARD {\n\t}\n}\n"}) {
    world.ruleset.load(there);
    const Deviation found = only_deviation(*rule, world.host);
    CHECK(found.refusal == "chain_missing");
    CHECK(found.found == "no such chain");
    CHECK(rule->fix(found, world.host, world.host).error().name == "chain_missing");
  }
  CHECK(world.ruleset.applied().empty());
}

TEST_CASE("a chain that goes away before the fix, or a host that refuses, is answered by name") {
  World world;
  world.ruleset.load(dockers);
  const auto rule = ssh_required();
  const Deviation found = only_deviation(*rule, world.host);
  world.ruleset.refuse("apply", Error{"fix_failed", "no"});
  CHECK(rule->fix(found, world.host, world.host).error().name == "fix_failed");
  world.ruleset.refuse("chain", Error{"check_failed", "no"});
  CHECK(rule->fix(found, world.host, world.host).error().name == "check_failed");
  CHECK(rule->check(world.host, {}).error().name == "check_failed");
  world.ruleset.allow_all();
  world.ruleset.load("delete table ip filter\n");
  CHECK(rule->fix(found, world.host, world.host).error().name == "chain_missing");
  world.ruleset.refuse("canonical", Error{"ruleset_refused", "no"});
  CHECK(rule->check(world.host, {}).error().name == "ruleset_refused");
  CHECK(rule->vet(world.host).error().name == "ruleset_refused");
}

TEST_CASE("a rule asks for exactly one thing, with the fields that belong to it") {
  check_refused({}, "invalid_rule: rule test-rule: table or another must be there");
  check_refused({{"table", "inet x"}, {"body", ""}, {"inbound", rows({{{"protocol", "ping"}}})}},
                "stands beside another of: table, inbound, require, forbid");
  check_refused({{"table", "inet x"}}, "body is missing");
  check_refused({{"require", "accept"}}, "chain is not \"FAMILY TABLE CHAIN\"");
  check_refused({{"require", "accept"}, {"chain", "ip filter INPUT"}, {"body", "x"}},
                "body goes with table only");
  check_refused({{"table", "inet x"}, {"body", body}, {"chain", "ip filter INPUT"}},
                "chain goes with require only");
  check_refused({{"inbound", rows({{{"protocol", "ping"}}})}, {"keep", list({"bans"})}},
                "keep goes with table only");
}

TEST_CASE("names that are not plain, or belong to somebody else, are refused") {
  for (const char* name :
       {"reeve_web", "inet", "inet  x", "inet x y", "netdev x", "inet 9x", "inet x;", "inet \"x\"",
        "inet x{", "inet x\ny", " inet x", "inet x ", "INET x"})
    check_refused({{"table", name}, {"body", body}}, "invalid_rule: rule test-rule: table");
  for (const char* name : {"ip filter", "ip nat", "ip6 mangle", "bridge broute", "arp filter",
                           "inet firewalld", "inet f2b-table", "ip docker-bridges",
                           "inet kube-proxy", "inet reeve_inbound_x", "inet reeve_forbid_x"})
    check_refused({{"table", name}, {"body", body}}, "table is a name that");
  CHECK(refusal_of({{"table", "inet filter"}, {"body", body}}, "firewall").name.empty());
  for (const char* name : {"ip filter", "ip filter INPUT x", "ip filter IN;PUT", "netdev a b",
                           "ip filter \"INPUT\"", "ip filter INPUT\n"})
    check_refused({{"require", "accept"}, {"chain", name}}, "chain is not");
  check_refused({{"require", "accept"}, {"chain", "inet reeve_inbound_x input"}},
                "another rule of ours keeps whole");
}

TEST_CASE("a text that would not stay where it is put is refused with field and line") {
  check_refused({{"table", "inet x"}, {"body", "chain a { }\n}\ntable ip filter {"}},
                "firewall_escape: rule test-rule: body: line 2:");
  check_refused({{"require", "accept; flush ruleset"}, {"chain", "ip filter INPUT"}},
                "firewall_escape: rule test-rule: require: line 1:");
}

TEST_CASE("kept sets are sets of the body") {
  for (const char* set : {"other", "input", "bans;", ""})
    CHECK_FALSE(refusal_of({{"table", "inet x"}, {"body", body}, {"keep", list({set})}}, "firewall")
                    .name.empty());
}

TEST_CASE("rows that make no sense are refused") {
  const auto inbound = [](Value::Map row) {
    return Value::Map{{"inbound", rows({std::move(row)})}};
  };
  const auto forbid = [](Value::Map row) { return Value::Map{{"forbid", rows({std::move(row)})}}; };
  check_refused(inbound({{"ports", list({"22"})}}), "inbound[0].protocol");
  check_refused(inbound({{"protocol", "tcpp"}}), "inbound[0].protocol");
  check_refused(inbound({{"protocol", "tcp"}, {"ports", list({"ssh"})}}), "inbound[0].ports");
  check_refused(inbound({{"protocol", "tcp"}, {"ports", list({"0"})}}), "inbound[0].ports");
  check_refused(inbound({{"protocol", "tcp"}, {"from", list({"a.example"})}}), "inbound[0].from");
  check_refused(inbound({{"protocol", "ping"}, {"ports", list({"22"})}}),
                "inbound has ports of a protocol that has none: ping");
  check_refused(inbound({{"protocol", "any"}}), "would let everything in");
  for (const char* name : {"eth0\" accept", "a b", "*", "sixteen-bytes-16", "e\nh", "{"})
    check_refused(inbound({{"protocol", "tcp"}, {"interface", name}}), "has an interface");
  check_refused(forbid({{"protocol", "tcp"}}), "forbid[0].ports");
  check_refused(forbid({{"protocol", "ping"}, {"ports", list({"7"})}}), "forbid[0].protocol");
  check_refused({{"forbid", Value::Array{}}}, "forbid");
  Rule rule = rule_of({{"require", "accept"}, {"chain", "ip filter INPUT"}}, "firewall");
  rule.id = std::string(123, 'a');
  CHECK(bind_rule(rule).error().detail.find("too long to mark a rule with") != std::string::npos);
  rule.id.pop_back();
  CHECK(bind_rule(rule).ok());
}

}  // namespace reeve
