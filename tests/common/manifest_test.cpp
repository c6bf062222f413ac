#include <doctest/doctest.h>

#include <algorithm>

#include "common/limits.h"
#include "tests/common/trust_fixture.h"
#include "tests/golden.h"
#include "tests/mutations.h"

namespace reeve {
namespace {

using namespace trust_fixture;

constexpr std::uint64_t version_min = 12;

Bytes signed_manifest(const Manifest& manifest, std::vector<std::uint8_t> numbers = {policy_key}) {
  return sealed(ObjectType::manifest, encode_manifest(manifest), std::move(numbers));
}

template <class Change>
std::string error_after(Change change) {
  Manifest changed = manifest();
  change(changed);
  auto decoded = decode_manifest(encode_manifest(changed));
  return decoded.ok() ? "accepted" : decoded.error().name;
}

TEST_CASE("a manifest is its golden bytes and comes back whole") {
  check_golden("signed_manifest.bin", signed_manifest(manifest()));
  Bytes object = golden("signed_manifest.bin");
  auto verified = verify_manifest(object, root(), version_min, now_s);
  REQUIRE(verified.ok());
  CHECK(verified->manifest == manifest());
  CHECK(verified->digest == sha256(encode_manifest(manifest())));
  CHECK(verified->signers == std::vector<KeyHash>{key(policy_key).hash()});
}

TEST_CASE("signers are the policy keys that signed and nobody else") {
  Root two = root();
  two.policy = role({policy_key, second_policy_key}, 2);
  Bytes object = signed_manifest(manifest(), {second_policy_key, stranger_key, policy_key});
  auto verified = verify_manifest(object, two, version_min, now_s);
  REQUIRE(verified.ok());
  CHECK(verified->signers ==
        std::vector<KeyHash>{key(second_policy_key).hash(), key(policy_key).hash()});
}

TEST_CASE("signatures that a controller adds do not change a manifest's digest") {
  auto plain = verify_manifest(signed_manifest(manifest()), root(), version_min, now_s);
  auto more = verify_manifest(signed_manifest(manifest(), {stranger_key, policy_key}), root(),
                              version_min, now_s);
  REQUIRE(plain.ok());
  REQUIRE(more.ok());
  CHECK(plain->digest == more->digest);
}

struct Case {
  std::string_view what;
  Bytes object;
  Root root;
  std::int64_t now_s;
  std::string_view name;
};

std::vector<Case> hostile_manifests() {
  Root two = root();
  two.policy = role({policy_key, second_policy_key}, 2);
  Manifest older = manifest();
  older.version = version_min - 1;
  Root old_root = root();
  old_root.expires_s = now_s;
  Root other_fleet = root();
  other_fleet.fleet.data[15] ^= 1;
  Manifest hasty = manifest();
  hasty.bundles[0].stages = {{1'001, hasty.created_s + 1}};
  Bytes good = signed_manifest(manifest());
  Bytes forged = good;
  forged[signed_object_header_bytes + 50] ^= 1;
  Bytes altered = good;
  altered.back() ^= 1;
  Bytes extra = with(encode_manifest(manifest()), "extra", 1);
  Bytes later = with(encode_manifest(manifest()), "format", 2);
  auto seal = [](Bytes payload) {
    return sealed(ObjectType::manifest, std::move(payload), {policy_key});
  };
  auto expiry = manifest().expires_s;
  return {
      {"rolled back", signed_manifest(older), root(), now_s, "manifest_rollback"},
      {"expired now", good, root(), expiry, "manifest_expired"},
      {"expired long ago", good, root(), expiry + 9999, "manifest_expired"},
      {"rolled back and expired", signed_manifest(older), root(), expiry, "manifest_rollback"},
      {"of another fleet", good, other_fleet, now_s, "wrong_fleet"},
      {"wide by time alone", signed_manifest(hasty), root(), now_s, "promotion_needed"},
      {"under an expired root", good, old_root, now_s, "root_expired"},
      {"under-signed", good, two, now_s, "too_few_signatures"},
      {"doubly signed", signed_manifest(manifest(), {policy_key, policy_key}), two, now_s,
       "bad_signature"},
      {"signed by the root's key", signed_manifest(manifest(), {root_key}), root(), now_s,
       "too_few_signatures"},
      {"signed by the ledger's key", signed_manifest(manifest(), {ledger_key}), root(), now_s,
       "too_few_signatures"},
      {"signed by an operator", signed_manifest(manifest(), {operator_key}), root(), now_s,
       "too_few_signatures"},
      {"signed by nobody", signed_manifest(manifest(), {}), root(), now_s, "too_few_signatures"},
      {"forged", forged, root(), now_s, "bad_signature"},
      {"altered", altered, root(), now_s, "bad_signature"},
      {"of another type", sealed(ObjectType::root, encode_manifest(manifest()), {policy_key}),
       root(), now_s, "wrong_type"},
      {"empty", {}, root(), now_s, "malformed"},
      {"cut", Bytes(good.begin(), good.end() - 1), root(), now_s, "malformed"},
      {"signed rubbish", seal(bytes_of("x")), root(), now_s, "malformed"},
      {"unsigned rubbish", sealed(ObjectType::manifest, bytes_of("x"), {}), root(), now_s,
       "too_few_signatures"},
      {"with an unknown field", seal(extra), root(), now_s, "unknown_field"},
      {"of a later format", seal(later), root(), now_s, "unsupported_version"},
      {"oversized", seal(Bytes(limits::message_bytes_max)), root(), now_s, "limit_exceeded"},
  };
}

TEST_CASE("a manifest that must not be adopted is refused by its own error name") {
  for (const Case& one : hostile_manifests()) {
    CAPTURE(one.what);
    auto result = verify_manifest(one.object, one.root, version_min, one.now_s);
    REQUIRE_FALSE(result.ok());
    CHECK(result.error().name == one.name);
  }
}

TEST_CASE("a stored manifest is verified as a new one is, but for age and expiry") {
  for (const Case& one : hostile_manifests()) {
    CAPTURE(one.what);
    auto result = verify_stored_manifest(one.object, one.root);
    bool age = one.name == "manifest_rollback" || one.name == "manifest_expired" ||
               one.name == "root_expired";
    CHECK(result.ok() == age);
    if (!result.ok()) CHECK(result.error().name == one.name);
  }
}

TEST_CASE("odd shapes of a manifest are refused, signed or not") {
  CHECK(error_after([](Manifest&) {}) == "accepted");
  CHECK(error_after([](Manifest& m) { m.bundles.clear(); }) == "accepted");
  CHECK(error_after([](Manifest& m) { m.version = 0; }) == "malformed");
  CHECK(error_after([](Manifest& m) { m.expires_s = 0; }) == "malformed");
  CHECK(error_after([](Manifest& m) { m.expires_s = limits::signed_time_s_max + 1; }) ==
        "malformed");
  CHECK(error_after([](Manifest& m) { m.created_s = -1; }) == "malformed");
  CHECK(error_after([](Manifest& m) { m.expires_s = m.created_s; }) == "malformed");
  CHECK(error_after([](Manifest& m) { m.bundles[1].digest = m.bundles[0].digest; }) == "malformed");
  CHECK(error_after([](Manifest& m) { m.bundles[0].policy = "../up"; }) == "malformed");
  CHECK(error_after([](Manifest& m) { m.bundles[0].size = 0; }) == "malformed");
  CHECK(error_after([](Manifest& m) { m.bundles[0].stages[0].share = 10'001; }) == "malformed");
  CHECK(error_after([](Manifest& m) { m.bundles[0].stages[0].not_before_s = -1; }) == "malformed");
  CHECK(error_after([](Manifest& m) { m.bundles[0].selector.push_back({}); }) == "malformed");
  CHECK(error_after([](Manifest& m) { m.bundles[0].selector[0]["role"].clear(); }) == "malformed");
  CHECK(error_after([](Manifest& m) { m.bundles[0].selector[0]["a b"] = {"x"}; }) == "malformed");
  CHECK(error_after([](Manifest& m) { m.bundles[0].selector[0]["role"] = {"a\n"}; }) ==
        "malformed");
}

TEST_CASE("manifests over a limit are refused by name") {
  CHECK(error_after([](Manifest& m) { m.bundles[0].size = limits::bundle_bytes_max; }) ==
        "accepted");
  CHECK(error_after([](Manifest& m) { m.bundles[0].size = limits::bundle_bytes_max + 1; }) ==
        "limit_exceeded");
  CHECK(error_after([](Manifest& m) { m.bundles[0].rules = limits::bundle_rules_max + 1; }) ==
        "limit_exceeded");
  CHECK(error_after([](Manifest& m) { m.bundles[0].stages.resize(limits::stages_max + 1); }) ==
        "limit_exceeded");
  CHECK(error_after([](Manifest& m) {
          m.bundles[0].selector.resize(limits::selector_alternatives_max + 1,
                                       m.bundles[0].selector[0]);
        }) == "limit_exceeded");
  CHECK(error_after([](Manifest& m) {
          m.bundles[0].selector[0]["role"].resize(limits::selector_values_max + 1, "x");
        }) == "limit_exceeded");
  CHECK(error_after([](Manifest& m) {
          for (std::size_t i = 0; i <= limits::labels_max; ++i) {
            m.bundles[0].selector[0]["l" + std::to_string(i)] = {"x"};
          }
        }) == "limit_exceeded");
  CHECK(error_after([](Manifest& m) {
          m.source_revision = std::string(limits::name_bytes_max + 1, 'a');
        }) == "limit_exceeded");
  auto with_bundles = [](std::size_t count) {
    return error_after([count](Manifest& m) {
      while (m.bundles.size() < count) {
        ManifestBundle bundle = m.bundles[1];
        bundle.digest = sha256(view_of(std::to_string(m.bundles.size())));
        m.bundles.push_back(bundle);
      }
    });
  };
  CHECK(with_bundles(limits::manifest_bundles_max) == "accepted");
  CHECK(with_bundles(limits::manifest_bundles_max + 1) == "limit_exceeded");
}

TEST_CASE("every field of a manifest is needed and has one type") {
  Bytes payload = encode_manifest(manifest());
  for (std::string_view name :
       {"format", "fleet", "version", "created", "expires", "source", "bundles"}) {
    CAPTURE(name);
    CHECK(decode_manifest(with(payload, name, Value())).error().name == "malformed");
    CHECK(decode_manifest(with(payload, name, true)).error().name == "malformed");
  }
  auto bundle = encode(decode(payload)->find("bundles")->array()->front());
  auto around = [&](Bytes inner) {
    auto value = decode(inner);
    REQUIRE(value.ok());
    return with(payload, "bundles", Value(Value::Array{*value}));
  };
  CHECK(decode_manifest(around(bundle)).ok());
  CHECK(decode_manifest(around(with(bundle, "more", 1))).error().name == "unknown_field");
  for (std::string_view name : {"policy", "digest", "size", "rules", "select", "stages"}) {
    CAPTURE(name);
    CHECK(decode_manifest(around(with(bundle, name, Value()))).error().name == "malformed");
    CHECK(decode_manifest(around(with(bundle, name, true))).error().name == "malformed");
  }
  auto cut = bytes_of("31 bytes are not a digest......");
  CHECK(decode_manifest(around(with(bundle, "digest", Value(cut)))).error().name == "malformed");
}

TEST_CASE("a selector matches when all labels of one alternative do") {
  Selector selector = manifest().bundles[0].selector;
  CHECK(selects(selector, {{"role", "web"}, {"site", "eu"}}));
  CHECK(selects(selector, {{"role", "db"}, {"site", "eu"}, {"more", "x"}}));
  CHECK(selects(selector, {{"canary", "yes"}}));
  CHECK_FALSE(selects(selector, {{"role", "web"}, {"site", "us"}}));
  CHECK_FALSE(selects(selector, {{"role", "web"}}));
  CHECK_FALSE(selects(selector, {{"canary", "no"}}));
  CHECK_FALSE(selects(selector, {}));
  CHECK(selects({}, {}));
  CHECK(selects({}, {{"role", "web"}}));
}

TEST_CASE("a node's place in the stages is the number of the specification") {
  Digest of_manifest = sha256(view_of("manifest"));
  NodeId node = sha256(view_of("node"));
  Digest both = sha256({of_manifest.view(), node.view()});
  std::uint64_t first = 0;
  for (std::size_t i = 0; i < 8; ++i) first = first * 256 + both.data[i];
  CHECK(stage_position(of_manifest, node) == first % 10'000);
}

TEST_CASE("a stage opens for its share of the nodes at its time") {
  Digest of_manifest = sha256(view_of("manifest"));
  ManifestBundle bundle = manifest().bundles[0];
  std::size_t early = 0;
  for (int i = 0; i < 2'000; ++i) {
    NodeId node = sha256(view_of(std::to_string(i)));
    bool in = stage_position(of_manifest, node) < 100;
    CHECK(stage_open(bundle, of_manifest, node, now_s) == in);
    CHECK(stage_open(bundle, of_manifest, node, now_s + day_s - 1) == in);
    bool in_later = stage_position(of_manifest, node) < 1'000;
    CHECK(stage_open(bundle, of_manifest, node, now_s + day_s) == in_later);
    early += in ? 1 : 0;
  }
  CHECK(early > 5);
  CHECK(early < 60);
  NodeId node = sha256(view_of("any"));
  bundle.stages = {{0, 0}};
  CHECK_FALSE(stage_open(bundle, of_manifest, node, now_s));
  bundle.stages = {};
  CHECK(stage_open(bundle, of_manifest, node, 0));
}

TEST_CASE("time alone opens a tenth of the fleet at most, and a signature all of it") {
  CHECK(error_after([](Manifest& m) {
          m.bundles[0].stages = {{1'000, m.created_s + 1}};
        }) == "accepted");
  CHECK(error_after([](Manifest& m) {
          m.bundles[0].stages = {{1'001, m.created_s + 1}};
        }) == "promotion_needed");
  CHECK(error_after([](Manifest& m) {
          m.bundles[1].stages = {{10'000, INT64_MAX}};
        }) == "promotion_needed");
  CHECK(error_after([](Manifest& m) {
          m.bundles[0].stages = {{10'000, m.created_s}};
        }) == "accepted");
}

TEST_CASE("no damage to a manifest passes") {
  Bytes whole = golden("signed_manifest.bin");
  for_each_mutation(whole, [&](ByteView bytes) {
    bool changed = !std::ranges::equal(bytes, whole);
    CHECK(verify_manifest(bytes, root(), version_min, now_s).ok() == !changed);
  });
  for_each_edit(encode_manifest(manifest()), 4'000, [](ByteView bytes) {
    auto decoded = decode_manifest(bytes);
    if (decoded.ok()) CHECK(*decode_manifest(encode_manifest(*decoded)) == *decoded);
  });
}

}  // namespace
}  // namespace reeve
