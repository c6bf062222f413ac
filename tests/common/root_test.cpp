#include <doctest/doctest.h>

#include <algorithm>

#include "common/limits.h"
#include "tests/common/trust_fixture.h"
#include "tests/golden.h"
#include "tests/mutations.h"

namespace reeve {
namespace {

using namespace trust_fixture;

Bytes signed_root(const Root& root, std::vector<std::uint8_t> numbers) {
  return sealed(ObjectType::root, encode_root(root), std::move(numbers));
}

Root next_root() {
  Root out = root();
  out.version = 4;
  return out;
}

template <class Change>
std::string error_after(Change change) {
  Root changed = root();
  change(changed);
  auto decoded = decode_root(encode_root(changed));
  return decoded.ok() ? "accepted" : decoded.error().name;
}

TEST_CASE("root metadata is its golden bytes and comes back whole") {
  check_golden("signed_root.bin", signed_root(root(), {root_key}));
  auto verified = verify_first_root(golden("signed_root.bin"));
  REQUIRE(verified.ok());
  CHECK(*verified == root());
}

TEST_CASE("operators are found by their keys, and have the rights that are written") {
  Root known = root();
  const Operator* ada = known.operator_with(key(operator_key).hash());
  REQUIRE(ada != nullptr);
  CHECK(ada->name == "ada");
  CHECK(has_right(*ada, Right::enroll));
  const Operator* vic = known.operator_with_transport(transport_key(viewer_key));
  REQUIRE(vic != nullptr);
  CHECK(vic->name == "vic");
  CHECK_FALSE(has_right(*vic, Right::publish));
  CHECK(known.operator_with(key(stranger_key).hash()) == nullptr);
  CHECK(known.operator_with_transport(transport_key(stranger_key)) == nullptr);
}

TEST_CASE("rights have names that lead back to them") {
  for (Right right :
       {Right::view, Right::operate, Right::publish, Right::enroll, Right::administer}) {
    CHECK(right_named(name_of(right)) == right);
  }
  CHECK_FALSE(right_named("root").has_value());
  CHECK_FALSE(right_named("").has_value());
}

TEST_CASE("a first root must hold its own threshold") {
  Root two = root();
  two.root = role({root_key, second_root_key}, 2);
  CHECK(verify_first_root(signed_root(two, {root_key, second_root_key})).ok());
  CHECK(verify_first_root(signed_root(two, {root_key})).error().name == "too_few_signatures");
  CHECK(verify_first_root(signed_root(two, {root_key, root_key})).error().name == "bad_signature");
  CHECK(verify_first_root(signed_root(root(), {stranger_key})).error().name ==
        "too_few_signatures");
  CHECK(verify_first_root(signed_root(root(), {})).error().name == "too_few_signatures");
}

TEST_CASE("a next root is accepted when old and new keys have signed, though the old has expired") {
  Root expired = root();
  expired.expires_s = 1;
  CHECK(verify_next_root(signed_root(next_root(), {root_key}), expired).ok());
  Root moved = next_root();
  moved.root = role({second_root_key});
  auto accepted = verify_next_root(signed_root(moved, {root_key, second_root_key}), root());
  REQUIRE(accepted.ok());
  CHECK(*accepted == moved);
}

TEST_CASE("a next root that is forged, rolled back, skipped or under-signed has its own error") {
  Root moved = next_root();
  moved.root = role({second_root_key});
  Root gap = next_root();
  gap.version = 5;
  Root other_fleet = next_root();
  other_fleet.fleet.data[0] ^= 1;
  Root renamed = next_root();
  renamed.origin = "other.example/ledger";
  Root older = root();
  older.version = 2;
  Root most = root();
  most.version = ~std::uint64_t{0};
  Bytes forged = signed_root(next_root(), {root_key});
  forged[signed_object_header_bytes + 40] ^= 1;
  Bytes altered = signed_root(next_root(), {root_key});
  altered.back() ^= 1;
  struct Case {
    std::string_view what;
    Bytes object;
    std::string_view name;
  };
  const Case cases[] = {
      {"the same version again", signed_root(root(), {root_key}), "root_rollback"},
      {"an older version", signed_root(older, {root_key}), "root_rollback"},
      {"a version left out", signed_root(gap, {root_key}), "root_gap"},
      {"fast-forwarded", signed_root(most, {root_key}), "root_gap"},
      {"of another fleet", signed_root(other_fleet, {root_key}), "wrong_fleet"},
      {"of another name", signed_root(renamed, {root_key}), "wrong_fleet"},
      {"the new key alone", signed_root(moved, {second_root_key}), "too_few_signatures"},
      {"the old key alone", signed_root(moved, {root_key}), "too_few_signatures"},
      {"a policy key", signed_root(next_root(), {policy_key}), "too_few_signatures"},
      {"an operator's key", signed_root(next_root(), {operator_key}), "too_few_signatures"},
      {"signed by nobody", signed_root(next_root(), {}), "too_few_signatures"},
      {"one key twice", signed_root(next_root(), {root_key, root_key}), "bad_signature"},
      {"a forged signature", forged, "bad_signature"},
      {"an altered payload", altered, "bad_signature"},
      {"a manifest", sealed(ObjectType::manifest, encode_root(next_root()), {root_key}),
       "wrong_type"},
      {"empty", {}, "malformed"},
      {"signed rubbish", sealed(ObjectType::root, bytes_of("x"), {root_key}), "malformed"},
      {"oversized", sealed(ObjectType::root, Bytes(limits::message_bytes_max), {root_key}),
       "limit_exceeded"},
      {"an unknown field",
       sealed(ObjectType::root, with(encode_root(next_root()), "extra", 1), {root_key}),
       "unknown_field"},
      {"a later format",
       sealed(ObjectType::root, with(encode_root(next_root()), "format", 2), {root_key}),
       "unsupported_version"},
  };
  for (const Case& one : cases) {
    CAPTURE(one.what);
    auto result = verify_next_root(one.object, root());
    REQUIRE_FALSE(result.ok());
    CHECK(result.error().name == one.name);
  }
}

TEST_CASE("odd shapes of a root are refused, signed or not") {
  CHECK(error_after([](Root&) {}) == "accepted");
  CHECK(error_after([](Root& r) { r.operators.clear(); }) == "accepted");
  CHECK(error_after([](Root& r) { r.fleet = {}; }) == "malformed");
  CHECK(error_after([](Root& r) { r.version = 0; }) == "malformed");
  CHECK(error_after([](Root& r) { r.expires_s = 0; }) == "malformed");
  CHECK(error_after([](Root& r) { r.expires_s = -1; }) == "malformed");
  CHECK(error_after([](Root& r) { r.expires_s = limits::signed_time_s_max + 1; }) == "malformed");
  CHECK(error_after([](Root& r) { r.policy.threshold = 0; }) == "malformed");
  CHECK(error_after([](Root& r) { r.policy.threshold = 2; }) == "malformed");
  CHECK(error_after([](Root& r) { r.ledger.keys.clear(); }) == "malformed");
  CHECK(error_after([](Root& r) { r.root = role({1, 2, 1}, 2); }) == "malformed");
  CHECK(error_after([](Root& r) { r.operators[1].name = "ada"; }) == "malformed");
  CHECK(error_after([](Root& r) { r.operators[1].name = "a b"; }) == "malformed");
  CHECK(error_after([](Root& r) { r.operators[1].name = ""; }) == "malformed");
  CHECK(error_after([](Root& r) { r.operators[1].key = r.operators[0].key; }) == "malformed");
  CHECK(error_after([](Root& r) { r.operators[1].transport_key = r.operators[0].transport_key; }) ==
        "malformed");
  CHECK(error_after([](Root& r) { r.operators[1].rights.push_back(Right::view); }) == "malformed");
  for (std::string origin : {"", "/a", "a/", "a//b", "a b", "a+b", "\x1b[2J"}) {
    CAPTURE(origin);
    CHECK(error_after([&](Root& r) { r.origin = origin; }) == "malformed");
  }
  CHECK(error_after([](Root& r) { r.origin = std::string(129, 'a'); }) == "malformed");
}

TEST_CASE("roots over a limit are refused by name") {
  std::vector<std::uint8_t> numbers;
  for (std::size_t i = 0; i <= limits::role_keys_max; ++i) {
    numbers.push_back(static_cast<std::uint8_t>(i));
  }
  CHECK(error_after([&](Root& r) { r.root = role(numbers); }) == "limit_exceeded");
  numbers.pop_back();
  CHECK(error_after([&](Root& r) { r.root = role(numbers); }) == "accepted");
  auto with_operators = [](std::size_t count) {
    return error_after([count](Root& r) {
      for (std::size_t i = r.operators.size(); i < count; ++i) {
        Operator who = r.operators[1];
        who.name = "n" + std::to_string(i);
        who.key = sha256(view_of(who.name));
        who.transport_key = sha256(who.key.view());
        who.rights.clear();
        r.operators.push_back(who);
      }
    });
  };
  CHECK(with_operators(limits::operators_max) == "accepted");
  CHECK(with_operators(limits::operators_max + 1) == "limit_exceeded");
}

TEST_CASE("every field of a root is needed and has one type") {
  Bytes payload = encode_root(root());
  for (std::string_view name :
       {"format", "fleet", "version", "expires", "origin", "root", "policy", "ledger", "ops"}) {
    CAPTURE(name);
    CHECK(decode_root(with(payload, name, Value())).error().name == "malformed");
    CHECK(decode_root(with(payload, name, true)).error().name == "malformed");
  }
  Value::Map extended{{"keys", Value::Array{key(1).public_key()}}, {"need", 1}};
  CHECK(decode_root(with(payload, "root", Value(extended))).ok());
  extended.emplace_back("more", 1);
  CHECK(decode_root(with(payload, "root", Value(extended))).error().name == "unknown_field");
  Value::Map short_key{{"keys", Value::Array{Value(bytes_of("short"))}}, {"need", 1}};
  CHECK(decode_root(with(payload, "root", Value(short_key))).error().name == "malformed");
  Value::Map wide{{"keys", Value::Array{key(1).public_key()}}, {"need", 0x1'0000'0001U + 0L}};
  CHECK(decode_root(with(payload, "root", Value(wide))).error().name == "malformed");
}

TEST_CASE("no damage to a root passes") {
  Bytes whole = golden("signed_root.bin");
  for_each_mutation(whole, [&](ByteView bytes) {
    bool changed = !std::ranges::equal(bytes, whole);
    CHECK(verify_first_root(bytes).ok() == !changed);
  });
  for_each_edit(encode_root(root()), 4'000, [](ByteView bytes) {
    auto decoded = decode_root(bytes);
    if (decoded.ok()) CHECK(decode_root(encode_root(*decoded)).ok());
  });
}

}  // namespace
}  // namespace reeve
