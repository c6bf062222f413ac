// Tables as others make them beside ours: what we do to ours leaves them as they were, byte for
// byte, with their handles.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#include <cstring>

#include "agent/netfilter/forked_room.h"
#include "own_namespace.h"

namespace reeve {
namespace {

using namespace fixture;

// Of iptables-nft, as Docker uses it, without the parts that only xtables' modules know.
constexpr const char* docker = R"(
table ip nat {
  chain DOCKER { iifname "docker0" counter return
    iifname != "docker0" meta l4proto 6 tcp dport 8080 counter dnat to 172.17.0.2:80
  }
  chain PREROUTING { type nat hook prerouting priority dstnat; policy accept;
    fib daddr type local counter jump DOCKER
  }
  chain POSTROUTING { type nat hook postrouting priority srcnat; policy accept;
    oifname != "docker0" ip saddr 172.17.0.0/16 counter masquerade
  }
}
table ip filter {
  chain DOCKER { }
  chain DOCKER-USER { counter return; }
  chain FORWARD { type filter hook forward priority filter; policy drop;
    counter jump DOCKER-USER
    oifname "docker0" ct state related,established counter accept
    oifname "docker0" counter jump DOCKER
  }
}
)";

constexpr const char* fail2ban = R"(
table inet f2b-table {
  set addr-set-sshd { type ipv4_addr; flags timeout; elements = { 192.0.2.7 timeout 1h } ; }
  set addr6-set-sshd { type ipv6_addr; elements = { 2001:db8::7 }; }
  chain f2b-chain { type filter hook input priority filter - 1; policy accept;
    tcp dport { 22 } ip saddr @addr-set-sshd reject with icmp port-unreachable
    tcp dport { 22 } ip6 saddr @addr6-set-sshd reject with icmpv6 port-unreachable
  }
}
)";

// A rule of an xtables match, which libnftables does not make: by netlink itself.
class Netlink {
 public:
  void begin(std::uint16_t type, std::uint16_t flags, std::uint8_t family, std::uint16_t resource) {
    message_ = bytes_.size();
    const nlmsghdr head{0, type, static_cast<std::uint16_t>(NLM_F_REQUEST | flags), 1, 0};
    const nfgenmsg general{family, NFNETLINK_V0, htons(resource)};
    add(&head, sizeof head);
    add(&general, sizeof general);
  }
  void end() {
    const auto length = static_cast<std::uint32_t>(bytes_.size() - message_);
    std::memcpy(bytes_.data() + message_, &length, sizeof length);
  }
  void put(std::uint16_t type, const void* data, std::size_t size) {
    const nlattr head{static_cast<std::uint16_t>(sizeof(nlattr) + size), type};
    add(&head, sizeof head);
    add(data, size);
    bytes_.resize((bytes_.size() + 3) / 4 * 4);
  }
  void put_text(std::uint16_t type, std::string text) { put(type, text.c_str(), text.size() + 1); }
  void put_number(std::uint16_t type, std::uint32_t number) {
    const std::uint32_t big = htonl(number);
    put(type, &big, sizeof big);
  }
  template <class Body>
  void nest(std::uint16_t type, Body body) {
    const std::size_t at = bytes_.size();
    const nlattr head{0, static_cast<std::uint16_t>(type | NLA_F_NESTED)};
    add(&head, sizeof head);
    body();
    const auto length = static_cast<std::uint16_t>(bytes_.size() - at);
    std::memcpy(bytes_.data() + at, &length, sizeof length);
  }
  // The errno of the first refusal, or 0.
  int send() {
    const Fd socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER));
    REQUIRE(::send(socket.get(), bytes_.data(), bytes_.size(), 0) > 0);
    std::array<char, 4'096> answer{};
    REQUIRE(recv(socket.get(), answer.data(), answer.size(), 0) > 0);
    nlmsgerr error{};
    std::memcpy(&error, answer.data() + sizeof(nlmsghdr), sizeof error);
    return -error.error;
  }

 private:
  void add(const void* data, std::size_t size) {
    const auto* bytes = static_cast<const std::uint8_t*>(data);
    bytes_.insert(bytes_.end(), bytes, bytes + size);
  }
  Bytes bytes_;
  std::size_t message_ = 0;
};

constexpr std::uint16_t nf_tables(int type) {
  return static_cast<std::uint16_t>(NFNL_SUBSYS_NFTABLES << 8 | type);
}

// `iptables-nft -A FORWARD -p tcp --dport 8080`, its match only.
int add_xt_rule() {
  Netlink netlink;
  netlink.begin(NFNL_MSG_BATCH_BEGIN, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
  netlink.end();
  netlink.begin(nf_tables(NFT_MSG_NEWRULE), NLM_F_CREATE | NLM_F_APPEND | NLM_F_ACK, AF_INET, 0);
  netlink.put_text(NFTA_RULE_TABLE, "filter");
  netlink.put_text(NFTA_RULE_CHAIN, "FORWARD");
  netlink.nest(NFTA_RULE_EXPRESSIONS, [&] {
    netlink.nest(NFTA_LIST_ELEM, [&] {
      netlink.put_text(NFTA_EXPR_NAME, "match");
      netlink.nest(NFTA_EXPR_DATA, [&] {
        const std::array<std::uint16_t, 8> ports{0, 65'535, 8'080, 8'080, 0, 0};
        netlink.put_text(NFTA_MATCH_NAME, "tcp");
        netlink.put_number(NFTA_MATCH_REV, 0);
        netlink.put(NFTA_MATCH_INFO, ports.data(), sizeof ports);
      });
    });
  });
  netlink.nest(NFTA_RULE_COMPAT, [&] {
    netlink.put_number(NFTA_RULE_COMPAT_PROTO, IPPROTO_TCP);
    netlink.put_number(NFTA_RULE_COMPAT_FLAGS, 0);
  });
  netlink.end();
  netlink.begin(NFNL_MSG_BATCH_END, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
  netlink.end();
  return netlink.send();
}

std::vector<Digest> all_but_ours(PacketFilter& filter) {
  std::vector<Digest> out;
  const auto tables = filter.reader->tables();
  REQUIRE(tables.ok());
  for (const TableId& table : *tables)
    if (table != inet_t) out.push_back(filter.exact(table));
  return out;
}

NAMESPACE_CASE("others' tables survive what we do to ours, byte for byte") {
  PacketFilter filter;
  auto ruleset = std::move(*LinuxRuleset::open(std::make_unique<ForkedRoom>()));
  // An expiring element's time runs: the table of fail2ban is compared without it.
  std::string untimed = fail2ban;
  untimed.replace(untimed.find(" timeout 1h }"), 13, " timeout 0s }");
  if (!filter.takes(docker)) {
    fmt::print("SKIP tables like Docker's: this kernel translates no addresses\n");
    filter.load("table ip filter {\n chain FORWARD { type filter hook forward priority 0; }\n}");
  }
  filter.load(untimed);
  if (const int refused = add_xt_rule(); refused != 0)
    fmt::print("SKIP a rule of xtables: the kernel answers {}\n", refused);
  const auto before = all_but_ours(filter);
  REQUIRE(before.size() >= 2);
  const std::string text = table_t(
      "chain in { type filter hook input priority 0; policy drop; tcp dport { 22 } accept;\n }");
  for (int i = 0; i < 20; ++i) {
    REQUIRE(ruleset->apply("table inet t\ndelete table inet t\n" + text).ok());
    REQUIRE(**ruleset->table(inet_t, {}) == *ruleset->canonical_table({inet_t, text}, {}));
  }
  CHECK(all_but_ours(filter) == before);
  // And a refused transaction changes nothing at all.
  const Digest ours = filter.exact(inet_t);
  const auto refused = ruleset->apply(text + "delete table ip absent\n");
  REQUIRE(!refused.ok());
  CHECK(refused.error().name == "fix_failed");
  CHECK(all_but_ours(filter) == before);
  CHECK(filter.exact(inet_t) == ours);
}

NAMESPACE_CASE("a rule of xtables has a digest of its own and can be told from another") {
  PacketFilter filter;
  filter.load("table ip filter {\n chain FORWARD { type filter hook forward priority 0; }\n}");
  const Digest empty = filter.digest({"ip", "filter"});
  if (const int refused = add_xt_rule(); refused != 0) {
    fmt::print("SKIP a rule of xtables: the kernel answers {}\n", refused);
    return;
  }
  CHECK(filter.digest({"ip", "filter"}) != empty);
  const auto chain = *filter.reader->chain({"ip", "filter"}, "FORWARD");
  REQUIRE(chain->size() == 1);
  CHECK(!(*chain)[0].meaning.is_zero());
}

NAMESPACE_CASE("a listing shows the table without handles and counts") {
  PacketFilter filter;
  auto ruleset = std::move(*LinuxRuleset::open(std::make_unique<ForkedRoom>()));
  CHECK(!ruleset->listing(inet_t)->has_value());
  filter.load(table_t("chain c { tcp dport 22 counter packets 5 bytes 6 accept comment \"x\"; }"));
  const auto listing = ruleset->listing(inet_t);
  REQUIRE(listing.ok());
  CHECK((*listing)->find("tcp dport 22 counter accept comment \"x\"") != std::string::npos);
  CHECK((*listing)->find("handle") == std::string::npos);
  CHECK(ruleset->listing({"inet", "t; flush ruleset"}).error().name == "check_failed");
  CHECK(filter.reader->table(inet_t, {})->has_value());
}

NAMESPACE_CASE("an act reads no file") {
  auto ruleset = std::move(*LinuxRuleset::open(std::make_unique<ForkedRoom>()));
  CHECK(ruleset->apply("include \"/etc/passwd\"").error().name == "firewall_escape");
  CHECK(ruleset->apply(std::string("table inet t\0x", 14)).error().name == "firewall_escape");
}

}  // namespace
}  // namespace reeve
