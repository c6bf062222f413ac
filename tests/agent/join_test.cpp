#include "agent/join.h"

#include "agent/agent_limits.h"
#include "agent/identity.h"
#include "common/paths.h"
#include "tests/agent/agent_world.h"

namespace reeve::testing {
namespace {

namespace fixture = trust_fixture;

constexpr std::uint8_t one_time_key = 10;

// The security team and a controller that answers as a test wants.
struct JoinWorld {
  FakeClock clock;
  CrashDisk own_disk;
  CrashDisk* disk = &own_disk;
  FakeCourier courier;
  Token token = make_token();
  TokenText text = make_text();

  Token make_token() const {
    Token out;
    out.key = fixture::key(one_time_key).public_key();
    out.fleet = fixture::root().fleet;
    out.root = sha256(encode_root(fixture::root()));
    out.controller = fixture::transport_key(fixture::ledger_key);
    out.enroll_address = "tcp://127.0.0.1:3";
    out.nodes_address = "tcp://127.0.0.1:1";
    out.name = "web-*";
    out.labels = {{"role", {"web"}}, {"site", {"eu", "us"}}};
    out.created_s = clock.wall_ns() / 1'000'000'000;
    out.expires_s = out.created_s + 3'600;
    return out;
  }
  TokenText make_text() const {
    return {
        fixture::sealed(ObjectType::enrollment_token, encode_token(token), {fixture::operator_key}),
        fixture::key(one_time_key), token};
  }
  static JoinWishes wishes() { return {"web-1", {{"role", "web"}, {"site", "eu"}}}; }
  Result<Joining> begin() { return Joining::begin({clock, *disk, courier, text}, wishes()); }

  void hear(MessageType type, ByteView payload) {
    courier.incoming.push_back(encode_message(type, payload));
  }
  void link_up(Joining& joining) {
    joining.courier_started();
    hear(MessageType::link_state, Bytes{1, 1});
  }
  void answer(ByteView certificate, const Root& root = fixture::root(),
              std::vector<std::uint8_t> root_keys = {fixture::root_key}) {
    hear(MessageType::root, fixture::sealed(ObjectType::root, encode_root(root), root_keys));
    hear(MessageType::certificate, certificate);
  }
  Bytes request() const { return courier.payloads(MessageType::enroll).back(); }
  std::string outcome(Joining& joining) {
    const auto progress = joining.step();
    if (!progress.ok()) return progress.error().name;
    return *progress == Joining::Progress::complete  ? "complete"
           : *progress == Joining::Progress::pending ? "pending"
                                                     : "asking";
  }
};

TEST_CASE("a host that is answered has a whole state directory") {
  JoinWorld world;
  auto joining = world.begin();
  REQUIRE(joining.ok());
  CHECK(world.outcome(*joining) == "asking");
  CHECK(world.courier.sent.empty());  // nothing before there is a link
  world.link_up(*joining);
  CHECK(world.outcome(*joining) == "asking");
  CHECK(world.courier.payloads(MessageType::configure_enrollment).size() == 1);
  const Bytes request = world.request();
  CHECK(request.size() < limits::message_bytes_max);
  CHECK(verify_certificate(request, fixture::root()).ok());
  world.answer(request);
  CHECK(world.outcome(*joining) == "complete");
  const auto identity = load_identity(*world.disk);
  REQUIRE(identity.ok());
  CHECK(identity->certificate.name == "web-1");
  CHECK(identity->certificate.labels == JoinWorld::wishes().labels);
  CHECK(identity->root == fixture::root());
  REQUIRE(identity->contact.has_value());
  CHECK(identity->contact->nodes_address == world.token.nodes_address);
  CHECK(identity->contact->key == world.token.controller);
}

TEST_CASE("a later certificate that was written without its root gets it while there is one") {
  JoinWorld world;
  auto joining = world.begin();
  world.link_up(*joining);
  world.outcome(*joining);
  world.answer(world.request());
  REQUIRE(world.outcome(*joining) == "complete");
  const auto write_root = [&](std::string_view name, const Root& root) {
    REQUIRE(replace_file(*world.disk, name,
                         fixture::sealed(ObjectType::root, encode_root(root), {fixture::root_key}))
                .ok());
  };
  auto next = *load_identity(*world.disk);
  ++next.certificate.version;
  REQUIRE(
      replace_file(*world.disk, paths::certificate,
                   fixture::sealed(ObjectType::node_certificate,
                                   encode_certificate(next.certificate), {fixture::operator_key}))
          .ok());
  Root without = fixture::root();
  without.version += 1;
  without.operators.erase(without.operators.begin());
  write_root(paths::certificate_root, without);
  REQUIRE(load_identity(*world.disk).ok());
  write_root(paths::trusted_root, without);
  CHECK(load_identity(*world.disk).ok());
}

TEST_CASE("wishes are completed where the token leaves no choice, and judged") {
  JoinWorld world;
  CHECK(complete_wishes(world.token, {"web-1", {{"site", "eu"}}})->labels ==
        JoinWorld::wishes().labels);
  CHECK(complete_wishes(world.token, {"web-1", {}}).error().name == "label_missing");
  CHECK(complete_wishes(world.token, {"db-1", {{"site", "eu"}}}).error().name ==
        "name_not_allowed");
  CHECK(complete_wishes(world.token, {"web-1", {{"site", "eu"}, {"x", "y"}}}).error().name ==
        "label_not_allowed");
}

TEST_CASE("it asks again until it hears, and again after a lost link") {
  JoinWorld world;
  auto joining = world.begin();
  world.link_up(*joining);
  world.outcome(*joining);
  world.outcome(*joining);
  CHECK(world.courier.payloads(MessageType::enroll).size() == 1);
  world.clock.advance(limits::join_retry_ns);
  world.outcome(*joining);
  CHECK(world.courier.payloads(MessageType::enroll).size() == 2);
  world.hear(MessageType::link_state, Bytes{0, 1});
  world.hear(MessageType::link_state, Bytes{1, 1});
  world.outcome(*joining);
  const auto asked = world.courier.payloads(MessageType::enroll);
  REQUIRE(asked.size() == 3);
  CHECK(asked[0] == asked[2]);
}

TEST_CASE("an answer that comes in two parts is whole, though it was asked again between them") {
  JoinWorld world;
  auto joining = world.begin();
  world.link_up(*joining);
  world.outcome(*joining);
  world.hear(MessageType::root,
             fixture::sealed(ObjectType::root, encode_root(fixture::root()), {fixture::root_key}));
  world.outcome(*joining);
  world.clock.advance(limits::join_retry_ns);
  CHECK(world.outcome(*joining) == "asking");
  world.hear(MessageType::certificate, world.request());
  CHECK(world.outcome(*joining) == "complete");
}

TEST_CASE("a wrong root, a wrong certificate and a refusal each end it by name") {
  auto forged_root = fixture::root();
  forged_root.fleet.data[0] ^= 1;
  auto other_label = fixture::certificate();
  struct Case {
    std::string_view what;
    std::function<void(JoinWorld&)> answer;
    std::string_view name;
  };
  const Case cases[] = {
      {"another root", [&](JoinWorld& w) { w.answer(w.request(), forged_root); }, "root_mismatch"},
      {"the right root by a stranger",
       [](JoinWorld& w) { w.answer(w.request(), fixture::root(), {fixture::stranger_key}); },
       "too_few_signatures"},
      {"a certificate before any root",
       [](JoinWorld& w) { w.hear(MessageType::certificate, w.request()); }, "asking"},
      {"an operator's certificate for others",
       [&](JoinWorld& w) {
         w.answer(fixture::sealed(ObjectType::node_certificate, encode_certificate(other_label),
                                  {fixture::operator_key}));
       },
       "certificate_mismatch"},
      {"wider labels",
       [](JoinWorld& w) {
         auto wider = *read_certificate(w.request());
         wider.labels["env"] = "prod";
         w.answer(seal_enrollment(wider, w.text, fixture::key(fixture::record_key)));
       },
       "certificate_mismatch"},
      {"a refusal",
       [](JoinWorld& w) {
         EnrollAnswer answer{EnrollAnswer::Verdict::refused, sha256(w.request()), "name_taken"};
         w.hear(MessageType::enroll_answer, encode_enroll_answer(answer));
       },
       "name_taken"},
      {"a refusal of something else",
       [](JoinWorld& w) {
         EnrollAnswer answer{EnrollAnswer::Verdict::refused, sha256(view_of("x")), "name_taken"};
         w.hear(MessageType::enroll_answer, encode_enroll_answer(answer));
       },
       "asking"},
      {"waiting for approval",
       [](JoinWorld& w) {
         EnrollAnswer answer{EnrollAnswer::Verdict::pending, sha256(w.request()), "pending"};
         w.hear(MessageType::enroll_answer, encode_enroll_answer(answer));
       },
       "pending"},
      {"a message of no such conversation",
       [](JoinWorld& w) { w.hear(MessageType::manifest, view_of("x")); }, "asking"},
  };
  for (const auto& one : cases) {
    CAPTURE(one.what);
    JoinWorld world;
    auto joining = world.begin();
    world.link_up(*joining);
    world.outcome(*joining);
    one.answer(world);
    CHECK(world.outcome(*joining) == one.name);
    CHECK_FALSE(load_identity(*world.disk).ok());
  }
}

TEST_CASE("the roots that came after the token's are followed one by one") {
  JoinWorld world;
  auto joining = world.begin();
  world.link_up(*joining);
  world.outcome(*joining);
  auto next = fixture::root();
  ++next.version;
  const auto object = [](const Root& root) {
    return fixture::sealed(ObjectType::root, encode_root(root), {fixture::root_key});
  };
  world.hear(MessageType::root, object(fixture::root()));
  world.hear(MessageType::root, object(next));
  world.hear(MessageType::certificate, world.request());
  CHECK(world.outcome(*joining) == "complete");
  CHECK(load_identity(*world.disk)->root == next);
}

TEST_CASE("an expired token makes no request, and a clock before it is believed to be wrong") {
  JoinWorld world;
  world.clock.set_wall((world.token.created_s - 86'400) * 1'000'000'000);
  auto early = world.begin();
  REQUIRE(early.ok());
  CHECK(early->certificate().issued_s == world.token.created_s);
  JoinWorld late;
  late.clock.set_wall(late.token.expires_s * 1'000'000'000);
  CHECK(late.begin().error().name == "token_expired");
}

TEST_CASE("what an earlier try has asked counts as sent, and a full disk loses nothing of it") {
  JoinWorld world;
  Bytes asked;
  {
    auto first = world.begin();
    CHECK_FALSE(first->was_sent());
    world.link_up(*first);
    world.outcome(*first);
    CHECK(first->was_sent());
    asked = world.request();
  }
  world.own_disk.fail(CrashDisk::Call::sync_directory, 1, ENOSPC);
  CHECK(world.begin().error().name == "disk_full");
  CHECK(world.own_disk.faults_fired() == 1);
  auto again = world.begin();
  REQUIRE(again.ok());
  CHECK(again->was_sent());
  world.link_up(*again);
  world.outcome(*again);
  CHECK(world.request() == asked);
}

TEST_CASE("what an operator has made of the certificate since is taken, for the same keys only") {
  JoinWorld world;
  NodeCertificate since;
  const auto by_operator = [&] {
    return fixture::sealed(ObjectType::node_certificate, encode_certificate(since),
                           {fixture::operator_key});
  };
  {
    auto joining = world.begin();
    world.link_up(*joining);
    world.outcome(*joining);
    since = joining->certificate();
    ++since.version;
    since.labels["role"] = "db";
    const auto own_key = std::exchange(since.transport_key, fixture::transport_key(3));
    world.answer(by_operator());
    CHECK(world.outcome(*joining) == "certificate_mismatch");
    since.transport_key = own_key;
    world.answer(by_operator());
    CHECK(world.outcome(*joining) == "complete");
    CHECK(joining->certificate() == since);
  }
  CHECK(load_identity(*world.disk)->certificate == since);
  // The directory was not moved to its place: the next try has nothing to ask any more.
  auto again = world.begin();
  REQUIRE(again.ok());
  CHECK(again->was_sent());
  CHECK(world.outcome(*again) == "complete");
  CHECK(load_identity(*world.disk)->certificate == since);
}

TEST_CASE("a join whose power is cut at any step goes on with one request or begins anew") {
  std::size_t cut = 0;
  for (std::uint64_t calls = 1; calls < 400; ++calls) {
    CAPTURE(calls);
    JoinWorld world;
    world.own_disk.cut_power_after(calls);
    std::optional<Bytes> sent;
    bool is_complete = false;
    if (auto joining = world.begin(); joining.ok()) {
      world.link_up(*joining);
      world.outcome(*joining);
      if (!world.courier.payloads(MessageType::enroll).empty()) sent = world.request();
      if (sent) world.answer(*sent);
      is_complete = world.outcome(*joining) == "complete";
    }
    cut += is_complete ? 0 : 1;
    auto left = world.own_disk.crash(calls);
    if (is_complete) {
      CHECK(load_identity(*left).ok());
      break;
    }
    world.disk = left.get();
    auto again = world.begin();
    REQUIRE(again.ok());
    world.link_up(*again);
    world.outcome(*again);
    // What the controller may have registered is asked for again, with the same keys.
    if (sent) CHECK(world.request() == *sent);
    world.answer(world.request());
    CHECK(world.outcome(*again) == "complete");
    CHECK(load_identity(*left).ok());
  }
  CHECK(cut > 20);
}

}  // namespace
}  // namespace reeve::testing
