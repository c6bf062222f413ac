#include "common/link/zap.h"

#include <doctest/doctest.h>

namespace reeve {
namespace {

struct Asked {
  TransportKey key = generate_transport_keys().public_key;
  std::vector<ZapDomain> domains = {
      {"nodes", [this](const TransportKey& key_asked) { return key_asked == key; }},
      {"operators", [](const TransportKey&) { return false; }}};
  std::vector<std::string> request = {
      "1.0", "42", "nodes", "203.0.113.7", "", "CURVE", std::string(text_of(key.view()))};

  std::string status() const { return zap_reply(request, domains).at(2); }
};

TEST_CASE("an admitted key is answered 200 with its hexadecimal form as the user id") {
  const Asked asked;
  const auto reply = zap_reply(asked.request, asked.domains);
  REQUIRE(reply.size() == 6);
  CHECK(reply[0] == "1.0");
  CHECK(reply[1] == "42");
  CHECK(reply[2] == "200");
  CHECK(reply[4] == hex(asked.key.view()));
}

TEST_CASE("every flaw of a request is denied") {
  Asked asked;
  SUBCASE("another key") { asked.request[6] = std::string(32, 'k'); }
  SUBCASE("another domain") { asked.request[2] = "operators"; }
  SUBCASE("an unknown domain") { asked.request[2] = "nobody"; }
  SUBCASE("no domain") { asked.request[2] = ""; }
  SUBCASE("another mechanism") { asked.request[5] = "PLAIN"; }
  SUBCASE("a short key") { asked.request[6].pop_back(); }
  SUBCASE("no key") { asked.request.pop_back(); }
  SUBCASE("a frame too many") { asked.request.push_back(""); }
  SUBCASE("another version") { asked.request[0] = "2.0"; }
  SUBCASE("a domain without a question") { asked.domains[0].admits = nullptr; }
  CHECK(asked.status() == "400");
  CHECK(zap_reply(asked.request, asked.domains).at(4).empty());
}

TEST_CASE("a request without an id cannot be answered") {
  CHECK(zap_reply({}, {}).empty());
  CHECK(zap_reply({"1.0"}, {}).empty());
}

}  // namespace
}  // namespace reeve
