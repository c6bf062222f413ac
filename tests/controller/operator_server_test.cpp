#include "controller/operator_server.h"

#include <doctest/doctest.h>

#include "common/limits.h"
#include "controller/controller_limits.h"
#include "tests/controller/world.h"

namespace reeve {
namespace {

std::string error_of(const std::vector<OperatorReply>& replies) {
  REQUIRE(replies.size() == 1);
  return replies[0].error ? replies[0].error->name : "";
}

TEST_CASE("ping names the fleet and the version") {
  World world;
  const auto items = world.ask("ping");
  REQUIRE(items.size() == 1);
  CHECK(*items[0].find("origin")->text() == "test-fleet");
  CHECK(*items[0].find("version")->text() == REEVE_VERSION);
}

TEST_CASE("who is no operator, or signs with another key, gets no answer") {
  World world;
  const TestOperator stranger;
  CHECK(world.ask_as(stranger, "ping").empty());
  CHECK(world.counted("not_an_operator") == 1);
  // The viewer's connection with the administrator's signature, and the other way round.
  world.send_operator(world.fleet.viewer, world.sign(world.request("ping"), world.fleet.admin.key));
  world.send_operator(world.fleet.admin, world.sign(world.request("ping"), world.fleet.viewer.key));
  world.send_operator(world.fleet.admin, Bytes{1, 2, 3});
  world.send_operator(world.fleet.admin, Bytes(60'000, 0xff));
  world.step();
  CHECK(world.replies(world.fleet.admin).empty());
  CHECK(world.replies(world.fleet.viewer).empty());
  CHECK(world.counted("too_few_signatures") + world.counted("bad_signature") == 2);
  CHECK(world.counted("malformed") == 2);
}

TEST_CASE("a request is answered once, however often it comes") {
  World world;
  const auto message = world.sign(world.request("ping"), world.fleet.admin.key);
  world.send_operator(world.fleet.admin, message);
  world.step();
  CHECK(error_of(world.replies(world.fleet.admin)).empty());
  for (int i = 0; i < 3; ++i) {
    world.send_operator(world.fleet.admin, message);
    world.step();
    CHECK(error_of(world.replies(world.fleet.admin)) == "replayed_request");
    world.clock.advance(limits::request_age_ns / 4);
  }
  // When its id is forgotten it is too old to be admitted.
  world.clock.advance(3 * limits::request_age_ns);
  world.send_operator(world.fleet.admin, message);
  world.step();
  CHECK(error_of(world.replies(world.fleet.admin)) == "stale_request");
}

TEST_CASE("a request made in the future is refused before and after its time is forgotten") {
  World world;
  auto request = world.request("ping");
  request.made_wall_ns = world.clock.wall_ns() + limits::request_age_ns;
  const auto message = world.sign(request, world.fleet.admin.key);
  world.send_operator(world.fleet.admin, message);
  world.step();
  CHECK(error_of(world.replies(world.fleet.admin)).empty());
  for (int i = 0; i < 10; ++i) {
    world.clock.advance(limits::request_age_ns / 4);
    world.send_operator(world.fleet.admin, message);
    world.step();
    CHECK_FALSE(error_of(world.replies(world.fleet.admin)).empty());
  }
}

TEST_CASE("a request for another controller or another time is refused by name") {
  World world;
  auto request = world.request("ping");
  request.controller = sha256(view_of("another"));
  world.send_operator(world.fleet.admin, world.sign(request, world.fleet.admin.key));
  world.step();
  CHECK(error_of(world.replies(world.fleet.admin)) == "wrong_controller");
  for (const auto shift : {-limits::request_age_ns - 1, limits::request_age_ns + 1}) {
    request = world.request("ping");
    request.made_wall_ns += shift;
    world.send_operator(world.fleet.admin, world.sign(request, world.fleet.admin.key));
    world.step();
    CHECK(error_of(world.replies(world.fleet.admin)) == "stale_request");
  }
  CHECK(error_of(world.ask_as(world.fleet.admin, "dance")) == "unknown_operation");
}

TEST_CASE("every operation needs its right") {
  World world;
  for (const auto* operation : {"upload", "publish", "enroll"}) {
    CHECK(error_of(world.ask_as(world.fleet.viewer, operation)) == "not_permitted");
  }
  for (const auto* operation : {"ping", "manifest", "status", "records"}) {
    CHECK(error_of(world.ask_as(world.fleet.viewer, operation)).empty());
  }
  for (const auto* operation : {"bundle", "show"}) {
    CHECK(error_of(world.ask_as(world.fleet.viewer, operation)) == "malformed");
  }
}

TEST_CASE("arguments that an operation does not know are refused") {
  World world;
  const auto refused = world.ask_as(world.fleet.admin, "records", {{"colour", "red"}});
  CHECK(error_of(refused) == "unknown_field");
}

TEST_CASE("an enrolled node is admitted, also after a restart, and enrolling again is harmless") {
  World world;
  TestNode node("web1");
  world.enroll(node);
  const auto size = world.controller->tree_size();
  world.ask("enroll", {{"certificate", node.certificate(world.fleet)}});
  CHECK(world.controller->tree_size() == size);
  world.reopen();
  CHECK(world.controller->admits_node(node.transport.public_key));
}

TEST_CASE("certificates that must not be registered are refused by name") {
  World world;
  TestNode node("web1");
  world.enroll(node);
  const auto refused = [&](const TestNode& of, std::uint64_t version) {
    return world.ask_refused("enroll", {{"certificate", of.certificate(world.fleet, version)}})
        .name;
  };
  TestNode namesake("web1");
  CHECK(refused(namesake, 1) == "name_taken");
  TestNode thief("web2");
  thief.transport = {node.transport.public_key, Secret(node.transport.secret.bytes())};
  CHECK(refused(thief, 1) == "transport_key_taken");
  TestNode impostor("web3");
  impostor.id = sha256(view_of("chosen"));
  CHECK(refused(impostor, 1) == "node_id_mismatch");
  CHECK(refused(impostor, 2) == "node_id_mismatch");
  TestNode hexadecimal(hex(namesake.id.view()));
  CHECK(refused(hexadecimal, 1) == "name_taken");
  auto rekeyed = node.clone();
  rekeyed.key = SigningKey::generate();
  CHECK(refused(rekeyed, 2) == "record_key_changed");
  world.ask("enroll", {{"certificate", node.certificate(world.fleet, 3)}});
  CHECK(refused(node, 2) == "certificate_rollback");
  world.ask("revoke", {{"node", node.id}, {"why", ""}});
  CHECK(world.ask_refused("enroll", {{"certificate", node.certificate(world.fleet, 3)}}).name ==
        "node_revoked");
  CHECK(refused(node, 4) == "node_revoked");
  TestNode unsigned_one("web4");
  auto bytes = unsigned_one.certificate(world.fleet);
  bytes.back() ^= 1;
  CHECK_FALSE(world.ask_refused("enroll", {{"certificate", bytes}}).name.empty());
  CHECK(world.controller->registry().nodes().size() == 1);
}

TEST_CASE("a later certificate moves a node to its new transport key") {
  World world;
  TestNode node("web1");
  world.enroll(node);
  const auto old_key = node.transport.public_key;
  node.transport = generate_transport_keys();
  world.ask("enroll", {{"certificate", node.certificate(world.fleet, 2)}});
  CHECK_FALSE(world.controller->admits_node(old_key));
  world.connect(node);
  CHECK(world.deliver(node, node.next_batch(Stream::urgent)).size() == 1);
}

TEST_CASE("replies wait for a link that is full and go to nobody after a while") {
  World world;
  world.operators.set_queue_max(1);
  world.send_operator(world.fleet.admin, world.sign(world.request("ping"), world.fleet.admin.key));
  world.step();
  world.send_operator(world.fleet.admin, world.sign(world.request("ping"), world.fleet.admin.key));
  world.step();
  CHECK(world.controller->idle_ns() == limits::reply_retry_ns);
  CHECK(world.replies(world.fleet.admin).size() == 1);
  world.step();
  CHECK(world.replies(world.fleet.admin).size() == 1);
  world.operators.cut(world.fleet.viewer.transport.public_key);
  world.operators.mend(world.fleet.viewer.transport.public_key);
  world.send_operator(world.fleet.viewer,
                      world.sign(world.request("ping"), world.fleet.viewer.key));
  world.operators.cut(world.fleet.viewer.transport.public_key);
  world.step();
  world.clock.advance(limits::reply_patience_ns + 1);
  world.step();
  CHECK(world.controller->idle_ns() == limits::controller_idle_ns);
  world.operators.mend(world.fleet.viewer.transport.public_key);
  CHECK(world.replies(world.fleet.viewer).empty());
}

TEST_CASE("a reply for which there is no room is refused, never cut short") {
  World world;
  constexpr std::size_t nodes = 40;
  for (std::size_t i = 0; i < nodes; ++i) {
    TestNode node("web" + std::to_string(i));
    world.enroll(node);
    auto heartbeat = node.heartbeat();
    heartbeat.blind_spots.assign(100, std::string(150, 'x'));
    world.send(node, MessageType::heartbeat, node.sign_heartbeat(heartbeat));
  }
  world.step();
  REQUIRE(world.counted("heard") == nodes);
  std::size_t bytes = 0;
  for (const auto& item : world.ask("status")) bytes += encode(item).size();
  const auto requests = limits::replies_waiting_bytes_max / bytes + 2;
  const auto answered = world.counted("answered");

  world.operators.set_queue_max(100'000);
  for (std::size_t i = 0; i < requests; ++i) {
    world.send_operator(world.fleet.admin,
                        world.sign(world.request("status"), world.fleet.admin.key));
  }
  world.operators.cut(world.fleet.admin.transport.public_key);
  while (world.counted("answered") < answered + requests) world.step();
  world.operators.mend(world.fleet.admin.transport.public_key);
  world.step();
  std::map<std::uint64_t, std::size_t> items;
  std::size_t refused = 0;
  for (const auto& reply : world.replies(world.fleet.admin)) {
    refused += reply.error && reply.error->name == "controller_busy" ? 1 : 0;
    if (!reply.error) items[reply.id] += reply.items.size();
  }
  CHECK(refused > 0);
  CHECK(items.size() + refused == requests);
  for (const auto& [id, count] : items) CHECK(count == nodes);
}

TEST_CASE("a long reply comes in parts that each pass the decoding gate") {
  Value::Array items;
  for (int i = 0; i < 700; ++i) items.emplace_back(Value::Map{{"n", i}, {"b", Bytes(500, 1)}});
  const auto parts = split_reply(9, items);
  std::size_t seen = 0;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const auto bytes = encode_operator_reply(parts[i]);
    CHECK(bytes.size() <= limits::message_bytes_max);
    const auto back = decode_operator_reply(bytes);
    REQUIRE(back.ok());
    CHECK(back->more == (i + 1 < parts.size()));
    seen += back->items.size();
  }
  CHECK(seen == 700);
  CHECK(split_reply(9, {}).size() == 1);
}

TEST_CASE("parts of many small items stay within the decoder's count of objects") {
  Value::Array items;
  for (int i = 0; i < 256; ++i) items.emplace_back(Value::Array(40, Value(1)));
  const auto parts = split_reply(9, items);
  CHECK(parts.size() > 1);
  for (const auto& part : parts) CHECK(decode_operator_reply(encode_operator_reply(part)).ok());
}

}  // namespace
}  // namespace reeve
