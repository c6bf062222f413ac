#include "common/network_text.h"

#include <doctest/doctest.h>

#include <vector>

using namespace reeve;

namespace {

std::string network_written(std::string_view text) {
  auto network = parse_network(text);
  return network.ok() ? to_text(*network) : network.error().name;
}

bool contains(std::string_view outer, std::string_view inner) {
  return parse_network(outer).value().contains(parse_network(inner).value());
}

}  // namespace

TEST_CASE("a port and a range of ports are read and written again") {
  CHECK(*parse_ports("22") == PortRange{22, 22});
  CHECK(*parse_ports("8000-8100") == PortRange{8000, 8100});
  CHECK(*parse_ports("1-65535") == PortRange{1, 65535});
  for (const char* text : {"1", "65535", "8000-8100"}) CHECK(to_text(*parse_ports(text)) == text);
  CHECK(parse_ports("8000-8100")->contains(8100));
  CHECK_FALSE(parse_ports("8000-8100")->contains(8101));
  CHECK_FALSE(parse_ports("8000-8100")->contains(7999));
}

TEST_CASE("what is no port from 1 to 65535 is refused") {
  for (const char* text : {"",    "0",       "65536", "022",   "+22",
                           "-22", " 22",     "22 ",   "ssh",   "22,80",
                           "-",   "22-",     "-1",    "80-80", "90-80",
                           "0-5", "1-65536", "1-2-3", "0x16",  "99999999999999999999"}) {
    auto ports = parse_ports(text);
    REQUIRE_MESSAGE(!ports.ok(), text);
    CHECK(ports.error().name == "bad_ports");
  }
}

TEST_CASE("addresses and networks are read and written in one form") {
  CHECK(network_written("10.0.0.0/8") == "10.0.0.0/8");
  CHECK(network_written("192.0.2.7") == "192.0.2.7");
  CHECK(network_written("192.0.2.7/32") == "192.0.2.7");
  CHECK(network_written("0.0.0.0/0") == "0.0.0.0/0");
  CHECK(network_written("::/0") == "::/0");
  CHECK(network_written("::1") == "::1");
  CHECK(network_written("2001:DB8:0:0::/32") == "2001:db8::/32");
  CHECK(network_written("2001:db8::1/128") == "2001:db8::1");
  CHECK(network_written("fe80::/10") == "fe80::/10");
  const Network ten = *parse_network("10.128.0.0/9");
  CHECK(ten == Network{.is_ipv6 = false, .bytes = {10, 128}, .prefix = 9});
  CHECK(parse_network("::1")->prefix == 128);
}

TEST_CASE("what is no address or network is refused") {
  for (const char* text : {"",
                           "/",
                           "/8",
                           "10",
                           "10.0.0",
                           "10.0.0.0/",
                           "10.0.0.0/33",
                           "10.0.0.0/08",
                           "10.0.0.0/-1",
                           "10.0.0.0/8/8",
                           "10.0.0.256",
                           "010.0.0.0",
                           "10.0.0.0 ",
                           "any",
                           "localhost",
                           "::/129",
                           ":::",
                           "fe80::1%eth0",
                           "[::1]",
                           "10.0.0.1-10.0.0.9",
                           "::ffff:192.0.2.1",
                           "::ffff:0:0/96",
                           "2001:db8:1:2:3:4:5:6:7",
                           "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc"}) {
    CHECK_MESSAGE(network_written(text) == "bad_network", text);
  }
  CHECK(network_written(std::string_view("10.0.0.1\0/8", 11)) == "bad_network");
}

TEST_CASE("bits behind the prefix are refused with the network that was probably meant") {
  for (const auto& row :
       std::vector<std::pair<const char*, const char*>>{{"10.1.2.3/8", "10.0.0.0/8"},
                                                        {"10.0.0.1/31", "10.0.0.0/31"},
                                                        {"128.0.0.0/0", "0.0.0.0/0"},
                                                        {"2001:db8::1/64", "2001:db8::/64"},
                                                        {"fe80:0:0:1::/63", "fe80::/63"}}) {
    auto network = parse_network(row.first);
    REQUIRE_MESSAGE(!network.ok(), row.first);
    CHECK(network.error().detail == "which has bits set behind its prefix");
    CHECK(network.error().next == row.second);
  }
}

TEST_CASE("a network contains what lies within its prefix and its family") {
  CHECK(contains("10.0.0.0/8", "10.255.0.1"));
  CHECK(contains("10.0.0.0/8", "10.3.0.0/16"));
  CHECK_FALSE(contains("10.0.0.0/8", "11.0.0.0"));
  CHECK_FALSE(contains("10.0.0.0/8", "8.0.0.0/5"));
  CHECK(contains("10.128.0.0/9", "10.128.0.1"));
  CHECK_FALSE(contains("10.128.0.0/9", "10.127.255.255"));
  CHECK(contains("0.0.0.0/0", "203.0.113.9"));
  CHECK_FALSE(contains("0.0.0.0/0", "::1"));
  CHECK_FALSE(contains("::/0", "127.0.0.1"));
  CHECK(contains("fe80::/10", "febf::1"));
  CHECK_FALSE(contains("fe80::/10", "fec0::1"));
  CHECK(contains("::1", "::1"));
}
