#include "controller/enrollment.h"

#include "common/transport_key.h"
#include "controller/controller_limits.h"
#include "tests/controller/world.h"

namespace reeve {
namespace {

// A controller whose enrollment endpoint is open, and tokens that its operator registers.
class EnrollmentWorld : public World {
 public:
  TokenText make_token(const std::function<void(Token&)>& change = {}) const {
    auto key = SigningKey::generate();
    Token token;
    token.key = key.public_key();
    token.fleet = fleet.root.fleet;
    token.root = sha256(encode_root(fleet.root));
    token.controller = fleet.transport.public_key;
    token.enroll_address = "tcp://127.0.0.1:7119";
    token.nodes_address = "tcp://127.0.0.1:7117";
    token.name = "*";
    token.labels = {{"env", {"test"}}};
    token.created_s = clock.wall_ns() / second_ns;
    token.expires_s = token.created_s + limits::token_lifetime_s_default;
    if (change) change(token);
    auto object = seal_object(ObjectType::enrollment_token, encode_token(token), fleet.admin.key);
    return {std::move(object), std::move(key), std::move(token)};
  }
  TokenText registered_token(const std::function<void(Token&)>& change = {}) {
    auto token = make_token(change);
    ask("token", {{"token", token.object}});
    return token;
  }

  Bytes enrollment(const TestNode& node, const TokenText& token) const {
    auto object = parse_signed_object(node.certificate(fleet), ObjectType::node_certificate);
    auto certificate = decode_certificate(object->payload);
    certificate->issued_s = token.token.created_s;
    return seal_enrollment(*certificate, token, node.key);
  }

  // What comes of one request: the name of a refusal, or what was handed out.
  std::string enroll_by(const TestNode& node, ByteView enrollment) {
    auto client = strangers.connect(node.transport.public_key);
    REQUIRE(client->send(encode_message(MessageType::enroll, enrollment)));
    enroll_step();
    std::string out;
    while (const auto bytes = client->receive()) {
      const auto message = decode_message(*bytes);
      if (message->type == MessageType::root) out += "root ";
      if (message->type == MessageType::certificate) out += "certificate";
      if (message->type == MessageType::certificate)
        CHECK(verify_certificate(message->payload, fleet.root).ok());
      if (message->type == MessageType::enroll_answer) {
        const auto answer = decode_enroll_answer(message->payload);
        CHECK(answer->request == sha256(enrollment));
        out += answer->name;
      }
    }
    return out;
  }
  std::string enroll_by(const TestNode& node, const TokenText& token) {
    return enroll_by(node, enrollment(node, token));
  }
  void enroll_step() { controller->step(nodes, operators, &strangers); }

  FakeServerLink strangers;
};

TEST_CASE("a token enrolls a node, which is then like any other") {
  EnrollmentWorld world;
  const auto token = world.registered_token();
  TestNode node("web1");
  CHECK(world.enroll_by(node, token) == "root certificate");
  world.connect(node);
  CHECK(world.deliver(node, node.next_batch(Stream::urgent)).size() == 1);
  // The request and the token, then the node's enrollment.
  const auto types = world.leaf_types();
  CHECK(std::count(types.begin(), types.end(), ObjectType::enrollment_token) == 1);
  CHECK(std::count(types.begin(), types.end(), ObjectType::node_enrollment) == 1);
  world.reopen();
  CHECK(world.controller->admits_node(node.transport.public_key));
  CHECK(world.controller->registry().named("web1")->id() == node.id);
}

TEST_CASE("an answer that was lost is given again, and costs no second use") {
  EnrollmentWorld world;
  const auto token = world.registered_token();
  TestNode node("web1");
  const auto request = world.enrollment(node, token);
  CHECK(world.enroll_by(node, request) == "root certificate");
  CHECK(world.enroll_by(node, request) == "root certificate");
  world.reopen();
  world.clock.advance(2 * limits::token_lifetime_s_default * second_ns);
  CHECK(world.enroll_by(node, request) == "root certificate");
  CHECK(world.counted("enrolled_again") == 1);
  CHECK(world.controller->registry().nodes().size() == 1);
}

TEST_CASE("who is registered is answered whatever has become of certificate, token and operator") {
  EnrollmentWorld world;
  const auto token = world.registered_token([](Token& t) { t.approval = Approval::by_operator; });
  TestNode node("web1");
  const auto request = world.enrollment(node, token);
  CHECK(world.enroll_by(node, request) == "pending");
  world.ask("enroll", {{"certificate", *countersign_enrollment(request, world.fleet.admin.key)}});
  world.ask("enroll", {{"certificate", node.certificate(world.fleet, 2)}});
  CHECK(world.enroll_by(node, request) == "root certificate");
  // Somebody else with its request is still nobody.
  TestNode other("web2");
  CHECK(world.enroll_by(other, request) != "root certificate");
  Root next = world.fleet.root;
  ++next.version;
  next.operators[0].rights = {Right::view, Right::administer};
  world.ask("root",
            {{"root", seal_object(ObjectType::root, encode_root(next), world.fleet.root_key)}});
  CHECK(world.enroll_by(node, request) == "root root certificate");
  CHECK(world.enroll_by(other, world.enrollment(other, token)) == "not_an_enroller");
  world.reopen();
  CHECK(world.enroll_by(node, request) == "root root certificate");
}

TEST_CASE("a token from which no answer leads to the newest root enrolls nobody") {
  EnrollmentWorld world;
  const auto token = world.registered_token();
  const auto waiting = world.registered_token([](Token& t) { t.approval = Approval::by_operator; });
  for (std::uint64_t version = 2; version <= limits::enrollment_roots_max; ++version)
    world.ask("root", {{"root", world.fleet.next_root(version)}});
  TestNode last("web1");
  const auto in_time = world.registered_token();
  CHECK(world.enroll_by(last, in_time).ends_with("root certificate"));
  world.ask("root", {{"root", world.fleet.next_root(limits::enrollment_roots_max + 1)}});
  TestNode node("web2");
  CHECK(world.enroll_by(node, token) == "root_unknown");
  CHECK(world.enroll_by(node, waiting) == "root_unknown");
  CHECK(world.controller->registry().nodes().size() == 1);
  CHECK(world.ask("pending").empty());
  CHECK(world.ask_refused("token", {{"token", world.make_token().object}}).name == "root_unknown");
}

TEST_CASE("50 uses enroll 50 nodes, and not one more after a restart either") {
  EnrollmentWorld world;
  const auto token = world.registered_token([](Token& t) { t.uses = 50; });
  for (int i = 0; i < 50; ++i) {
    TestNode node("web" + std::to_string(i));
    REQUIRE(world.enroll_by(node, token) == "root certificate");
  }
  TestNode late("late");
  CHECK(world.enroll_by(late, token) == "token_used_up");
  world.reopen();
  CHECK(world.enroll_by(late, token) == "token_used_up");
  CHECK(world.controller->registry().nodes().size() == 50);
}

TEST_CASE("each way not to be enrolled has its name and changes nothing") {
  EnrollmentWorld world;
  TestNode node("web1");
  CHECK(world.enroll_by(node, world.make_token()) == "token_unknown");
  const auto token = world.registered_token([](Token& t) { t.uses = 10; });
  TestNode namesake("web1");
  CHECK(world.enroll_by(namesake, token) == "root certificate");
  CHECK(world.enroll_by(node, token) == "name_taken");
  TestNode other("web2");
  const auto request = world.enrollment(other, token);
  auto damaged = request;
  damaged.back() ^= 1;
  CHECK(world.enroll_by(other, damaged) == "bad_signature");
  // By another's connection: whoever sees a request cannot use it.
  CHECK(world.enroll_by(node, request) == "wrong_transport_key");
  const auto narrow = world.registered_token([](Token& t) { t.labels = {{"role", {"db"}}}; });
  CHECK(world.enroll_by(other, narrow) == "label_not_allowed");
  const auto named = world.registered_token([](Token& t) { t.name = "db-*"; });
  CHECK(world.enroll_by(other, named) == "name_not_allowed");
  const auto revoked = world.registered_token();
  world.ask("token_revoke", {{"token", revoked.token.id()}});
  CHECK(world.enroll_by(other, revoked) == "token_revoked");
  const auto old = world.registered_token();
  const auto just_in_time = world.enrollment(other, old);
  world.clock.advance(limits::token_lifetime_s_default * second_ns);
  CHECK(world.enroll_by(other, just_in_time) == "token_expired");
  CHECK(world.controller->registry().nodes().size() == 1);
}

TEST_CASE("what is no enrollment gets no answer at all") {
  EnrollmentWorld world;
  TestNode node("web1");
  auto client = world.strangers.connect(node.transport.public_key);
  for (const auto& message : {Bytes{}, Bytes{1, 2, 3}, encode_message(MessageType::batch, Bytes{1}),
                              encode_message(MessageType::enroll, Bytes(5'000, 7))}) {
    REQUIRE(client->send(message));
  }
  world.enroll_step();
  CHECK_FALSE(client->receive().has_value());
  CHECK(world.counted("limit_exceeded") == 1);
  CHECK(world.counted("wrong_type") == 1);
  CHECK(world.counted("malformed") == 2);
}

TEST_CASE("a token that asks for approval keeps its nodes waiting until an operator signs") {
  EnrollmentWorld world;
  const auto token = world.registered_token([](Token& t) { t.approval = Approval::by_operator; });
  TestNode node("web1");
  const auto request = world.enrollment(node, token);
  CHECK(world.enroll_by(node, request) == "pending");
  CHECK(world.controller->registry().nodes().empty());
  TestNode second("web2");
  CHECK(world.enroll_by(second, token) == "token_used_up");
  CHECK(world.ask_refused("enroll", {{"certificate", request}}).name == "approval_needed");
  const auto waiting = world.ask("pending");
  REQUIRE(waiting.size() == 1);
  const auto seen = *waiting[0].find("enrollment")->binary();
  CHECK(seen == request);
  world.ask("enroll", {{"certificate", *countersign_enrollment(seen, world.fleet.admin.key)}});
  CHECK(world.ask("pending").empty());
  CHECK(world.enroll_by(node, request) == "root certificate");
  CHECK(world.enroll_by(second, token) == "token_used_up");
}

TEST_CASE("who has stopped asking is not listed any more") {
  EnrollmentWorld world;
  const auto token = world.registered_token([](Token& t) { t.approval = Approval::by_operator; });
  TestNode node("web1");
  CHECK(world.enroll_by(node, token) == "pending");
  world.clock.advance(limits::enrollment_pending_ns + 1);
  CHECK(world.ask("pending").empty());
}

TEST_CASE("a refusing store enrolls nobody and uses nothing up") {
  EnrollmentWorld world;
  const auto token = world.registered_token();
  TestNode node("web1");
  world.store->fault = FaultyStore::Fault::commit;
  CHECK(world.enroll_by(node, token) == "controller_busy");
  CHECK(world.store->refused > 0);
  world.store->fault = FaultyStore::Fault::none;
  CHECK(world.controller->registry().nodes().empty());
  CHECK(world.enroll_by(node, token) == "root certificate");
}

TEST_CASE("tokens that are used up, over or revoked take no room from live ones") {
  EnrollmentWorld world;
  Tokens tokens;
  const auto now_s = world.clock.wall_ns() / second_ns;
  const auto fill = [&](const std::function<void(KnownToken&)>& change) {
    for (std::size_t i = 0; i < limits::tokens_max; ++i) {
      KnownToken token;
      token.token.key = random_bytes<32>();
      token.token.expires_s = now_s + 1;
      change(token);
      tokens.put(std::move(token));
    }
  };
  const auto outcome = [&] {
    const auto checked = tokens.check(world.make_token().object, world.fleet.root, now_s);
    return checked.ok() ? "registered" : checked.error().name;
  };
  fill([](KnownToken& token) { token.used = token.token.uses; });
  fill([](KnownToken& token) { token.state = TokenState::revoked; });
  fill([&](KnownToken& token) { token.token.expires_s = now_s; });
  CHECK(outcome() == "registered");
  fill([](KnownToken&) {});
  CHECK(outcome() == "too_many_tokens");
}

TEST_CASE("nodes that have ended take no room from those that live, up to twice as many in all") {
  EnrollmentWorld world;
  Registry registry;
  std::size_t made = 0;
  const auto fill = [&](std::size_t count, NodeState state) {
    for (; made < count; ++made) {
      Node node;
      append_u64(node.certificate_object, made);
      std::copy_n(node.certificate_object.begin(), 8, node.certificate.node.data.begin());
      std::copy_n(node.certificate_object.begin(), 8, node.certificate.transport_key.data.begin());
      node.certificate.name = "node" + std::to_string(made);
      node.state = state;
      registry.put(std::move(node));
    }
  };
  const TestNode another("another");
  const auto outcome = [&] {
    const auto checked =
        registry.check_enrollment(another.certificate(world.fleet), world.fleet.root);
    return checked.ok() ? "registered" : checked.error().name;
  };
  fill(1'000, NodeState::retired);
  fill(limits::nodes_max, NodeState::registered);
  CHECK(outcome() == "registered");
  fill(limits::nodes_max + 1'000, NodeState::registered);
  CHECK(outcome() == "too_many_nodes");
  const Node* one = registry.named("node5000");
  Node ended = *one;
  ended.state = NodeState::revoked;
  registry.put(std::move(ended));
  CHECK(outcome() == "registered");
  fill(limits::nodes_ever_max, NodeState::retired);
  CHECK(outcome() == "too_many_nodes");
}

TEST_CASE("a flood from one source is cut off and the source is heard again later") {
  EnrollmentWorld world;
  TestNode node("web1");
  const auto request = world.enrollment(node, world.make_token());
  auto client = world.strangers.connect(node.transport.public_key);
  for (std::int64_t i = 0; i < 300; ++i) {
    REQUIRE(client->send(encode_message(MessageType::enroll, request)));
  }
  for (int i = 0; i < 5; ++i) world.enroll_step();
  CHECK(world.counted("token_unknown") == limits::enrollments_of_source_max);
  CHECK(world.counted("rate_limited") == 300 - limits::enrollments_of_source_max);
  client.reset();
  world.clock.advance(second_ns);
  CHECK(world.enroll_by(node, request) == "token_unknown");
}

TEST_CASE("rates are kept for each source in bounded memory") {
  RateLimit limit({2, 1}, 3);
  for (const char* source : {"a", "b", "c"}) CHECK(limit.allows(source, 0));
  CHECK_FALSE(limit.allows("d", 0));  // no room while all are busy
  CHECK(limit.allows("a", 0));
  CHECK_FALSE(limit.allows("a", 0));
  CHECK(limit.allows("a", second_ns));
  CHECK_FALSE(limit.allows("a", second_ns));
  CHECK(limit.allows("d", 10 * second_ns));  // the others have been forgotten
  CHECK(source_of("192.0.2.7") == "192.0.2.7");
  CHECK(source_of("::ffff:192.0.2.7") == "192.0.2.7");
  CHECK(source_of("2001:db8::1") == source_of("2001:db8::2"));
  CHECK(source_of("2001:db8:1::1") != source_of("2001:db8:2::1"));
}

TEST_CASE("revoking and retiring end a node, its session and its claim to the name") {
  for (const char* act : {"revoke", "retire"}) {
    CAPTURE(act);
    EnrollmentWorld world;
    TestNode node("web1");
    world.enroll(node);
    world.ask(act, {{"node", node.id}, {"why", "lost"}});
    REQUIRE(world.nodes.closed.size() == 1);
    CHECK(world.nodes.closed[0] == node.transport.public_key);
    CHECK(world.deliver(node, node.next_batch(Stream::urgent)).empty());
    CHECK(world.nodes.closed.size() == 2);  // and whoever speaks from an older session
    world.reopen();
    CHECK_FALSE(world.controller->admits_node(node.transport.public_key));
    CHECK(world.controller->registry().find(node.id)->ending.size() > 0);
    CHECK(world.ask_refused("enroll", {{"certificate", node.certificate(world.fleet, 2)}}).name ==
          "node_revoked");
    // The host, installed anew, has the name again; the old records stay the old node's.
    TestNode again("web1");
    world.enroll(again);
    CHECK(world.controller->registry().named("web1")->id() == again.id);
    world.reopen();
    CHECK(world.controller->registry().named("web1")->id() == again.id);
  }
}

TEST_CASE("a retired node may still be revoked, and nothing undoes either") {
  World world;
  TestNode node("web1");
  world.enroll(node);
  world.ask("retire", {{"node", node.id}, {"why", ""}});
  CHECK(world.ask_refused("retire", {{"node", node.id}, {"why", ""}}).name == "node_revoked");
  world.ask("revoke", {{"node", node.id}, {"why", ""}});
  CHECK(world.ask_refused("retire", {{"node", node.id}, {"why", ""}}).name == "node_revoked");
  CHECK(world.ask_refused("revoke", {{"node", NodeId{}}, {"why", ""}}).name == "node_unknown");
}

TEST_CASE("only an operator with the right enroll may register tokens and end nodes") {
  EnrollmentWorld world;
  TestNode node("web1");
  world.enroll(node);
  const auto token = world.make_token();
  for (const auto& [operation, arguments] : std::vector<std::pair<std::string, Value::Map>>{
           {"token", {{"token", token.object}}},
           {"token_revoke", {{"token", token.token.id()}}},
           {"revoke", {{"node", node.id}, {"why", ""}}},
           {"retire", {{"node", node.id}, {"why", ""}}}}) {
    const std::string& asked = operation;  // Clang 14 takes no binding into a lambda
    CAPTURE(asked);
    const auto answers = world.ask_as(world.fleet.viewer, operation, arguments);
    REQUIRE(answers.size() == 1);
    REQUIRE(answers[0].error.has_value());
    CHECK(answers[0].error->name == "not_permitted");
  }
  CHECK(world.controller->admits_node(node.transport.public_key));
  const auto forged =
      seal_object(ObjectType::enrollment_token, encode_token(token.token), world.fleet.ledger_key);
  CHECK(world.ask_refused("token", {{"token", forged}}).name == "not_an_enroller");
}

// A node's statement of its next transport key.
Bytes transport_statement(const TestNode& node, const TransportKey& key, std::uint64_t version) {
  return seal_object(ObjectType::transport_key,
                     encode_transport_statement({node.id, key, version, 1}), node.key);
}

TEST_CASE("a node takes a new transport key, and the former is good until the new has spoken") {
  World world;
  TestNode node("web1");
  world.enroll(node);
  auto successor = node.clone();
  successor.transport = generate_transport_keys();
  const auto key = successor.transport.public_key;
  world.send(node, MessageType::rekey, transport_statement(node, key, 1));
  world.step();
  const auto answers = world.received(node);
  REQUIRE(answers.size() == 1);
  CHECK(answers[0].type == MessageType::rekeyed);
  world.reopen();  // it is durable with the answer, and so is the former one
  CHECK(world.controller->admits_node(node.transport.public_key));
  CHECK(world.controller->admits_node(key));
  CHECK(world.deliver(node, node.next_batch(Stream::urgent)).size() == 1);
  CHECK(world.controller->admits_node(node.transport.public_key));
  world.connect(successor);
  CHECK(world.deliver(successor, node.next_batch(Stream::urgent)).size() == 1);
  CHECK_FALSE(world.controller->admits_node(node.transport.public_key));
  CHECK(world.controller->admits_node(key));
  world.clock.advance(limits::node_rows_interval_ns);
  world.step();
  world.reopen();
  CHECK_FALSE(world.controller->admits_node(node.transport.public_key));
  CHECK(world.controller->admits_node(key));
}

TEST_CASE("a statement of a transport key that is forged, old or another's key changes nothing") {
  World world;
  TestNode node("web1");
  TestNode other("web2");
  world.enroll(node);
  world.enroll(other);
  const auto key = generate_transport_keys().public_key;
  struct Case {
    std::string_view what;
    Bytes statement;
    std::string name;
  };
  const Case cases[] = {
      {"signed by another", transport_statement(other, key, 1), "key_unknown"},
      {"the key of another", transport_statement(node, other.transport.public_key, 1),
       "transport_key_taken"},
      {"its own key", transport_statement(node, node.transport.public_key, 1),
       "transport_key_taken"},
      {"rubbish", bytes_of("x"), "malformed"},
  };
  for (const auto& one : cases) {
    CAPTURE(one.what);
    world.send(node, MessageType::rekey, one.statement);
    world.step();
    for (const auto& message : world.received(node)) CHECK(message.type != MessageType::rekeyed);
    CHECK(world.counted(one.name) >= 1);
  }
  world.send(node, MessageType::rekey, transport_statement(node, key, 7));
  world.step();
  CHECK(world.received(node).size() == 1);
  world.send(node, MessageType::rekey,
             transport_statement(node, generate_transport_keys().public_key, 7));
  world.step();
  CHECK(world.received(node).empty());
  CHECK(world.counted("statement_rollback") == 1);
  CHECK(world.controller->admits_node(other.transport.public_key));
}

TEST_CASE("a later certificate is sent to its node until the node says that it has it") {
  World world;
  TestNode node("web1");
  world.enroll(node);
  const auto beat = [&] {
    world.send(node, MessageType::heartbeat, node.sign_heartbeat(node.heartbeat()));
    world.step();
    std::size_t certificates = 0;
    for (const auto& message : world.received(node)) {
      certificates += message.type == MessageType::certificate ? 1 : 0;
    }
    return certificates;
  };
  CHECK(beat() == 0);
  world.ask("enroll", {{"certificate", node.certificate(world.fleet, 2)}});
  CHECK(world.received(node).size() == 1);  // at once
  CHECK(beat() == 1);                       // it may have been lost
  Bytes held;
  append_u64(held, 2);
  world.send(node, MessageType::certificate_held, held);
  CHECK(beat() == 0);
}

}  // namespace
}  // namespace reeve
