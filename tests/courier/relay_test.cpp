// The relay's own decisions, with a real server on loopback and short times of the test's own.
#include "agent/courier/relay.h"

#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <vector>

namespace reeve {
namespace {

constexpr std::int64_t ms = 1'000'000;
constexpr std::int64_t patience_ns = 60'000 * ms;
constexpr RelayTimes quick{50 * ms, 1'000 * ms};

using Types = std::vector<MessageType>;

struct Duty {
  RelayDuty duty;
  Types outward;
  Types inward;
};

TEST_CASE("each of a courier's duties has its few types, and no others may leave or enter") {
  const Duty duties[] = {
      {RelayDuty::node,
       {MessageType::heartbeat, MessageType::batch, MessageType::fetch, MessageType::succession,
        MessageType::rekey, MessageType::certificate_held, MessageType::checkpoint_held,
        MessageType::cosignature},
       {MessageType::acknowledgement, MessageType::root, MessageType::manifest, MessageType::chunk,
        MessageType::newest_succession, MessageType::rekeyed, MessageType::certificate,
        MessageType::act, MessageType::witnesses, MessageType::recovery}},
      {RelayDuty::enrollment,
       {MessageType::enroll},
       {MessageType::root, MessageType::certificate, MessageType::enroll_answer}},
  };
  for (const auto& [duty, outward, inward] : duties) {
    for (unsigned code = 0; code <= 0xff; ++code) {
      CAPTURE(code);
      const auto type = static_cast<MessageType>(code);
      const Bytes message{'R', 'V', '1', static_cast<std::uint8_t>(code), 'x'};
      CHECK(may_leave(message, duty) == (std::ranges::find(outward, type) != outward.end()));
      CHECK(may_enter(message, duty) == (std::ranges::find(inward, type) != inward.end()));
    }
  }
}

TEST_CASE("what is no message of ours may neither leave nor enter") {
  for (const auto& bad : {Bytes{}, Bytes{'R'}, Bytes{'R', 'V', '1'}, Bytes{'R', 'V', '2', 0x02},
                          Bytes{'r', 'v', '1', 0x11}, Bytes(limits::message_bytes_max + 1, 'R')}) {
    CHECK_FALSE(may_leave(bad));
    CHECK_FALSE(may_enter(bad));
  }
}

// A port of loopback on which nobody listens, held for as long as this lives.
struct DeadPort {
  DeadPort() : held(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    socklen_t size = sizeof address;
    REQUIRE(bind(held.get(), generic, size) == 0);
    REQUIRE(getsockname(held.get(), generic, &size) == 0);
    text = "tcp://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
  }
  Fd held;
  std::string text;
};

struct Fixture {
  Fixture() {
    std::array<int, 2> ends{};
    REQUIRE(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) ==
            0);
    agent = Fd(ends[0]);
    relays_end = Fd(ends[1]);
  }
  Relay relay(std::vector<std::string> addresses) {
    CourierConfig config{controller.public_key, node.public_key, Secret(node.secret.bytes()), ""};
    auto made = Relay::create(std::move(relays_end), std::move(config), std::move(addresses),
                              Isolation::full, quick);
    REQUIRE(made.ok());
    return std::move(*made);
  }
  // The last link state that the agent was told; absent for none.
  std::optional<bool> told() {
    std::array<std::uint8_t, 16> message{};
    while (recv(agent.get(), message.data(), message.size(), MSG_DONTWAIT) > 0) {
      last_told = message[wire_header_bytes] == 1;
    }
    return last_told;
  }

  TransportKeyPair controller = generate_transport_keys();
  TransportKeyPair node = generate_transport_keys();
  Fd agent;
  Fd relays_end;
  std::optional<bool> last_told;
};

TEST_CASE("an address that does not answer gives way to the next, round and round") {
  Fixture f;
  const DeadPort dead;
  auto server = ZmqServer::create(
      f.controller.secret,
      {{"tcp://127.0.0.1:0", "nodes", [&](const auto& key) { return key == f.node.public_key; }}});
  REQUIRE(server.ok());
  auto relay = f.relay({dead.text, dead.text, (*server)->bound_address(0)});
  const SystemClock clock;
  const std::int64_t end = clock.monotonic_ns() + patience_ns;
  while (f.told() != true && clock.monotonic_ns() < end) {
    REQUIRE_FALSE(relay.turn(5 * ms).has_value());
    (*server)->wait(5 * ms, -1);
  }
  CHECK(f.told() == true);
}

TEST_CASE("when no address answers the relay ends, and has not worn the processor out waiting") {
  Fixture f;
  const DeadPort dead;
  auto relay = f.relay({dead.text});
  rusage before{};
  getrusage(RUSAGE_SELF, &before);
  CHECK(relay.run() == RelayEnd::no_address_answers);
  CHECK(f.told() == false);
  rusage after{};
  getrusage(RUSAGE_SELF, &after);
  const auto used_us = (after.ru_utime.tv_sec - before.ru_utime.tv_sec) * 1'000'000 +
                       (after.ru_utime.tv_usec - before.ru_utime.tv_usec);
  CHECK(used_us < quick.resolve_ns / 1'000 / 2);  // a loop without waits would use all of it
}

TEST_CASE("an address that cannot be used at all is waited out like one that does not answer") {
  Fixture f;
  auto relay = f.relay({"ipc:///nowhere"});
  CHECK(relay.run() == RelayEnd::no_address_answers);
}

TEST_CASE("an agent that reads nothing stops the flow, loses nothing, and is told of the end") {
  Fixture f;
  auto server = ZmqServer::create(
      f.controller.secret, {{"tcp://127.0.0.1:0", "nodes", [](const auto&) { return true; }}});
  REQUIRE(server.ok());
  auto relay = f.relay({(*server)->bound_address(0)});
  auto& nodes = (*server)->endpoint(0);
  const auto turn = [&] {
    REQUIRE_FALSE(relay.turn(ms).has_value());
    (*server)->wait(ms, -1);
    static_cast<void>(nodes.receive());
  };
  const SystemClock clock;
  const std::int64_t end = clock.monotonic_ns() + patience_ns;
  while (f.told() != true && clock.monotonic_ns() < end) turn();
  const Bytes chunk = encode_message(MessageType::chunk, Bytes(limits::chunk_bytes_max, 'x'));
  std::size_t sent = 0;
  for (int idle = 0; idle < 20; turn()) {  // until every queue on the way is full
    idle = nodes.send(f.node.public_key, chunk) ? 0 : idle + 1;
    sent += idle == 0 ? 1 : 0;
    REQUIRE(sent < 10'000);
  }
  std::size_t arrived = 0;
  Bytes buffer(limits::message_bytes_max);
  while (arrived < sent && clock.monotonic_ns() < end) {
    const ssize_t got = recv(f.agent.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (got < 0) {
      turn();
      continue;
    }
    REQUIRE(static_cast<std::size_t>(got) == chunk.size());
    ++arrived;
  }
  CHECK(arrived == sent);
  f.agent = Fd();
  CHECK(relay.run() == RelayEnd::agent_gone);
}

}  // namespace
}  // namespace reeve
