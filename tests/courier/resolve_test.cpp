#include <doctest/doctest.h>

#include <algorithm>

#include "common/link/address.h"
#include "common/link/zmq_link.h"

namespace reeve {
namespace {

TEST_CASE("numbers resolve to themselves") {
  const auto four = resolve_address("tcp://127.0.0.1:4510");
  REQUIRE(four.ok());
  CHECK(*four == std::vector<std::string>{"tcp://127.0.0.1:4510"});
  const auto six = resolve_address("tcp://[::1]:4510");
  REQUIRE(six.ok());
  CHECK(*six == std::vector<std::string>{"tcp://[::1]:4510"});
}

TEST_CASE("a name resolves to numbers, each once") {
  auto found = resolve_address("tcp://localhost:4510");
  REQUIRE(found.ok());
  REQUIRE_FALSE(found->empty());
  for (const auto& address : *found) {
    CHECK((address == "tcp://127.0.0.1:4510" || address == "tcp://[::1]:4510"));
  }
  std::sort(found->begin(), found->end());
  CHECK(std::adjacent_find(found->begin(), found->end()) == found->end());
}

TEST_CASE("a name that cannot be, and an address that is none, have names of their own") {
  const auto unknown = resolve_address("tcp://no-such-host.invalid:4510");
  REQUIRE_FALSE(unknown.ok());
  CHECK(unknown.error().name == "name_not_found");
  for (const char* bad : {"", "127.0.0.1:4510", "tcp://*:4510", "tcp://127.0.0.1:*",
                          "tcp://127.0.0.1:0", "tcp://a b:1", "tcp://h:-1", "tcp://h:99999"}) {
    CAPTURE(bad);
    const auto outcome = resolve_address(bad);
    REQUIRE_FALSE(outcome.ok());
    CHECK(outcome.error().name == "address_unusable");
  }
}

TEST_CASE("the address in an error shows no control byte") {
  const auto outcome = parse_tcp_address("tcp://\x1b[31m:1");
  REQUIRE_FALSE(outcome.ok());
  CHECK(outcome.error().detail.find('\x1b') == std::string::npos);
}

}  // namespace
}  // namespace reeve
