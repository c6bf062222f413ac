#include "agent/kinds/nft_numbers.h"

#include <doctest/doctest.h>

using namespace reeve;

TEST_CASE("names of protocols that nft would look up become IANA's numbers") {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"meta l4proto ipv6-icmp accept", "meta l4proto 58 accept"},
      {"meta l4proto != vrrp drop", "meta l4proto != 112 drop"},
      {"ip protocol { icmp, ospf } accept", "ip protocol { icmp, 89 } accept"},
      {"ip6 nexthdr { ipv6-icmp, tcp } accept\nmeta l4proto pim drop",
       "ip6 nexthdr { 58, tcp } accept\nmeta l4proto 103 drop"},
  };
  for (const auto& [text, wanted] : cases) CHECK(with_protocol_numbers(text) == wanted);
}

TEST_CASE("nothing else is touched: chains, sets, comments and quotes of such a name stay") {
  for (const std::string_view text :
       {"jump vrrp", "tcp dport { 22, 80 } accept comment \"ospf\"", "chain pim { }",
        "# meta l4proto vrrp\n", "meta l4proto tcp jump ospf", "iifname \"l2tp\" drop",
        "meta l4proto { tcp, udp } jump vrrp", "meta protocol ip6 jump pim", "\"unclosed vrrp"})
    CHECK(with_protocol_numbers(text) == text);
}
