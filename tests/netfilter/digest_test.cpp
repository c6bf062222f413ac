// What counts as the same table and what does not, in the kernel's own words.
#include <fmt/format.h>

#include "own_namespace.h"

namespace reeve {
namespace {

using namespace fixture;

constexpr const char* whole = R"(table inet t {
  comment "ours"
  set hosts { type ipv4_addr; elements = { 10.0.0.1, 10.0.0.2, 10.0.0.9 }; }
  set nets { type ipv4_addr; flags interval; elements = { 10.0.0.0/8, 192.168.0.1-192.168.0.7 }; }
  set six { type ipv6_addr; flags interval; elements = { 2001:db8::/32, fe80::1 }; }
  set pairs { type ipv4_addr . inet_service; flags interval; elements = { 10.0.0.0/8 . 1-9 }; }
  set kinds { typeof ip protocol . th dport; elements = { 6 . 22 }; }
  map ports { type inet_service : inet_service; elements = { 80 : 8080 }; }
  map verdicts { type inet_service : verdict; elements = { 22 : accept, 23 : drop }; }
  counter hits { packets 0 bytes 0; comment "of hits"; }
  quota much { 10 mbytes; }
  limit slow { rate 10/second burst 5 packets; }
  chain other { counter accept comment "why"; }
  chain in {
    type filter hook input priority 0; policy drop;
    ct state established,related accept
    iif lo accept
    tcp dport { 22, 80, 443 } counter accept comment "services"
    tcp dport vmap { 1 : accept, 2 : jump other, 3 : drop }
    ip saddr @hosts counter name hits accept
    ip6 saddr @six accept
    ip saddr @nets limit rate 5/minute log prefix "nets " accept
    tcp dport vmap @verdicts
    meta l4proto { 1, 58 } quota over 1 kbytes drop
    udp dport 53 jump { ip saddr 10.0.0.1 accept; tcp dport { 7, 8 } drop; }
  }
  chain out { type filter hook output priority filter; policy accept; udp dport 9999 counter; }
}
)";

NAMESPACE_CASE("two loads of one text have one digest, whatever was loaded in between") {
  PacketFilter filter;
  const Digest first = filter.digest_of(whole);
  const Digest exact = filter.exact(inet_t);
  filter.load(
      "table ip elsewhere { chain c { tcp dport { 1, 2 } accept; jump d; }\n chain d { accept; }\n "
      "}");
  filter.load("delete table inet t");
  filter.load(whole);
  CHECK(filter.exact(inet_t) != exact);  // other handles
  CHECK(filter.digest(inet_t) == first);
}

NAMESPACE_CASE("a table that is not there has no digest") {
  PacketFilter filter;
  filter.load("table ip t { }");
  CHECK(!filter.reader->table(inet_t, {})->has_value());
  CHECK(!filter.reader->exact(inet_t)->has_value());
  CHECK(!filter.reader->chain(inet_t, "in")->has_value());
  CHECK(filter.reader->table({"ip", "t"}, {})->has_value());
  CHECK(filter.reader->table({"IPX", "t"}, {}).error().name == "check_failed");
  CHECK(filter.reader->table({"inet", std::string(5'000, 'x')}, {}).error().name == "check_failed");
  CHECK(!filter.reader->table(inet_t, {})->has_value());  // an error spoils no later look
}

NAMESPACE_CASE("traffic changes counters and quotas, and no digest") {
  PacketFilter filter;
  loopback_up();
  const Digest before = filter.digest_of(table_t(
      "counter c { }\n quota q { over 2 bytes; }\n set s { type inet_service; size 9; flags "
      "dynamic,timeout; timeout 1h; }\n chain o { type filter hook output priority 0; counter; "
      "udp dport 9999 counter name c quota name q add @s { udp dport }; quota until 1 bytes;\n }"));
  const Digest exact = filter.exact(inet_t);
  send_datagram(9999);
  CHECK(filter.exact(inet_t) != exact);
  CHECK(filter.digest(inet_t) == before);
}

NAMESPACE_CASE("the order of elements and of definitions is without effect") {
  PacketFilter filter;
  const Digest one = filter.digest_of(
      table_t("set a { type inet_service; elements = { 1, 2, 3 }; }\n set b { type mark; }\n chain "
              "x { }\n chain y { }"));
  const Digest two = filter.digest_of(
      table_t("chain y { }\n chain x { }\n set b { type mark; }\n set a { type inet_service; "
              "elements = { 3, 1, 2 }; }"));
  CHECK(one == two);
}

// A table, and an nft text that changes it.
struct Change {
  const char* what;
  const char* body;
  const char* then;
};
constexpr const char* base =
    "set s { type inet_service; elements = { 1, 2 }; }\n"
    "set six { type ipv6_addr; elements = { 2001:db8::1 }; }\n"
    "set i { type ipv4_addr; flags interval; elements = { 10.0.0.0/8 }; }\n"
    "map m { type inet_service : verdict; elements = { 22 : accept }; }\n"
    "counter c { }\n"
    "chain in { type filter hook input priority 0; policy accept;\n"
    " tcp dport 22 accept\n tcp dport 23 drop\n tcp dport { 80, 443 } accept comment \"web\"\n }\n"
    "chain free { accept; }";

NAMESPACE_CASE("whatever the kernel would do otherwise is another digest") {
  constexpr std::pair<const char*, const char*> changes[] = {
      {"a rule removed", "flush chain inet t free"},
      {"a rule added", "add rule inet t free drop"},
      {"rules reordered", "insert rule inet t in tcp dport 23 drop"},
      {"a verdict", "flush chain inet t free; add rule inet t free drop"},
      {"an anonymous set",
       "flush chain inet t in; add rule inet t in tcp dport 22 accept; add rule "
       "inet t in tcp dport 23 drop; add rule inet t in tcp dport { 80, 444 } accept comment "
       "\"web\""},
      {"a comment",
       "flush chain inet t in; add rule inet t in tcp dport 22 accept; add rule inet t "
       "in tcp dport 23 drop; add rule inet t in tcp dport { 80, 443 } accept comment \"bew\""},
      {"a policy", "chain inet t in { policy drop; }"},
      {"a dormant table", "table inet t { flags dormant; }"},
      {"an element added", "add element inet t s { 3 }"},
      {"an element removed", "delete element inet t s { 2 }"},
      {"an IPv6 element", "add element inet t six { 2001:db8::2 }"},
      {"an interval", "add element inet t i { 172.16.0.0/12 }"},
      {"a verdict of a map", "delete element inet t m { 22 }; add element inet t m { 22 : drop }"},
      {"an empty set", "add set inet t more { type mark; }"},
      {"an empty chain", "add chain inet t more"},
      {"an object", "add counter inet t d"},
  };
  PacketFilter filter;
  const Digest before = filter.digest_of(table_t(base));
  for (const auto& named : changes) {
    CAPTURE(named.first);
    CHECK(filter.digest_of(table_t(base)) == before);
    filter.load(named.second);
    CHECK(filter.digest(inet_t) != before);
  }
}

NAMESPACE_CASE("what cannot be changed in place is another digest, too") {
  const std::pair<std::string, std::string> pairs[] = {
      {"chain c { type filter hook input priority 0; }",
       "chain c { type filter hook input priority 1; }"},
      {"chain c { type filter hook input priority 0; }",
       "chain c { type filter hook output priority 0; }"},
      {"set s { type inet_service; }", "set s { type inet_service; flags interval; }"},
      {"set s { type inet_service; }", "set s { typeof tcp dport; }"},
      {"set s { typeof tcp dport; }", "set s { typeof udp dport; }"},
      {"set s { type mark; }", "set s { type mark; size 9; }"},
      {"set s { type mark; }", "set s { type mark; timeout 1m; }"},
      {"set s { type mark; timeout 2m; }", "set s { type mark; timeout 1m; }"},
      {"set s { type mark; }", "set s { type mark; comment \"x\"; }"},
      {"quota q { 1 bytes; }", "quota q { 2 bytes; }"},
      {"limit l { rate 1/second; }", "limit l { rate 1/minute; }"},
      {"counter c { comment \"a\"; }", "counter c { comment \"b\"; }"},
      {"chain c { jump { accept; }; }", "chain c { jump { drop; }; }"},
      {"chain c { jump { accept; }; }", "chain c { goto { accept; }; }"},
      {"chain c { log prefix \"a\"; }", "chain c { log prefix \"b\"; }"},
      {"chain c { tcp dport vmap { 1 : accept }; }", "chain c { tcp dport vmap { 1 : drop }; }"},
      {"chain c { tcp dport { 1 } accept; tcp dport { 2 } accept; }",
       "chain c { tcp dport { 2 } accept; tcp dport { 1 } accept; }"},
      {"chain c { ip saddr . tcp dport { 10.0.0.1 . 1 } accept; }",
       "chain c { ip saddr . tcp dport { 10.0.0.1 . 2 } accept; }"},
      {"chain c { quota over 1 bytes; }", "chain c { quota until 1 bytes; }"},
      {"chain c { counter; }", "chain c { }"},
  };
  PacketFilter filter;
  for (const auto& pair : pairs) {
    CAPTURE(pair.first);
    CAPTURE(pair.second);
    CHECK(filter.digest_of(table_t(pair.first)) == filter.digest_of(table_t(pair.first)));
    CHECK(filter.digest_of(table_t(pair.first)) != filter.digest_of(table_t(pair.second)));
  }
}

NAMESPACE_CASE("elements of a set that is kept are not compared, the set itself is") {
  PacketFilter filter;
  const Digest before = filter.digest_of(table_t(base), {"s"});
  CHECK(before != filter.digest(inet_t));
  filter.load("add element inet t s { 3 }");
  CHECK(filter.digest(inet_t, {"s"}) == before);
  filter.load("add element inet t six { 2001:db8::3 }");
  CHECK(filter.digest(inet_t, {"s"}) != before);
}

NAMESPACE_CASE("elements that expire or that traffic makes are not compared") {
  PacketFilter filter;
  const Digest before = filter.digest_of(
      table_t("set timed { type ipv4_addr; flags timeout; elements = { 10.0.0.1 timeout 0s }; }\n"
              "set ranges { type ipv4_addr; flags interval,timeout; elements = { 10.0.0.0/8 }; }\n"
              "set pairs { type ipv4_addr . inet_service; flags interval,timeout; }\n"
              "set hourly { type ipv4_addr; timeout 1h; }\n"
              "set moving { type ipv4_addr; size 99; flags dynamic; }\n"));
  filter.load(
      "add element inet t timed { 10.0.0.2 timeout 1h }\n"
      "add element inet t ranges { 192.168.0.0/16 timeout 1h, 9.0.0.0/8 timeout 1h }\n"
      "add element inet t pairs { 192.168.0.0/16 . 1-9 timeout 1h }\n"
      "add element inet t hourly { 10.0.0.2 }\n"
      "add element inet t moving { 10.0.0.2 }\n");
  CHECK(filter.digest(inet_t) == before);
  filter.load("add element inet t ranges { 172.16.0.0/12 }");
  CHECK(filter.digest(inet_t) != before);
}

NAMESPACE_CASE("a set of ten thousand elements is compared element by element") {
  PacketFilter filter;
  std::string elements;
  for (int i = 0; i < 10'000; ++i)
    elements += fmt::format("{}10.{}.{}.1", i == 0 ? "" : ", ", i / 250, i % 250);
  const std::string text = table_t("set s { type ipv4_addr; elements = { " + elements + " }; }");
  const Digest before = filter.digest_of(text);
  CHECK(filter.digest_of(text) == before);
  filter.load("delete element inet t s { 10.39.249.1 }");
  CHECK(filter.digest(inet_t) != before);
  filter.load("add element inet t s { 10.39.249.1 }");
  CHECK(filter.digest(inet_t) == before);
}

NAMESPACE_CASE("every family has tables of its own") {
  PacketFilter filter;
  for (const char* family : {"ip", "ip6", "inet", "arp", "bridge", "netdev"}) {
    CAPTURE(family);
    filter.load(fmt::format("table {} t {{\nchain c_{} {{ }}\n}}", family, family));
  }
  std::vector<Digest> seen;
  const auto tables = filter.reader->tables();
  for (const TableId& table : *tables) seen.push_back(filter.digest(table));
  CHECK(seen.size() == 6);
  for (std::size_t i = 1; i < seen.size(); ++i) CHECK(seen[i] != seen[0]);
}

NAMESPACE_CASE("flow tables are compared where the kernel has them") {
  PacketFilter filter;
  const char* text = "table inet t { flowtable f { hook ingress priority 0; devices = { lo }; } }";
  if (!filter.takes(text)) {
    fmt::print("SKIP flow tables: this kernel has none\n");
    return;
  }
  const Digest before = filter.digest(inet_t);
  CHECK(filter.digest_of(text) == before);
  filter.load("delete flowtable inet t f");
  CHECK(filter.digest(inet_t) != before);
}

NAMESPACE_CASE("a chain's rules come in order, with comments and what they mean") {
  PacketFilter filter;
  filter.load(table_t(
      "set named { type inet_service; }\n chain a { tcp dport { 1, 2 } accept comment \"x\"; udp "
      "dport 5 jump { tcp dport { 8 } drop; } comment \"y\"; tcp dport @named counter; }\n chain b "
      "{ counter; tcp dport { 2, 1 } accept comment \"z\"; udp dport 5 jump { tcp dport { 8 } "
      "drop; "
      "}; tcp dport @named counter; tcp dport { 1, 3 } accept; udp dport 5 jump { tcp dport { 9 } "
      "drop; }; }"));
  const auto a = *filter.reader->chain(inet_t, "a");
  const auto b = *filter.reader->chain(inet_t, "b");
  REQUIRE(a->size() == 3);
  REQUIRE(b->size() == 6);
  CHECK((*a)[0].comment == "x");
  CHECK((*a)[1].comment == "y");
  CHECK((*a)[2].comment.empty());
  for (std::size_t i = 0; i < 3; ++i) CHECK((*a)[i].meaning == (*b)[i + 1].meaning);
  CHECK((*a)[0].meaning != (*b)[4].meaning);
  CHECK((*a)[1].meaning != (*b)[5].meaning);
  filter.load(fmt::format("delete rule inet t a handle {}", (*a)[1].handle));
  CHECK((*filter.reader->chain(inet_t, "a"))->size() == 2);
  filter.load("flush chain inet t a");
  CHECK((*filter.reader->chain(inet_t, "a"))->empty());
  CHECK(!filter.reader->chain(inet_t, "c")->has_value());
}

}  // namespace
}  // namespace reeve
