// The kind `firewall` on a real kernel: each field broken by real transactions and put right, next
// to tables like those of Docker, fail2ban and iptables-nft, which stay as they are to the byte.
#include <fmt/format.h>
#include <sys/socket.h>

#include "agent/kind.h"
#include "agent/netfilter/forked_room.h"
#include "neighbour.h"
#include "own_namespace.h"
#include "tests/fakes/fake_host.h"

namespace reeve {
namespace {

using namespace fixture;

const std::string foreign_tables = R"(
table ip nat {
	chain DOCKER { iifname "docker0" counter return; }
	chain PREROUTING {
		type nat hook prerouting priority dstnat; policy accept;
		fib daddr type local counter jump DOCKER
	}
	chain POSTROUTING {
		type nat hook postrouting priority srcnat; policy accept;
		oifname != "docker0" ip saddr 172.17.0.0/16 counter masquerade
	}
}
table ip filter {
	chain DOCKER-USER { counter return; }
	chain DOCKER { ip daddr 172.17.0.2 iifname != "docker0" tcp dport 80 counter accept; }
	chain FORWARD {
		type filter hook forward priority filter; policy drop;
		counter jump DOCKER-USER
		oifname "docker0" ct state related,established counter accept
		oifname "docker0" counter jump DOCKER
	}
	chain INPUT {
		type filter hook input priority filter; policy accept;
		tcp dport 22 counter accept comment "somebody else's"
		meta l4proto tcp counter
	}
}
table ip6 filter {
	chain INPUT { type filter hook input priority filter; policy accept; counter; }
}
table inet f2b-table {
	set addr-set-sshd { type ipv4_addr; elements = { 198.51.100.7, 198.51.100.9 }; }
	chain f2b-chain {
		type filter hook input priority filter - 1; policy accept;
		tcp dport { 22 } ip saddr @addr-set-sshd reject with icmp port-unreachable
	}
}
)";
const std::vector<TableId> foreign = {
    {"ip", "nat"}, {"ip", "filter"}, {"ip6", "filter"}, {"inet", "f2b-table"}};

Value::Array list(std::initializer_list<const char*> items) {
  Value::Array out;
  for (const char* item : items) out.emplace_back(item);
  return out;
}

Value::Map row(const char* protocol, const char* port, std::initializer_list<const char*> from) {
  Value::Map out{{"protocol", protocol}};
  if (port != nullptr) out.emplace_back("ports", list({port}));
  if (from.size() > 0) out.emplace_back("from", list(from));
  return out;
}

// The namespace's packet filter under a host, with others' tables in it.
struct World {
  World() {
    loopback_up();
    filter.load(foreign_tables);
    auto opened = LinuxRuleset::open(std::make_unique<ForkedRoom>());
    REQUIRE(opened.ok());
    ruleset = std::move(*opened);
    host.set_ruleset(*ruleset);
    for (const TableId& table : foreign) before.push_back(filter.exact(table));
  }
  void check_others_untouched() {
    for (std::size_t at = 0; at < foreign.size(); ++at)
      CHECK_MESSAGE(filter.exact(foreign[at]) == before[at], to_text(foreign[at]));
  }
  std::vector<ChainRule> chain(const TableId& table, const std::string& name) {
    auto rules = ruleset->chain(table, name);
    REQUIRE(rules.ok());
    REQUIRE(rules->has_value());
    return std::move(**rules);
  }
  std::string listed(const TableId& table) {
    const auto text = ruleset->listing(table);
    REQUIRE(text.ok());
    return text->value_or("");
  }

  PacketFilter filter;
  std::unique_ptr<Ruleset> ruleset;
  FakeHost host;
  std::vector<Digest> before;
};

std::unique_ptr<Resource> firewall(Value::Map fields, const std::string& id = "r") {
  Rule rule;
  rule.id = id;
  rule.kind = "firewall";
  rule.fields = Value(std::move(fields));
  auto bound = bind_rule(rule);
  REQUIRE_MESSAGE(bound.ok(), (bound.ok() ? "" : bound.error().detail));
  return std::move(*bound);
}

// What the rule finds wrong, or "nothing", or the error's name.
std::string fault(const Resource& rule, World& world) {
  const auto seen = rule.check(world.host, {});
  if (!seen.ok()) return seen.error().name + ": " + seen.error().detail;
  return seen->holds() ? "nothing" : seen->deviations.front().found;
}

void fix(const Resource& rule, World& world) {
  const auto seen = rule.check(world.host, {});
  REQUIRE_MESSAGE(seen.ok(), (seen.ok() ? "" : seen.error().detail));
  REQUIRE(seen->deviations.size() == 1);
  const Status fixed = rule.fix(seen->deviations[0], world.host, world.host);
  CHECK_MESSAGE(fixed.ok(), (fixed.ok() ? "" : fixed.error().detail));
  CHECK(fault(rule, world) == "nothing");
}

void check_each_break_is_fixed(const Resource& rule, World& world,
                               std::initializer_list<std::string> breaks) {
  for (const std::string& text : breaks) {
    INFO(text);
    world.filter.load(text);
    CHECK(fault(rule, world) != "nothing");
    fix(rule, world);
    CHECK(fault(rule, world) == "nothing");
  }
}

const std::string rich_body = R"(	comment "everything that a table may hold"
	define web = { 80, 443 }
	set bans { typeof ip saddr; flags interval; auto-merge;
		elements = { 192.0.2.0/24, 198.51.100.7 }; }
	set pairs { typeof ip saddr . tcp dport; elements = { 192.0.2.1 . 22, 192.0.2.2 . 23 }; }
	set pairs6 { type ipv6_addr . inet_service; flags interval; elements = { 2001:db8::/32 . 1-9 }; }
	set seen { type ipv4_addr; size 1024; flags dynamic,timeout; timeout 1h; }
	map ports { type inet_service : verdict; elements = { 22 : jump ssh, 23 : drop }; }
	map marks { typeof tcp dport : meta mark; elements = { 25 : 0x19 }; }
	counter hits { packets 7 bytes 900 }
	quota monthly { over 500 mbytes }
	limit slow { rate 5/second }
	chain ssh { ip saddr 192.0.2.0/24 accept comment "the office; { }" # not for all }
	}
	chain input {
		type filter hook input priority 5; policy accept;
		ct state vmap { established : accept, related : accept, invalid : drop }
		ip saddr @bans counter packets 1 bytes 2 drop
		ip saddr . tcp dport @pairs drop
		ip6 saddr . tcp dport @pairs6 drop
		iifname "lo" udp dport 9 add @seen { ip saddr } counter name "hits" quota name "monthly"
		tcp dport vmap @ports
		tcp dport $web limit rate over 100/second burst 5 packets log prefix "web } " \
			reject with tcp reset
		meta mark set tcp dport map @marks
		icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
		ip protocol . th dport vmap { tcp . 53 : accept, udp . 53 : accept }
		@th,16,16 4242 limit name "slow" drop
	})";

}  // namespace

NAMESPACE_CASE("a rich table is made, holds with traffic, and every way to break it is found") {
  World world;
  const auto rule = firewall({{"table", "inet reeve_web"}, {"body", rich_body}});
  CHECK(rule->vet(world.host).ok());
  CHECK(fault(*rule, world) == "no such table");
  fix(*rule, world);
  const std::string quiet = world.listed({"inet", "reeve_web"});
  for (int times = 0; times < 3; ++times) send_datagram(9);
  CHECK(fault(*rule, world) == "nothing");
  // The traffic was there: it filled the dynamic set.
  CHECK(world.listed({"inet", "reeve_web"}) != quiet);
  check_each_break_is_fixed(
      *rule, world,
      {"flush table inet reeve_web", "delete table inet reeve_web",
       "insert rule inet reeve_web input tcp dport 4444 accept",
       "add rule inet reeve_web ssh accept", "flush chain inet reeve_web ssh",
       "add chain inet reeve_web more", "add set inet reeve_web more { type ipv4_addr; }",
       "add element inet reeve_web bans { 203.0.113.1 }",
       "delete element inet reeve_web pairs { 192.0.2.1 . 22 }",
       "delete element inet reeve_web ports { 23 : drop }",
       "add chain inet reeve_web input { policy drop; }",
       "add table inet reeve_web { flags dormant; }"});
  CHECK(fault(*rule, world) == "nothing");
  world.check_others_untouched();
}

NAMESPACE_CASE("elements of a kept set are not compared and outlive a fix, others do not") {
  World world;
  const std::string body =
      "set banned { type ipv4_addr; flags interval,timeout; }\n"
      "set ours { type ipv4_addr; }\n"
      "map names { type ipv4_addr : verdict; elements = { 192.0.2.1 : drop }; }\n"
      "chain input { type filter hook input priority -10; policy accept; ip saddr @banned drop; }";
  const auto rule =
      firewall({{"table", "inet reeve_bans"}, {"body", body}, {"keep", list({"banned", "names"})}});
  fix(*rule, world);
  world.filter.load(
      "add element inet reeve_bans banned { 198.51.100.0/24 timeout 1h comment \"by { } hand\", "
      "203.0.113.7 }\nadd element inet reeve_bans names { 192.0.2.2 : accept }");
  CHECK(fault(*rule, world) == "nothing");
  world.filter.load("add element inet reeve_bans ours { 203.0.113.9 }");
  CHECK(fault(*rule, world) != "nothing");
  fix(*rule, world);
  const std::string listed = world.listed({"inet", "reeve_bans"});
  for (const char* kept : {"198.51.100.0/24 timeout 1h", "by { } hand", "203.0.113.7",
                           "192.0.2.2 : accept", "192.0.2.1 : drop"})
    CHECK_MESSAGE(listed.find(kept) != std::string::npos, listed, " lacks ", kept);
  CHECK(listed.find("203.0.113.9") == std::string::npos);
  // What has become of a kept map cannot go back into it.
  world.filter.load(
      "delete table inet reeve_bans\n"
      "table inet reeve_bans { set names { type ipv4_addr; elements = { 192.0.2.9 }; }\n}");
  const auto seen = rule->check(world.host, {});
  const Status fixed = rule->fix(seen->deviations.at(0), world.host, world.host);
  REQUIRE_FALSE(fixed.ok());
  CHECK(fixed.error().name == "elements_lost");
  CHECK(fault(*rule, world) == "nothing");
  world.check_others_untouched();
}

NAMESPACE_CASE("inbound lets in what its rows say and nothing else, over IPv4 and IPv6") {
  World world;
  Neighbour neighbour;
  const Fd ssh = listen_on(22);
  const Fd web = listen_on(80);
  const Fd other = listen_on(8080);
  CHECK(neighbour.reaches(AF_INET, 8080) == Reached::open);
  CHECK(neighbour.reaches(AF_INET6, 8080) == Reached::open);
  const auto rule =
      firewall({{"inbound",
                 Value::Array{row("tcp", "22", {}), row("tcp", "80", {"192.0.2.0/24", "fd77::/64"}),
                              row("tcp", "81-90", {"10.77.0.0/24", "10.0.0.0/8", "::/0"}),
                              row("udp", nullptr, {"0.0.0.0/0"}), row("sctp", "5000", {}),
                              row("ping", nullptr, {}), row("vrrp", nullptr, {"192.0.2.1"}),
                              Value::Map{{"protocol", "any"}, {"interface", "wg*"}}}}},
               "web:in");
  fix(*rule, world);
  for (const int family : {AF_INET, AF_INET6}) {
    INFO(family);
    CHECK(neighbour.reaches(family, 22) == Reached::open);
    CHECK(neighbour.reaches(family, 8080, 22) == Reached::blocked);
    CHECK(neighbour.reaches(family, 85) == Reached::refused);
  }
  CHECK(neighbour.reaches(AF_INET, 80, 22) == Reached::blocked);
  CHECK(neighbour.reaches(AF_INET6, 80) == Reached::open);
  CHECK(fault(*rule, world) == "nothing");
  check_each_break_is_fixed(
      *rule, world,
      {"insert rule inet reeve_inbound_web/in input tcp dport 8080 accept",
       "flush table inet reeve_inbound_web/in", "delete table inet reeve_inbound_web/in",
       "add chain inet reeve_inbound_web/in input { policy accept; }"});
  CHECK(neighbour.reaches(AF_INET6, 8080, 22) == Reached::blocked);
  world.filter.load("flush ruleset");
}

NAMESPACE_CASE("forbid closes a port whatever others accept, and ports redirected from and to it") {
  World world;
  Neighbour neighbour;
  const Fd ssh = listen_on(22);
  const Fd telnet = listen_on(23);
  const std::vector<std::uint16_t> ports = {23, 2375, 8023};
  world.filter.load(
      "table inet published { chain pre { type nat hook prerouting priority dstnat; "
      "tcp dport 2375 redirect to :22; tcp dport 8023 redirect to :23; }\n}\n"
      "table inet early { chain in { type filter hook input priority -400; accept; }\n}");
  for (const std::uint16_t port : ports) CHECK(neighbour.reaches(AF_INET, port) == Reached::open);
  const auto rule = firewall({{"forbid", Value::Array{row("tcp", "23", {}), row("tcp", "2375", {}),
                                                      row("udp", "161", {"::/0"})}}});
  fix(*rule, world);
  for (const int family : {AF_INET, AF_INET6}) {
    INFO(family);
    for (const std::uint16_t port : ports)
      CHECK(neighbour.reaches(family, port, 22) == Reached::blocked);
    CHECK(neighbour.reaches(family, 22) == Reached::open);
  }
  CHECK(fault(*rule, world) == "nothing");
  check_each_break_is_fixed(*rule, world,
                            {"flush table inet reeve_forbid_r", "delete table inet reeve_forbid_r",
                             "insert rule inet reeve_forbid_r prerouting accept"});
  world.filter.load("flush ruleset");
}

NAMESPACE_CASE("required rules stand at the head of another's chain and nothing else moves") {
  World world;
  const TableId filter{"ip", "filter"};
  const auto others_in = [&](const std::string& chain) {
    std::vector<std::uint64_t> out;
    for (const ChainRule& one : world.chain(filter, chain))
      if (!one.comment.starts_with("reeve:")) out.push_back(one.handle);
    return out;
  };
  const auto before = others_in("INPUT");
  CHECK(before.size() == 2);
  const auto ssh =
      firewall({{"require", "tcp dport { 22, 23 } ip saddr != 192.0.2.0/24 counter drop"},
                {"chain", "ip filter INPUT"}},
               "no-ssh");
  const auto mail = firewall(
      {{"require", "tcp dport 25 reject with tcp reset"}, {"chain", "ip filter INPUT"}}, "no-mail");
  CHECK(ssh->vet(world.host).ok());
  fix(*ssh, world);
  fix(*mail, world);
  CHECK(fault(*ssh, world) == "nothing");
  const auto handle_of = [&](const std::string& id) {
    for (const ChainRule& one : world.chain(filter, "INPUT"))
      if (one.comment == "reeve:" + id) return one.handle;
    return std::uint64_t{0};
  };
  const std::string in = "rule ip filter INPUT ";
  check_each_break_is_fixed(*ssh, world,
                            {fmt::format("delete {} handle {}", in, handle_of("no-ssh")),
                             "insert " + in + "accept comment \"reeve:no-ssh\""});
  check_each_break_is_fixed(
      *ssh, world,
      {fmt::format("replace {} handle {} tcp dport 22 accept comment \"reeve:no-ssh\"", in,
                   handle_of("no-ssh"))});
  CHECK(fault(*mail, world) == "nothing");
  CHECK(others_in("INPUT") == before);
  world.filter.load("insert " + in + "accept");
  CHECK(fault(*ssh, world) == "behind 1 rules of others");
  fix(*ssh, world);
  fix(*mail, world);
  CHECK(others_in("INPUT").size() == 3);
  // With ours and the stranger's gone the chain is what it was; the tables beside it never changed.
  for (const std::size_t at : {0, 2, 3}) CHECK(world.filter.exact(foreign[at]) == world.before[at]);
}

NAMESPACE_CASE("a chain that is not there stays so, and its absence is said") {
  World world;
  const auto rule = firewall({{"require", "drop"}, {"chain", "ip filter f2b-sshd"}});
  const auto seen = rule->check(world.host, {});
  REQUIRE(seen.ok());
  CHECK(seen->deviations.at(0).refusal == "chain_missing");
  CHECK(rule->fix(seen->deviations[0], world.host, world.host).error().name == "chain_missing");
  world.check_others_untouched();
}

NAMESPACE_CASE("texts that this host does not take are refused by it, and change nothing") {
  World world;
  const auto name_of_error = [&](Value::Map fields) {
    const auto rule = firewall(std::move(fields));
    const Status vetted = rule->vet(world.host);
    const auto checked = rule->check(world.host, {});
    REQUIRE_FALSE(vetted.ok());
    REQUIRE_FALSE(checked.ok());
    CHECK(vetted.error() == checked.error());
    return vetted.error().name;
  };
  const auto with_body = [](const char* body) {
    return Value::Map{{"table", "inet reeve_x"}, {"body", body}};
  };
  const auto with_rule = [](const char* text) {
    return Value::Map{{"require", text}, {"chain", "ip filter INPUT"}};
  };
  for (const char* body :
       {"chain a { tcp dport 22 acept; }", "chain a { jump nowhere; }",
        "chain a { tcp dport ssh accept; }", "chain a { meta skuid bob accept; }",
        "chain a { ip saddr www.example.org accept; }", "chain a { iif \"eth7\" accept; }",
        "set a { type nonsense; }"})
    CHECK_MESSAGE(name_of_error(with_body(body)) == "ruleset_refused", body);
  for (const char* text : {"nonsense", "tcp dport ssh drop", "ip6 saddr ::1 drop"})
    CHECK_MESSAGE(name_of_error(with_rule(text)) == "ruleset_refused", text);
  world.check_others_untouched();
}

NAMESPACE_CASE("a required rule's mark may be as long as nft takes it") {
  World world;
  const auto rule =
      firewall({{"require", "counter"}, {"chain", "ip filter INPUT"}}, std::string(122, 'a'));
  fix(*rule, world);
}

}  // namespace reeve
