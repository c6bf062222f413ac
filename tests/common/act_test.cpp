#include "common/act.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "common/limits.h"
#include "tests/common/trust_fixture.h"
#include "tests/golden.h"
#include "tests/mutations.h"

namespace reeve {
namespace {

using namespace trust_fixture;

Act act() {
  Act out;
  out.fleet = root().fleet;
  out.id.data.fill(0x9a);
  out.version = 12;
  out.selector = {{{"role", {"web"}}}};
  out.issued_s = now_s - 60;
  out.until_s = now_s + 7'200;
  out.reason = "the deploy fights with rule motd-mode";
  return out;
}

Bytes signed_act(const Act& act, std::vector<std::uint8_t> numbers = {operator_key}) {
  return sealed(ObjectType::operator_act, encode_act(act), std::move(numbers));
}

std::string name_after(const std::function<void(Act&)>& change) {
  Act changed = act();
  change(changed);
  auto verified = verify_act(signed_act(changed), root());
  return verified.ok() ? "accepted" : verified.error().name;
}

TEST_CASE("an act is its golden bytes, comes back whole, and names who signed it") {
  check_golden("signed_act.bin", signed_act(act()));
  auto verified = verify_act(golden("signed_act.bin"), root());
  REQUIRE(verified.ok());
  CHECK(verified->act == act());
  CHECK(verified->who == "ada");
  CHECK(verified->key == key(operator_key).hash());
  Act ended = act();
  ended.kind = ActKind::resume;
  CHECK(verify_act(signed_act(ended), root())->act == ended);
}

TEST_CASE("an act that must not count is refused by its own error name") {
  Root other_fleet = root();
  other_fleet.fleet.data[3] ^= 1;
  Root without = root();
  without.operators.erase(without.operators.begin());
  const Bytes good = signed_act(act());
  Bytes altered = good;
  altered.back() ^= 1;
  const auto seal = [](Bytes payload) {
    return sealed(ObjectType::operator_act, std::move(payload), {operator_key});
  };
  struct Case {
    std::string_view what;
    Bytes object;
    Root root;
    std::string_view name;
  };
  const Case cases[] = {
      {"of another fleet", good, other_fleet, "wrong_fleet"},
      {"by an operator who has left", good, without, "not_an_operator"},
      {"by an operator without the right", signed_act(act(), {viewer_key}), root(),
       "not_permitted"},
      {"by a root key", signed_act(act(), {root_key}), root(), "not_an_operator"},
      {"by a policy key", signed_act(act(), {policy_key}), root(), "not_an_operator"},
      {"by the ledger's key", signed_act(act(), {ledger_key}), root(), "not_an_operator"},
      {"by nobody", signed_act(act(), {}), root(), "bad_signature"},
      {"by two", signed_act(act(), {operator_key, viewer_key}), root(), "bad_signature"},
      {"altered", altered, root(), "bad_signature"},
      {"cut", Bytes(good.begin(), good.end() - 1), root(), "malformed"},
      {"a request", sealed(ObjectType::operator_request, encode_act(act()), {operator_key}), root(),
       "wrong_type"},
      {"with an unknown field", seal(with(encode_act(act()), "command", "reboot")), root(),
       "unknown_field"},
      {"of a later format", seal(with(encode_act(act()), "format", 2)), root(),
       "unsupported_version"},
      {"of an unknown kind", seal(with(encode_act(act()), "act", "stop")), root(), "malformed"},
      {"oversized", seal(Bytes(limits::act_bytes_max)), root(), "limit_exceeded"},
  };
  for (const Case& one : cases) {
    CAPTURE(one.what);
    auto result = verify_act(one.object, one.root);
    REQUIRE_FALSE(result.ok());
    CHECK(result.error().name == one.name);
  }
}

TEST_CASE("a pause lasts a day at most, gives a reason, and ends after it begins") {
  CHECK(name_after([](Act&) {}) == "accepted");
  CHECK(name_after([](Act& a) { a.until_s = a.issued_s + limits::pause_s_max; }) == "accepted");
  CHECK(name_after([](Act& a) { a.until_s = a.issued_s + limits::pause_s_max + 1; }) ==
        "pause_too_long");
  CHECK(name_after([](Act& a) { a.until_s = a.issued_s; }) == "malformed");
  CHECK(name_after([](Act& a) { a.issued_s = -1; }) == "malformed");
  CHECK(name_after([](Act& a) { a.until_s = INT64_MAX; }) == "malformed");
  CHECK(name_after([](Act& a) { a.version = 0; }) == "malformed");
  CHECK(name_after([](Act& a) { a.reason.clear(); }) == "malformed");
  CHECK(name_after([](Act& a) { a.reason.assign(limits::act_reason_bytes_max + 1, 'a'); }) ==
        "limit_exceeded");
  CHECK(name_after([](Act& a) { a.selector = {{}}; }) == "malformed");
}

TEST_CASE("an act counts from an hour before it was issued until its time is over") {
  const Act one = act();
  CHECK(require_current(one, root(), one.until_s - 1).ok());
  CHECK(require_current(one, root(), one.until_s).error().name == "act_expired");
  CHECK(require_current(one, root(), one.until_s + 10 * 365 * day_s).error().name == "act_expired");
  CHECK(require_current(one, root(), one.issued_s - limits::act_clock_slack_s).ok());
  CHECK(require_current(one, root(), one.issued_s - limits::act_clock_slack_s - 1).error().name ==
        "act_from_future");
  CHECK(require_current(one, root(), 0).error().name == "act_from_future");
  Root expired = root();
  expired.expires_s = now_s;
  CHECK(require_current(one, expired, now_s).error().name == "root_expired");
}

TEST_CASE("every field of an act is needed and has one type, and no damage passes") {
  const Bytes payload = encode_act(act());
  for (std::string_view name :
       {"format", "fleet", "act", "id", "version", "select", "issued", "until", "reason"}) {
    CAPTURE(name);
    CHECK(decode_act(with(payload, name, Value())).error().name == "malformed");
    CHECK(decode_act(with(payload, name, true)).error().name == "malformed");
  }
  const Bytes whole = golden("signed_act.bin");
  for_each_mutation(whole, [&](ByteView bytes) {
    const bool changed = !std::ranges::equal(bytes, whole);
    CHECK(verify_act(bytes, root()).ok() == !changed);
  });
}

}  // namespace
}  // namespace reeve
