// Real sockets on loopback with ports that the kernel chooses. Waits end with what they wait for;
// their bound is thirty times what they take and is met only by a failure.
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>

#include "common/clock.h"
#include "common/fd.h"
#include "common/limits.h"
#include "common/link/zmq_link.h"

namespace reeve {
namespace {

constexpr std::int64_t patience_ns = 60'000'000'000;
constexpr std::int64_t slice_ns = 10'000'000;
// How long an absence is watched: long enough for the handshakes of several attempts on loopback.
constexpr std::int64_t absence_ns = 1'500'000'000;

Bytes message(std::string_view text) { return bytes_of(text); }

// A controller with two endpoints and the keys that each admits, all on the test's one thread.
struct Fixture {
  explicit Fixture(std::vector<TransportKey> node_keys = {},
                   std::vector<TransportKey> operator_keys = {})
      : nodes(std::move(node_keys)), operators(std::move(operator_keys)) {
    auto created =
        ZmqServer::create(keys.secret, {{"tcp://127.0.0.1:0", "nodes", admits(nodes)},
                                        {"tcp://127.0.0.1:*", "operators", admits(operators)}});
    REQUIRE(created.ok());
    server = std::move(*created);
  }

  std::function<bool(const TransportKey&)> admits(const std::vector<TransportKey>& list) {
    return [this, &list](const TransportKey& key) {
      ++asked;
      return std::find(list.begin(), list.end(), key) != list.end();
    };
  }

  std::unique_ptr<ZmqClient> client(std::size_t endpoint, const TransportKeyPair& own) const {
    auto created = ZmqClient::connect(server->bound_address(endpoint), keys.public_key,
                                      own.public_key, own.secret);
    REQUIRE(created.ok());
    return std::move(*created);
  }

  // Turns both sides until `done` or `limit_ns`; answers whether it was done.
  bool turn(ZmqClient& client, const std::function<bool()>& done,
            std::int64_t limit_ns = patience_ns) const {
    const SystemClock clock;
    const std::int64_t end = clock.monotonic_ns() + limit_ns;
    while (!done()) {
      if (clock.monotonic_ns() > end) return false;
      server->wait(slice_ns, -1);
      client.wait(slice_ns, -1);
    }
    return true;
  }

  std::optional<ServerLink::Incoming> arrival(ZmqClient& client, std::size_t endpoint) const {
    std::optional<ServerLink::Incoming> found;
    turn(client, [&] { return (found = server->endpoint(endpoint).receive()).has_value(); });
    return found;
  }

  TransportKeyPair keys = generate_transport_keys();
  std::vector<TransportKey> nodes;
  std::vector<TransportKey> operators;
  int asked = 0;
  std::unique_ptr<ZmqServer> server;
};

TEST_CASE("a registered key's message arrives with that key, and the answer comes back") {
  const auto node = generate_transport_keys();
  Fixture f({node.public_key});
  auto client = f.client(0, node);
  CHECK_FALSE(client->connected());
  CHECK_FALSE(client->send(message("too early")));
  REQUIRE(f.turn(*client, [&] { return client->connected(); }));
  REQUIRE(client->send(message("hello")));
  const auto got = f.arrival(*client, 0);
  REQUIRE(got.has_value());
  CHECK(got->peer == node.public_key);
  CHECK(got->message == message("hello"));
  REQUIRE(f.server->endpoint(0).send(node.public_key, message("answer")));
  std::optional<Bytes> answer;
  REQUIRE(f.turn(*client, [&] { return (answer = client->receive()).has_value(); }));
  CHECK(*answer == message("answer"));
}

TEST_CASE("the server can send to a peer that has connected and said nothing yet") {
  const auto node = generate_transport_keys();
  Fixture f({node.public_key});
  auto client = f.client(0, node);
  CHECK_FALSE(f.server->endpoint(0).send(node.public_key, message("nobody there")));
  REQUIRE(f.turn(*client, [&] {
    CHECK_FALSE(f.server->endpoint(0).receive().has_value());
    return f.server->endpoint(0).send(node.public_key, message("first"));
  }));
  std::optional<Bytes> got;
  REQUIRE(f.turn(*client, [&] { return (got = client->receive()).has_value(); }));
  CHECK(*got == message("first"));
}

TEST_CASE("an unknown key is denied before any message of its can arrive") {
  Fixture f({generate_transport_keys().public_key});
  auto stranger = f.client(0, generate_transport_keys());
  const bool entered = f.turn(
      *stranger,
      [&] {
        stranger->send(message("let me in"));
        return stranger->connected() || f.server->endpoint(0).receive().has_value();
      },
      absence_ns);
  CHECK_FALSE(entered);
  CHECK(f.asked >= 2);  // it was really there, was refused, and came again
}

TEST_CASE("a key that is registered later gets in without being started again") {
  const auto node = generate_transport_keys();
  Fixture f;
  auto client = f.client(0, node);
  REQUIRE(f.turn(*client, [&] { return f.asked > 0; }));
  CHECK_FALSE(client->connected());
  f.nodes.push_back(node.public_key);
  CHECK(f.turn(*client, [&] { return client->connected(); }));
}

TEST_CASE("a client that expects another server key never connects") {
  const auto node = generate_transport_keys();
  Fixture f({node.public_key});
  const auto wrong = generate_transport_keys();
  auto created = ZmqClient::connect(f.server->bound_address(0), wrong.public_key, node.public_key,
                                    node.secret);
  REQUIRE(created.ok());
  CHECK_FALSE(f.turn(
      **created, [&] { return (*created)->connected(); }, absence_ns));
  CHECK(f.asked == 0);
}

TEST_CASE("a client that claims a registered key without its secret never connects") {
  const auto node = generate_transport_keys();
  Fixture f({node.public_key});
  auto created = ZmqClient::connect(f.server->bound_address(0), f.keys.public_key, node.public_key,
                                    generate_transport_keys().secret);
  REQUIRE(created.ok());
  CHECK_FALSE(f.turn(
      **created, [&] { return (*created)->connected(); }, absence_ns));
}

TEST_CASE("a node's key cannot enter the operators' endpoint, nor an operator's the nodes'") {
  const auto node = generate_transport_keys();
  const auto person = generate_transport_keys();
  Fixture f({node.public_key}, {person.public_key});
  auto intruder = f.client(1, node);
  CHECK_FALSE(f.turn(
      *intruder, [&] { return intruder->connected(); }, absence_ns));
  auto lost = f.client(0, person);
  CHECK_FALSE(f.turn(
      *lost, [&] { return lost->connected(); }, absence_ns));
  auto rightful = f.client(1, person);
  CHECK(f.turn(*rightful, [&] { return rightful->connected(); }));
}

TEST_CASE("after a reconnect answers go to the new connection") {
  const auto node = generate_transport_keys();
  Fixture f({node.public_key});
  auto first = f.client(0, node);
  REQUIRE(f.turn(*first, [&] { return first->connected(); }));
  REQUIRE(first->send(message("one")));
  REQUIRE(f.arrival(*first, 0).has_value());
  first.reset();
  auto second = f.client(0, node);
  REQUIRE(f.turn(*second, [&] { return second->connected(); }));
  REQUIRE(second->send(message("two")));
  REQUIRE(f.arrival(*second, 0).has_value());
  REQUIRE(f.server->endpoint(0).send(node.public_key, message("for the second")));
  std::optional<Bytes> got;
  REQUIRE(f.turn(*second, [&] { return (got = second->receive()).has_value(); }));
  CHECK(*got == message("for the second"));
}

TEST_CASE("a send to a peer that has gone is reported false") {
  const auto node = generate_transport_keys();
  Fixture f({node.public_key});
  auto client = f.client(0, node);
  REQUIRE(f.turn(*client, [&] { return client->connected(); }));
  REQUIRE(client->send(message("here")));
  REQUIRE(f.arrival(*client, 0).has_value());
  client.reset();
  auto witness = f.client(1, node);  // never admitted; gives the loop something to turn
  CHECK(f.turn(*witness, [&] { return !f.server->endpoint(0).send(node.public_key, {}); }));
}

TEST_CASE("a full queue refuses, wait tells when there is room, and nothing accepted is lost") {
  const auto node = generate_transport_keys();
  Fixture f({node.public_key});
  auto client = f.client(0, node);
  REQUIRE(f.turn(*client, [&] { return client->connected(); }));
  const Bytes large(limits::message_bytes_max, 7);
  std::size_t accepted = 0;
  while (client->send(large)) REQUIRE(++accepted < 10'000);  // nobody reads: a bound must show
  std::size_t arrived = 0;
  REQUIRE(f.turn(*client, [&] {
    while (f.server->endpoint(0).receive()) ++arrived;
    return arrived == accepted;
  }));
  CHECK(f.turn(*client, [&] { return client->send(large); }));
}

TEST_CASE("a message above the bound is refused by the sender") {
  const auto node = generate_transport_keys();
  Fixture f({node.public_key});
  auto client = f.client(0, node);
  REQUIRE(f.turn(*client, [&] { return client->connected(); }));
  CHECK_FALSE(client->send(Bytes(limits::message_bytes_max + 1, 7)));
  const Bytes largest(limits::message_bytes_max, 7);
  CHECK(client->send(largest));
  const auto got = f.arrival(*client, 0);
  REQUIRE(got.has_value());
  CHECK(got->message == largest);
}

TEST_CASE("losing the server shows, and a server on the same port is found again") {
  const auto node = generate_transport_keys();
  auto f = std::make_unique<Fixture>(std::vector{node.public_key});
  auto client = f->client(0, node);
  REQUIRE(f->turn(*client, [&] { return client->connected(); }));
  const std::string address = f->server->bound_address(0);
  f->server.reset();
  const SystemClock clock;
  const std::int64_t end = clock.monotonic_ns() + patience_ns;
  while (client->connected() && clock.monotonic_ns() < end) client->wait(slice_ns, -1);
  CHECK_FALSE(client->connected());
  auto again = ZmqServer::create(f->keys.secret, {{address, "nodes", f->admits(f->nodes)}});
  REQUIRE(again.ok());
  f->server = std::move(*again);
  CHECK(f->turn(*client, [&] { return client->connected(); }));
}

TEST_CASE("wait returns for a readable descriptor") {
  const auto node = generate_transport_keys();
  Fixture f({node.public_key});
  auto client = f.client(0, node);
  const Fd event(eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK));
  const SystemClock clock;
  const std::int64_t start = clock.monotonic_ns();
  f.server->wait(patience_ns, event.get());
  for (int i = 0; i < 3; ++i) client->wait(patience_ns, event.get());
  CHECK(clock.monotonic_ns() - start < patience_ns);
}

TEST_CASE("addresses that cannot be used and ports that are taken have names") {
  const auto keys = generate_transport_keys();
  const auto open = [&](const std::string& address) {
    return ZmqServer::create(keys.secret, {{address, "nodes", [](const auto&) { return true; }}});
  };
  for (const char* bad :
       {"", "tcp://", "tcp://127.0.0.1", "tcp://127.0.0.1:70000", "ipc:///tmp/x", "inproc://x",
        "tcp://127.0.0.1;127.0.0.1:5", "tcp://::1:5", "tcp://203.0.113.7:0"}) {
    CAPTURE(bad);
    const auto outcome = open(bad);
    REQUIRE_FALSE(outcome.ok());
    CHECK(outcome.error().name == "address_unusable");
  }
  auto first = open("tcp://127.0.0.1:0");
  REQUIRE(first.ok());
  CHECK((*first)->bound_address(0).starts_with("tcp://127.0.0.1:"));
  const auto second = open((*first)->bound_address(0));
  REQUIRE_FALSE(second.ok());
  CHECK(second.error().name == "address_in_use");
  const auto client = ZmqClient::connect("unix:/x", keys.public_key, keys.public_key, keys.secret);
  REQUIRE_FALSE(client.ok());
  CHECK(client.error().name == "address_unusable");
}

TEST_CASE("IPv6 loopback works where the host has it") {
  const auto node = generate_transport_keys();
  const auto keys = generate_transport_keys();
  auto server = ZmqServer::create(keys.secret,
                                  {{"tcp://[::1]:0", "nodes", [](const auto&) { return true; }}});
  if (!server.ok()) {
    fmt::print("SKIP IPv6 loopback works where the host has it: {}\n", server.error().detail);
    return;
  }
  Fixture f;
  f.server = std::move(*server);
  auto client =
      ZmqClient::connect(f.server->bound_address(0), keys.public_key, node.public_key, node.secret);
  REQUIRE(client.ok());
  CHECK(f.turn(**client, [&] { return (*client)->connected(); }));
}

}  // namespace
}  // namespace reeve
