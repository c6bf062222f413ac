// Revocation over real sockets on loopback: the fakes cannot show that a session of libzmq ends.
#include "common/link/link_limits.h"
#include "common/link/zmq_link.h"
#include "tests/controller/world.h"

namespace reeve {
namespace {

constexpr std::int64_t patience_ns = 60 * second_ns;
constexpr std::int64_t look_ns = 5'000'000;

// The world's controller, with its nodes' endpoint on loopback.
class LoopbackWorld : public World {
 public:
  LoopbackWorld() {
    const auto admits = [this](const TransportKey& key) { return controller->admits_node(key); };
    auto made = ZmqServer::create(fleet.transport.secret, {{"tcp://127.0.0.1:0", "nodes", admits}});
    REQUIRE(made.ok());
    server = std::move(*made);
  }

  std::unique_ptr<ZmqClient> connect_over_loopback(const TestNode& node) const {
    auto client = ZmqClient::connect(server->bound_address(0), fleet.transport.public_key,
                                     node.transport.public_key, node.transport.secret);
    REQUIRE(client.ok());
    return std::move(*client);
  }

  // Both sides move until this holds.
  bool pump(ZmqClient& client, const std::function<bool()>& holds) {
    const auto until_ns = real_clock.monotonic_ns() + patience_ns;
    while (!holds()) {
      if (real_clock.monotonic_ns() > until_ns) return false;
      server->wait(look_ns, -1);
      controller->step(server->endpoint(0), operators);
      client.wait(look_ns, -1);
    }
    return true;
  }

  void speak(ZmqClient& client, TestNode& node) {
    REQUIRE(pump(client, [&] { return client.connected(); }));
    const auto heard = counted("heard");
    const auto beat = encode_message(MessageType::heartbeat, node.sign_heartbeat(node.heartbeat()));
    REQUIRE(pump(client, [&] { return client.send(beat); }));
    REQUIRE(pump(client, [&] { return counted("heard") > heard; }));
  }

  void revoke(const TestNode& node) {
    send_operator(fleet.admin,
                  sign(request("revoke", {{"node", node.id}, {"why", ""}}), fleet.admin.key));
    controller->step(server->endpoint(0), operators);
    const auto answers = replies(fleet.admin);
    REQUIRE(answers.size() == 1);
    CHECK_FALSE(answers[0].error.has_value());
  }

  SystemClock real_clock;
  std::unique_ptr<ZmqServer> server;
};

TEST_CASE("of 100 nodes that are revoked 100 lose their session, and nobody else does") {
  LoopbackWorld world;
  TestNode bystander("bystander");
  world.enroll(bystander);
  const auto watching = world.connect_over_loopback(bystander);
  world.speak(*watching, bystander);
  int closed = 0;
  for (int i = 0; i < 100; ++i) {
    TestNode node("node" + std::to_string(i));
    world.enroll(node);
    const auto client = world.connect_over_loopback(node);
    world.speak(*client, node);
    world.revoke(node);
    closed += world.pump(*client, [&] { return !client->connected(); }) ? 1 : 0;
  }
  CHECK(closed == 100);
  CHECK(watching->connected());
  world.speak(*watching, bystander);
}

TEST_CASE("a session that is older than a revocation ends at its next message") {
  LoopbackWorld world;
  TestNode node("web1");
  world.enroll(node);
  const auto client = world.connect_over_loopback(node);
  world.speak(*client, node);
  // As if the act had come by a controller that knew of no session.
  world.ask("revoke", {{"node", node.id}, {"why", ""}});
  REQUIRE(world.nodes.closed.size() == 1);
  CHECK(client->connected());
  const auto beat = encode_message(MessageType::heartbeat, node.sign_heartbeat(node.heartbeat()));
  REQUIRE(client->send(beat));
  CHECK(world.pump(*client, [&] { return !client->connected(); }));
  CHECK(world.counted("unregistered") >= 1);
  CHECK(world.counted("heard") == 1);
}

TEST_CASE("a fifth session of one key ends the first") {
  LoopbackWorld world;
  TestNode node("web1");
  world.enroll(node);
  std::vector<std::unique_ptr<ZmqClient>> sessions;
  for (std::size_t i = 0; i <= limits::link_sessions_per_peer; ++i) {
    sessions.push_back(world.connect_over_loopback(node));
    world.speak(*sessions.back(), node);
  }
  auto& first = *sessions.front();
  CHECK(world.pump(first, [&] { return !first.connected(); }));
  CHECK(sessions.back()->connected());
}

}  // namespace
}  // namespace reeve
