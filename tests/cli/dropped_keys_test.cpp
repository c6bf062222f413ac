// What a controller and a policy key that the root has dropped can do to an operator's machine.
#include <doctest/doctest.h>

#include "common/act.h"
#include "common/paths.h"
#include "controller/cli/files.h"
#include "controller/cli/fleet.h"
#include "tests/cli/operator_desk.h"
#include "tests/cli/small_fleet.h"

using namespace reeve;
using namespace reeve::cli;

namespace {

// An operator's fleet directory after the policy key was replaced, and a controller that shows what
// the test wants: `shown`, and of hosts a heartbeat that has adopted `adopted`.
struct Desk : OperatorDesk {
  SigningKey dropped = SigningKey::generate();
  SmallNode node;
  Bytes shown;
  std::uint64_t adopted = 0;
  std::vector<Bytes> published;
  std::vector<Bytes> acts;
  std::vector<Bytes> entered;

  Desk() {
    answer = [this](const OperatorRequest& request) { return items(answer_to(request)); };
    Fleet before = fleet();
    dropped = *signing_key(before, paths::fleet_policy_key);
    keep(manifest_by(dropped, 3));
    const SigningKey fresh = SigningKey::generate();
    REQUIRE(write_file(before.path(paths::fleet_policy_key),
                       encode_key_file(KeyKind::ed25519, fresh.public_key(), fresh.seed()))
                .ok());
    Root next = before.root;
    ++next.version;
    next.policy.keys = {fresh.public_key()};
    const auto root_key = signing_key(before, paths::fleet_root_key);
    REQUIRE(take_up_root(before, seal_object(ObjectType::root, encode_root(next), *root_key)).ok());
    node.certificate.fleet = next.fleet;
    node.certificate.node = node.key.hash();
    node.certificate.name = "web1";
    node.certificate.record_key = node.key.public_key();
    node.certificate_object =
        seal_object(ObjectType::node_certificate, encode_certificate(node.certificate),
                    *signing_key(before, paths::fleet_operator_key));
  }

  Fleet fleet() const { return *open_fleet(Arguments({{"fleet", {directory}}}, {})); }
  Bytes manifest_by(const SigningKey& key, std::uint64_t version) const {
    Manifest manifest;
    manifest.fleet = fleet().root.fleet;
    manifest.version = version;
    manifest.created_s = clock.wall_ns() / 1'000'000'000;
    manifest.expires_s = manifest.created_s + 3'600;
    const Digest digest = sha256(view_of("a bundle"));
    manifest.bundles = {{"p", digest, 8, 1, {}, {{share_by_time_max, manifest.created_s}}}};
    return seal_object(ObjectType::manifest, encode_manifest(manifest), key);
  }
  void keep(const Bytes& manifest) const { REQUIRE(keep_newest_manifest(fleet(), manifest).ok()); }
  std::uint64_t remembered() const { return (**newest_manifest(fleet())).manifest.version; }

  Value::Array answer_to(const OperatorRequest& request) {
    if (request.operation == "manifest") return {Value::Map{{"manifest", shown}}};
    if (request.operation == "publish") {
      published.push_back(*request.arguments.find("manifest")->binary());
    }
    if (request.operation == "act") entered.push_back(*request.arguments.find("act")->binary());
    if (request.operation == "acts") {
      Value::Array out;
      for (const Bytes& act : acts) out.emplace_back(Value::Map{{"act", act}});
      return out;
    }
    if (request.operation != "status") return {};
    Heartbeat heartbeat = healthy_heartbeat(node);
    heartbeat.manifest_version = adopted;
    heartbeat.made.wall_ns = clock.wall_ns();
    Value item = status_item(node, seal_heartbeat(heartbeat, node.key));
    return {item};
  }
  // The version that a push of one policy signs.
  std::uint64_t push() {
    Rule rule;
    rule.id = "secret-mode";
    rule.owner = "security@example.org";
    rule.kind = "file";
    const std::string bundle = where.path() + "/p.bundle";
    REQUIRE(write_file(bundle, encode_bundle({"p", {rule}})).ok());
    published.clear();
    run_push(environment, on_fleet({bundle, "--wait", "1s"}));
    REQUIRE(published.size() == 1);
    return verify_stored_manifest(published[0], fleet().root)->manifest.version;
  }
  // The version that is signed, 0 for none.
  std::uint64_t promote() {
    published.clear();
    run_push(environment, on_fleet({"--promote", "100%", "--wait", "1s"}));
    if (published.empty()) return 0;
    return verify_stored_manifest(published[0], fleet().root)->manifest.version;
  }
  int status() { return run_status(environment, on_fleet({})); }
};

Act act_of(const Desk& desk, std::uint8_t id, ActKind kind) {
  Act act;
  act.fleet = desk.fleet().root.fleet;
  act.kind = kind;
  act.id.data.fill(id);
  act.issued_s = desk.clock.wall_ns() / 1'000'000'000;
  act.until_s = act.issued_s + 3'600;
  act.reason = "a deploy";
  return act;
}

constexpr std::uint64_t last_version = INT64_MAX;

}  // namespace

TEST_CASE("a push uses up no versions for a manifest that a dropped key has made up") {
  Desk desk;
  desk.shown = desk.manifest_by(desk.dropped, last_version - 1);
  CHECK(desk.push() == 4);
  CHECK(desk.remembered() == 4);
  // What hosts have adopted is in force, whoever signed it, and nothing beyond it is.
  desk.adopted = 9;
  CHECK(desk.push() == 10);
}

TEST_CASE("what a dropped key has signed is promoted only where this machine has seen it before") {
  Desk desk;
  desk.shown = desk.manifest_by(desk.dropped, 4);
  CHECK(desk.promote() == 0);
  desk.shown = desk.manifest_by(desk.dropped, 3);
  CHECK(desk.promote() == 4);
}

TEST_CASE("a push goes on from what was published before the key was replaced") {
  Desk desk;
  desk.shown = desk.manifest_by(desk.dropped, 3);
  CHECK(desk.push() == 4);
  Desk other;
  other.shown = other.manifest_by(*signing_key(other.fleet(), paths::fleet_policy_key), 8);
  CHECK(other.push() == 9);
}

TEST_CASE("a manifest that a dropped key has signed is shown and not remembered as the newest") {
  Desk desk;
  desk.shown = desk.manifest_by(desk.dropped, 1'000);
  desk.status();
  CHECK(desk.remembered() == 3);
  desk.shown = desk.manifest_by(*signing_key(desk.fleet(), paths::fleet_policy_key), 4);
  desk.status();
  CHECK(desk.remembered() == 4);
}

TEST_CASE("an act by an operator whom the root has dropped keeps nobody from listing and ending") {
  Desk desk;
  const SigningKey own = *signing_key(desk.fleet(), paths::fleet_operator_key);
  const SigningKey gone = SigningKey::generate();
  const auto sealed = [&](std::uint8_t id, ActKind kind, const SigningKey& key) {
    return seal_object(ObjectType::operator_act, encode_act(act_of(desk, id, kind)), key);
  };
  desk.acts = {sealed(1, ActKind::pause, gone), sealed(2, ActKind::pause, own),
               sealed(3, ActKind::resume, gone), sealed(4, ActKind::resume, own)};
  const auto pause = [&](std::vector<std::string> words) {
    words.insert(words.end(), {"--fleet", desk.directory});
    return run_pause(desk.environment, words);
  };
  CHECK(pause({"--list"}) == 0);
  CHECK(pause({"--list", "--json"}) == 0);
  CHECK(pause({"--end", "0202"}) == 0);
  CHECK(pause({"--end", "0303"}) == 0);  // once more, by somebody whom agents believe
  CHECK(pause({"--end", "0404"}) == 1);
  REQUIRE(desk.entered.size() == 2);
  for (const Bytes& object : desk.entered)
    CHECK(verify_act(object, desk.fleet().root)->act.kind == ActKind::resume);
}
