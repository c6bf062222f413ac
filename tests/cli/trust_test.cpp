// Drafts that several people sign, next roots, what a push is told to do, and keys under
// passphrases, without a controller.
#include <doctest/doctest.h>
#include <sys/stat.h>

#include <cstdlib>

#include "common/limits.h"
#include "common/paths.h"
#include "controller/cli/commands.h"
#include "controller/cli/diff_view.h"
#include "controller/cli/files.h"
#include "controller/cli/fleet.h"
#include "controller/cli/push_order.h"
#include "controller/cli/root_edit.h"
#include "controller/cli/root_view.h"
#include "tests/cli/small_fleet.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/temporary_directory.h"
#include "tests/golden.h"
#include "tests/mutations.h"

using namespace reeve;
using namespace reeve::cli;

namespace {

constexpr std::int64_t now_s = SmallFleet::now_ns / 1'000'000'000;

Bundle bundle_of(const std::string& policy, const std::string& mode) {
  Rule rule;
  rule.id = "motd-mode";
  rule.title = "The message of the day";
  rule.owner = "security@example.org";
  rule.kind = "file";
  rule.fields = Value::Map{{"path", "/etc/motd"}, {"mode", mode}};
  return {policy, {rule}};
}

SigningKey fixed_key(std::uint8_t number) {
  FixedBytes<32> seed;
  seed.data.fill(number);
  return SigningKey::from_seed(seed);
}

// Version 8 in place of version 7, for a fleet of which two of three policy keys must sign.
struct Drafted {
  SigningKey keys[3] = {fixed_key(1), fixed_key(2), fixed_key(3)};
  Root root;
  Manifest manifest;
  Draft draft;

  Drafted() {
    root.fleet.data.fill(0xf1);
    root.origin = "test";
    root.expires_s = now_s + 86'400;
    root.root = {{keys[0].public_key(), keys[1].public_key(), keys[2].public_key()}, 2};
    root.policy = root.root;
    root.ledger = {{fixed_key(9).public_key()}, 1};
    Manifest old = manifest_of(7, bundle_of("baseline", "0644"));
    old.bundles.push_back({"gone", sha256(view_of("gone")), 4, 1, {}, {}});
    const std::array<const SigningKey*, 2> both{&keys[0], &keys[1]};
    draft.in_force = seal_object(ObjectType::manifest, encode_manifest(old), both);
    manifest = manifest_of(8, bundle_of("baseline", "0600"));
    draft.manifest = encode_signed_object({ObjectType::manifest, {}, encode_manifest(manifest)});
  }
  Manifest manifest_of(std::uint64_t version, const Bundle& bundle) {
    const Bytes bytes = encode_bundle(bundle);
    Manifest out;
    out.fleet = root.fleet;
    out.version = version;
    out.created_s = now_s;
    out.expires_s = now_s + 3'600;
    out.source_revision = "3f9a01c2";
    out.bundles = {{bundle.policy, sha256(bytes), bytes.size(), 1, {{{"role", {"web"}}}}, {}}};
    draft.bundles.emplace(sha256(bytes), bytes);
    return out;
  }
};

}  // namespace

TEST_CASE("a draft is its golden bytes and comes back whole, or is refused by name") {
  const Drafted one;
  check_golden("draft.bin", encode_draft(one.draft));
  const Bytes whole = golden("draft.bin");
  CHECK(is_draft(whole));
  REQUIRE(decode_draft(whole).ok());
  CHECK(*decode_draft(whole) == one.draft);
  for_each_truncation(
      whole, [](ByteView bytes) { CHECK(decode_draft(bytes).error().name == "malformed_draft"); });
  Bytes longer = whole;
  longer.push_back(0);
  CHECK(decode_draft(longer).error().name == "malformed_draft");
}

TEST_CASE("a signer sees what changes, for whom, and what is withdrawn") {
  const Drafted one;
  const auto read = read_draft(one.draft, one.root);
  REQUIRE(read.ok());
  CHECK(read->signers.empty());
  const std::string text = draft_text(*read, one.root);
  for (const char* part :
       {"Version 8", "in place of version 7", "3f9a01c2", "0 of 2", "baseline", "role=web",
        "motd-mode", "file.mode", "0600", "policy gone is withdrawn"}) {
    CAPTURE(part);
    CHECK(text.find(part) != std::string::npos);
  }
}

TEST_CASE("what a draft hides or makes up is refused before anybody signs") {
  Drafted one;
  const auto error = [&] {
    const auto read = read_draft(one.draft, one.root);
    return read.ok() ? std::string("accepted") : read.error().name;
  };
  SUBCASE("a bundle that is not there") {
    one.draft.bundles.clear();
    CHECK(error() == "bundle_missing");
  }
  SUBCASE("a bundle of another policy than the manifest says") {
    one.manifest.bundles[0].policy = "other";
    one.draft.manifest =
        encode_signed_object({ObjectType::manifest, {}, encode_manifest(one.manifest)});
    CHECK(error() == "bundle_mismatch");
  }
  SUBCASE("a manifest of another fleet") {
    one.root.fleet.data[0] ^= 1;
    CHECK(error() == "wrong_fleet");
  }
  SUBCASE("a forged signature") {
    Bytes signed_once = *add_signature(one.draft.manifest, ObjectType::manifest, one.keys[0]);
    signed_once[signed_object_header_bytes + 40] ^= 1;
    one.draft.manifest = signed_once;
    CHECK(error() == "bad_signature");
  }
  SUBCASE("what is in force, made up") {
    one.draft.in_force = one.draft.manifest;
    REQUIRE(error() == "accepted");
    const auto read = read_draft(one.draft, one.root);
    CHECK_FALSE(read->in_force.has_value());
    CHECK(draft_text(*read, one.root).find("not proven: too_few_signatures") != std::string::npos);
  }
}

TEST_CASE("signatures are added one by one or merged, and enough of them are what agents ask for") {
  const Drafted one;
  const Bytes first = *add_signature(one.draft.manifest, ObjectType::manifest, one.keys[0]);
  const Bytes other = *add_signature(one.draft.manifest, ObjectType::manifest, one.keys[2]);
  CHECK(verify_manifest(first, one.root, 1, now_s).error().name == "too_few_signatures");
  CHECK(add_signature(first, ObjectType::manifest, one.keys[0]).error().name == "already_signed");
  const auto both = merge_signatures(first, other, ObjectType::manifest);
  REQUIRE(both.ok());
  CHECK(verify_manifest(*both, one.root, 1, now_s).ok());
  CHECK(*merge_signatures(*both, first, ObjectType::manifest) == *both);
  Manifest changed = one.manifest;
  changed.version = 9;
  const Bytes another = encode_signed_object({ObjectType::manifest, {}, encode_manifest(changed)});
  CHECK(merge_signatures(first, another, ObjectType::manifest).error().name == "draft_mismatch");
  Bytes full = one.draft.manifest;
  for (std::size_t i = 0; i < limits::signatures_max; ++i)
    full =
        *add_signature(full, ObjectType::manifest, fixed_key(static_cast<std::uint8_t>(100 + i)));
  CHECK(add_signature(full, ObjectType::manifest, one.keys[0]).error().name == "limit_exceeded");
}

TEST_CASE("a root is changed key by key, and never to one that nobody could sign") {
  Drafted one;
  Root next = next_of(one.root, now_s + 1);
  CHECK(next.version == one.root.version + 1);
  CHECK(add_key(next, RoleName::policy, one.keys[0].public_key()).error().name == "key_known");
  REQUIRE(add_key(next, RoleName::policy, fixed_key(4).public_key()).ok());
  CHECK(next.policy.keys.size() == 4);
  CHECK(remove_key(next, RoleName::policy, "0").error().name == "key_unknown");
  CHECK(remove_key(next, RoleName::policy, std::string(64, '0')).error().name == "key_unknown");
  const std::string prefix = hex(one.keys[0].hash().view()).substr(0, 8);
  REQUIRE(remove_key(next, RoleName::policy, prefix).ok());
  REQUIRE(set_threshold(next, RoleName::policy, 3).ok());
  CHECK(set_threshold(next, RoleName::policy, 4).error().name == "threshold_too_high");
  CHECK(set_threshold(next, RoleName::policy, 0).error().name == "threshold_too_high");
  CHECK(remove_key(next, RoleName::policy, hex(one.keys[1].hash().view())).error().name ==
        "threshold_too_high");
  const std::string text = root_change_text(one.root, next);
  CHECK(text.find("+ policy key " + hex(fixed_key(4).hash().view()).substr(0, 16)) !=
        std::string::npos);
  CHECK(text.find("- policy key " + prefix) != std::string::npos);
  CHECK(text.find("policy needs 3 signatures, not 2") != std::string::npos);

  const Operator ada{"ada", fixed_key(5).public_key(), fixed_key(6).public_key(), {Right::view}};
  REQUIRE(put_operator(next, ada).ok());
  Operator twin = ada;
  twin.name = "ben";
  CHECK(put_operator(next, twin).error().name == "key_known");
  CHECK(remove_operator(next, "ben").error().name == "operator_unknown");
  CHECK(remove_operator(next, "ada").ok());
}

TEST_CASE("a next root to sign is the next of this fleet, whatever signatures it has") {
  Drafted one;
  const auto object = [&](const Root& root) {
    return encode_signed_object({ObjectType::root, {}, encode_root(root)});
  };
  const auto error = [&](const Root& root) {
    const auto read = read_next_root(object(root), one.root);
    return read.ok() ? std::string("accepted") : read.error().name;
  };
  Root next = next_of(one.root, now_s + 1);
  CHECK(error(next) == "accepted");
  CHECK(error(one.root) == "root_rollback");
  CHECK(error(next_of(next, now_s + 1)) == "root_gap");
  Root other = next;
  other.fleet.data[0] ^= 1;
  CHECK(error(other) == "wrong_fleet");
}

TEST_CASE("stages are shares that grow, and time alone opens a tenth at most") {
  CHECK(parse_stages("", now_s)->empty());
  CHECK(parse_stages("100%", now_s)->empty());
  CHECK(*parse_stages("0.5%,10%@+1h", now_s) ==
        std::vector<Stage>{{50, now_s}, {1'000, now_s + 3'600}});
  CHECK(*parse_stages("50%@now", now_s) == std::vector<Stage>{{5'000, now_s}});
  CHECK(parse_stages("11%@+1h", now_s).error().name == "promotion_needed");
  for (const char* wrong :
       {"5", "%", "0%", "101%", "5%@soon", "5%,5%", "10%,5%", "1.234%", "5.%"}) {
    CAPTURE(wrong);
    CHECK(parse_stages(wrong, now_s).error().name == "usage");
  }
}

TEST_CASE("a promotion is the same bundles as the next version, for more hosts") {
  Drafted one;
  CHECK(promoted(one.manifest, {}, now_s).error().name == "nothing_to_promote");
  one.manifest.bundles[0].stages = {{100, now_s}};
  const auto next = promoted(one.manifest, {{5'000, now_s}}, now_s);
  REQUIRE(next.ok());
  CHECK(next->bundles[0].digest == one.manifest.bundles[0].digest);
  CHECK(next->bundles[0].stages == std::vector<Stage>{{5'000, now_s}});
  CHECK(promoted(one.manifest, {}, now_s)->bundles[0].stages.empty());
}

TEST_CASE("a file may name its hosts, and a file of that very name is meant first") {
  const TemporaryDirectory where;
  const std::string odd = where.path() + "/a@role=web";
  REQUIRE(write_file(odd, bytes_of("x")).ok());
  CHECK(parse_target(odd, {})->path == odd);
  CHECK(parse_target(odd, {})->selector.empty());
  const auto target = parse_target("web.yaml@role=web,zone=a", {});
  REQUIRE(target.ok());
  CHECK(target->path == "web.yaml");
  CHECK(target->selector == Selector{{{"role", {"web"}}, {"zone", {"a"}}}});
  const Selector otherwise{{{"role", {"db"}}}};
  CHECK(parse_target("db.yaml", otherwise)->selector == otherwise);
  CHECK(parse_target("web.yaml@", {}).error().name == "usage");
  CHECK(parse_target("web.yaml@role", {}).error().name == "usage");
}

namespace {

struct Sealed {
  TemporaryDirectory where;
  FakeClock clock;
  Environment environment{clock, {}};
  std::string directory = where.path() + "/fleet";
  std::string good = file("good", "correct horse\n");
  std::string bad = file("bad", "wrong\n");

  std::string file(const std::string& name, const std::string& text) {
    const std::string path = where.path() + "/" + name;
    REQUIRE(write_file(path, bytes_of(text)).ok());
    return path;
  }
  int init(std::vector<std::string> more) {
    more.insert(more.begin(), directory);
    return run_init(environment, more);
  }
  std::string opening_with(const std::string& passphrase_file) {
    const auto fleet =
        open_fleet(Arguments({{"fleet", {directory}}, {"passphrase-file", {passphrase_file}}}, {}));
    REQUIRE(fleet.ok());
    const auto key = signing_key(*fleet, paths::fleet_policy_key);
    if (!key.ok()) return key.error().name;
    CHECK(key->public_key() == fleet->root.policy.keys[0]);
    CHECK(transport_secret(*fleet, paths::fleet_operator_transport_key).ok());
    return "opened";
  }
};

}  // namespace

TEST_CASE("a fleet's keys are sealed under the passphrase that a file names") {
  Sealed one;
  REQUIRE(one.init({"--passphrase-file", one.good}) == 0);
  CHECK(one.opening_with(one.good) == "opened");
  CHECK(one.opening_with(one.bad) == "wrong_passphrase");
  CHECK(one.opening_with(one.where.path() + "/none") == "file_missing");
  ::chmod(one.good.c_str(), 0644);
  CHECK(one.opening_with(one.good) == "passphrase_permissions");
  const auto ledger = read_file(one.directory + "/controller/ledger.key", 4'096);
  REQUIRE(ledger.ok());
  CHECK(decode_key_file(*ledger).ok());
}

TEST_CASE("an empty passphrase makes no fleet, and nothing is left") {
  Sealed one;
  CHECK(one.init({"--passphrase-file", one.file("empty", "\n")}) == 1);
  CHECK(read_file(one.directory + "/public/root", 4'096).error().name == "file_missing");
}

TEST_CASE("a passphrase is changed, and the old one opens nothing any more") {
  Sealed one;
  REQUIRE(one.init({"--passphrase-file", one.good}) == 0);
  const std::string policy = one.directory + "/keys/policy.key";
  const std::string transport = one.directory + "/keys/operator-transport.key";
  const std::vector<std::string> words{
      policy, transport, "--passphrase-file", one.good, "--new-passphrase-file", one.bad};
  REQUIRE(run_key_passphrase(words) == 0);
  CHECK(one.opening_with(one.bad) == "opened");
  CHECK(one.opening_with(one.good) == "wrong_passphrase");
}

TEST_CASE("a new key is never written over one that is there") {
  Sealed one;
  const std::string path = one.where.path() + "/new.key";
  REQUIRE(run_key_new(std::vector<std::string>{path, "--no-passphrase"}) == 0);
  const auto before = read_file(path, 4'096);
  CHECK(run_key_new(std::vector<std::string>{path, "--no-passphrase"}) == 1);
  CHECK(*read_file(path, 4'096) == *before);
}
