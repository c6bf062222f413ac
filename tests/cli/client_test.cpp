#include "controller/cli/client.h"

#include <doctest/doctest.h>

#include <functional>

#include <deque>

#include "common/limits.h"
#include "controller/cli/cli_limits.h"
#include "tests/fakes/fake_clock.h"

using namespace reeve;
using namespace reeve::cli;

namespace {

// A controller that answers each request as the test says; nothing is delivered while it is down.
class ScriptedLink final : public ClientLink {
 public:
  using Answer = std::function<std::vector<OperatorReply>(const OperatorRequest&)>;
  explicit ScriptedLink(const PublicKey& key) : key_(key) {}

  bool send(ByteView message) override {
    if (down) return false;
    const auto object = parse_signed_object(message, ObjectType::operator_request);
    REQUIRE(object.ok());
    REQUIRE(require_signatures(*object, std::span(&key_, 1), 1).ok());
    const auto request = decode_operator_request(object->payload);
    REQUIRE(request.ok());
    last = *request;
    for (const OperatorReply& reply : answer(*request)) {
      waiting.push_back(encode_operator_reply(reply));
    }
    return true;
  }
  std::optional<Bytes> receive() override {
    if (waiting.empty()) return std::nullopt;
    Bytes message = std::move(waiting.front());
    waiting.pop_front();
    return message;
  }

  bool down = false;
  Answer answer = [](const OperatorRequest&) { return std::vector<OperatorReply>{}; };
  OperatorRequest last;
  std::deque<Bytes> waiting;

 private:
  PublicKey key_;
};

struct Desk {
  SigningKey key = SigningKey::generate();
  FakeClock clock;
  ScriptedLink link{key.public_key()};
  KeyHash controller{{7}};
  int waits = 0;
  std::function<bool(int)> on_wait = [](int) { return true; };
  OperatorClient client{link,
                        [this](std::int64_t timeout_ns) {
                          clock.advance(timeout_ns);
                          return on_wait(++waits);
                        },
                        clock, key, controller};
};

OperatorReply reply_to(const OperatorRequest& request, Value::Array items) {
  OperatorReply reply;
  reply.id = request.id;
  reply.items = std::move(items);
  return reply;
}

}  // namespace

TEST_CASE("a request is signed, dated, for one controller, and gets the items of all its replies") {
  Desk desk;
  desk.link.answer = [](const OperatorRequest& request) {
    auto first = reply_to(request, {1, 2});
    first.more = true;
    return std::vector{first, reply_to(request, {3})};
  };
  const auto items = desk.client.request("status", {{"limit", 5}});
  REQUIRE(items.ok());
  CHECK(*items == Value::Array{1, 2, 3});
  CHECK(desk.link.last.operation == "status");
  CHECK(desk.link.last.controller == desk.controller);
  CHECK(desk.link.last.made_wall_ns == desk.clock.wall_ns());
  CHECK(desk.link.last.arguments.find("limit")->integer() == 5);
}

TEST_CASE("silence is controller_unreachable after the time-out, connected or not") {
  for (const bool down : {true, false}) {
    Desk desk;
    desk.link.down = down;
    const std::int64_t before_ns = desk.clock.monotonic_ns();
    const auto items = desk.client.request("ping", {});
    REQUIRE_FALSE(items.ok());
    CHECK(items.error().name == "controller_unreachable");
    CHECK_FALSE(items.error().next.empty());
    CHECK(desk.clock.monotonic_ns() - before_ns == limits::operator_timeout_ns);
  }
}

TEST_CASE("a request goes out when the connection comes up later") {
  Desk desk;
  desk.link.down = true;
  desk.link.answer = [](const OperatorRequest& request) {
    return std::vector{reply_to(request, {})};
  };
  desk.on_wait = [&](int count) {
    if (count == 3) desk.link.down = false;
    return true;
  };
  CHECK(desk.client.request("ping", {}).ok());
  CHECK(desk.waits == 3);
}

TEST_CASE("the controller's own error comes through with its name") {
  Desk desk;
  desk.link.answer = [](const OperatorRequest& request) {
    auto reply = reply_to(request, {});
    reply.error = Error{.name = "forbidden", .detail = "no", .next = "ask"};
    return std::vector{reply};
  };
  const auto items = desk.client.request("publish", {});
  REQUIRE_FALSE(items.ok());
  CHECK(items.error().name == "forbidden");
  CHECK(items.error().next == "ask");
}

TEST_CASE("a reply to another request is passed over") {
  Desk desk;
  desk.link.answer = [](const OperatorRequest& request) {
    auto stale = reply_to(request, {"stale"});
    stale.id = request.id + 1;
    return std::vector{stale, reply_to(request, {"right"})};
  };
  CHECK(*desk.client.request("ping", {}) == Value::Array{"right"});
}

TEST_CASE("what is no reply is malformed") {
  Desk desk;
  desk.link.waiting.push_back(bytes_of("junk"));
  CHECK(desk.client.request("ping", {}).error().name == "malformed");
}

TEST_CASE("a controller that never stops answering is cut off") {
  Desk desk;
  desk.link.answer = [](const OperatorRequest& request) {
    auto reply = reply_to(request, {});
    reply.more = true;
    return std::vector<OperatorReply>(limits::operator_items_max + 1, reply);
  };
  CHECK(desk.client.request("status", {}).error().name == "reply_too_long");
}

TEST_CASE("Ctrl-C ends a request and a pause at once") {
  Desk desk;
  desk.on_wait = [](int) { return false; };
  CHECK(desk.client.request("ping", {}).error().name == "interrupted");
  CHECK_FALSE(desk.client.pause(1'000'000'000));
  desk.on_wait = [](int) { return true; };
  CHECK(desk.client.pause(1'000'000'000));
}

TEST_CASE("a request that no message can carry is named, and was not sent") {
  Desk desk;
  const auto refused =
      desk.client.request("publish", {{"manifest", Bytes(limits::message_bytes_max, 1)}});
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().name == "request_too_long");
  CHECK(desk.waits == 0);
  CHECK_FALSE(desk.client.was_sent());
}

TEST_CASE("a request without an answer was sent, one without a connection was not") {
  Desk desk;
  CHECK_FALSE(desk.client.request("ping", {}).ok());
  CHECK(desk.client.was_sent());
  desk.link.down = true;
  CHECK_FALSE(desk.client.request("ping", {}).ok());
  CHECK_FALSE(desk.client.was_sent());
}
