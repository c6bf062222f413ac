#include "controller/cli/fleet.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "common/paths.h"
#include "controller/cli/cli_limits.h"
#include "controller/cli/commands.h"
#include "controller/cli/files.h"
#include "controller/operator_protocol.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/temporary_directory.h"

using namespace reeve;
using namespace reeve::cli;

namespace {

// A controller that admits every certificate it is sent, or is not there at all.
class EnrollingLink final : public ZmqClient {
 public:
  EnrollingLink(FakeClock& clock, std::vector<Bytes>& enrolled, bool up, bool mute)
      : clock_(clock), enrolled_(enrolled), up_(up), mute_(mute) {}
  bool send(ByteView message) override {
    if (!up_) return false;
    const auto object = parse_signed_object(message, ObjectType::operator_request);
    const auto request = decode_operator_request(object->payload);
    enrolled_.push_back(*request->arguments.find("certificate")->binary());
    if (mute_) return true;
    OperatorReply reply;
    reply.id = request->id;
    reply_ = encode_operator_reply(reply);
    return true;
  }
  std::optional<Bytes> receive() override { return std::exchange(reply_, std::nullopt); }
  void wait(std::int64_t timeout_ns, int) override { clock_.advance(timeout_ns); }
  bool connected() const override { return up_; }

 private:
  FakeClock& clock_;
  std::vector<Bytes>& enrolled_;
  bool up_;
  bool mute_;
  std::optional<Bytes> reply_;
};

// One fleet directory, made by the command itself.
struct Desk {
  TemporaryDirectory where;
  FakeClock clock;
  bool up = true;
  bool mute = false;
  std::vector<Bytes> enrolled;
  Environment environment{clock,
                          [this](const ControllerContact&, const TransportKey&,
                                 const Secret&) -> Result<std::unique_ptr<ZmqClient>> {
                            return std::unique_ptr<ZmqClient>(
                                std::make_unique<EnrollingLink>(clock, enrolled, up, mute));
                          }};
  std::string directory = where.path() + "/fleet";

  int init(std::vector<std::string> more = {}) {
    more.insert(more.begin(), {directory, "--no-passphrase"});
    return run_init(environment, more);
  }
  int enroll(std::vector<std::string> more) {
    more.insert(more.end(), {"--fleet", directory});
    return run_node_enroll(environment, more);
  }
  Arguments arguments() const { return Arguments({{"fleet", {directory}}}, {}); }
  std::string path(std::string_view name) const { return directory + "/" + std::string(name); }
};

std::filesystem::perms mode_of(const std::string& path) {
  return std::filesystem::status(path).permissions();
}

bool exists(const std::string& path) { return std::filesystem::exists(path); }

}  // namespace

TEST_CASE("init makes a fleet that opens, with all rights for one operator and a year of root") {
  Desk desk;
  REQUIRE(desk.init({"--name", "west", "--controller", "ctl.example.org", "--port", "9000"}) == 0);
  const auto fleet = open_fleet(desk.arguments());
  REQUIRE(fleet.ok());
  CHECK(fleet->root.origin == "west");
  CHECK(fleet->root.expires_s == desk.clock.wall_ns() / 1'000'000'000 + limits::root_lifetime_s);
  CHECK(fleet->contact.nodes_address == "tcp://ctl.example.org:9000");
  CHECK(fleet->contact.operators_address == "tcp://ctl.example.org:9001");
  REQUIRE(fleet->root.operators.size() == 1);
  CHECK(fleet->root.operators[0].rights.size() == 5);
  CHECK(signing_key(*fleet, paths::fleet_operator_key)->public_key() ==
        fleet->root.operators[0].key);
  CHECK(signing_key(*fleet, paths::fleet_policy_key)->public_key() == fleet->root.policy.keys[0]);
  CHECK(transport_public_key(*transport_secret(*fleet, paths::fleet_operator_transport_key)) ==
        fleet->root.operators[0].transport_key);
}

TEST_CASE("no offline key is in what goes to the server, and nobody else can read what is") {
  Desk desk;
  REQUIRE(desk.init() == 0);
  std::vector<std::string> names;
  for (const auto& entry :
       std::filesystem::directory_iterator(desk.path(paths::fleet_controller))) {
    names.push_back(entry.path().filename().string());
    CHECK(mode_of(entry.path().string()) == std::filesystem::perms(0600));
  }
  std::sort(names.begin(), names.end());
  CHECK(names == std::vector<std::string>{"ledger.key", "root", "transport.key"});
  CHECK(mode_of(desk.path(paths::fleet_controller)) == std::filesystem::perms(0700));
  CHECK(mode_of(desk.path(paths::fleet_keys)) == std::filesystem::perms(0700));
}

TEST_CASE("init refuses a directory that holds something, and wrong words, and makes nothing") {
  Desk desk;
  REQUIRE(desk.init() == 0);
  const auto before = *read_file(desk.path(paths::fleet_root), 10'000);
  CHECK(desk.init() == 1);
  CHECK(*read_file(desk.path(paths::fleet_root), 10'000) == before);
  desk.directory = desk.where.path() + "/other";
  CHECK(desk.init({"--port", "65535"}) == 1);
  CHECK(desk.init({"--port", "x"}) == 1);
  CHECK(desk.init({"--name", "no spaces"}) == 1);
  CHECK(desk.init({"--controller", "a/b"}) == 1);
  CHECK_FALSE(exists(desk.directory));
}

TEST_CASE("a key that others may read, or a directory they may enter, is refused") {
  Desk desk;
  REQUIRE(desk.init() == 0);
  const auto fleet = open_fleet(desk.arguments());
  REQUIRE(fleet.ok());
  const std::string key = desk.path(paths::fleet_operator_key);
  const std::string keys = desk.path(paths::fleet_keys);
  REQUIRE(::chmod(key.c_str(), 0640) == 0);
  CHECK(signing_key(*fleet, paths::fleet_operator_key).error().name == "key_permissions");
  REQUIRE(::chmod(key.c_str(), 0600) == 0);
  REQUIRE(::chmod(keys.c_str(), 0750) == 0);
  CHECK(signing_key(*fleet, paths::fleet_operator_key).error().name == "key_permissions");
  REQUIRE(::chmod(keys.c_str(), 0700) == 0);
  CHECK(signing_key(*fleet, paths::fleet_operator_key).ok());
  CHECK(signing_key(*fleet, "keys/none").error().name == "key_missing");
  CHECK(signing_key(*fleet, paths::fleet_operator_transport_key).error().name == "malformed_key");
  std::filesystem::remove(key);
  std::filesystem::create_symlink("policy.key", key);
  CHECK(signing_key(*fleet, paths::fleet_operator_key).error().name == "key_missing");
}

TEST_CASE("a root that was changed by one bit does not open") {
  Desk desk;
  REQUIRE(desk.init() == 0);
  Bytes root = *read_file(desk.path(paths::fleet_root), 10'000);
  root[root.size() / 2] ^= 1;
  REQUIRE(write_file(desk.path(paths::fleet_root), root).ok());
  CHECK_FALSE(open_fleet(desk.arguments()).ok());
  desk.directory += "-none";
  CHECK(open_fleet(desk.arguments()).error().name == "fleet_missing");
}

TEST_CASE("enroll writes an agent's state whose certificate the fleet's root vouches for") {
  Desk desk;
  REQUIRE(desk.init() == 0);
  const std::string out = desk.where.path() + "/web1";
  REQUIRE(desk.enroll({"web1", "--out", out, "--label", "role=web", "--label", "zone=a"}) == 0);
  const auto fleet = open_fleet(desk.arguments());
  const Bytes object = *read_file(out + "/" + std::string(paths::certificate), 10'000);
  REQUIRE(desk.enrolled == std::vector<Bytes>{object});
  const auto certificate = verify_certificate(object, fleet->root);
  REQUIRE(certificate.ok());
  CHECK(certificate->name == "web1");
  CHECK(certificate->labels == Labels{{"role", "web"}, {"zone", "a"}});
  const auto key = decode_key_file(*read_file(out + "/" + std::string(paths::record_key), 10'000));
  CHECK(key->public_key == certificate->record_key);
  CHECK(key_hash(key->public_key) == certificate->node);
  CHECK(*read_file(out + "/" + std::string(paths::trusted_root), 10'000) == fleet->root_object);
  CHECK(mode_of(out) == std::filesystem::perms(0700));
  for (const auto& entry : std::filesystem::recursive_directory_iterator(out)) {
    CHECK(mode_of(entry.path().string()) ==
          std::filesystem::perms(entry.is_directory() ? 0700 : 0600));
  }
  for (const char* name : {"policy", "journal", "empty"}) CHECK(exists(out + "/" + name));
}

TEST_CASE("enroll leaves nothing behind when the controller cannot be reached") {
  Desk desk;
  REQUIRE(desk.init() == 0);
  desk.up = false;
  const std::string out = desk.where.path() + "/web1";
  CHECK(desk.enroll({"web1", "--out", out}) == 1);
  CHECK_FALSE(exists(out));
}

TEST_CASE("enroll keeps the keys of a node that may be registered, its answer being lost") {
  Desk desk;
  REQUIRE(desk.init() == 0);
  desk.mute = true;
  const std::string out = desk.where.path() + "/web1";
  CHECK(desk.enroll({"web1", "--out", out}) == 1);
  REQUIRE(desk.enrolled.size() == 1);
  CHECK(*read_file(out + "/" + std::string(paths::certificate), 10'000) == desk.enrolled[0]);
}

TEST_CASE("enroll asks nobody when its words are wrong") {
  Desk desk;
  REQUIRE(desk.init() == 0);
  const std::string out = desk.where.path() + "/n";
  CHECK(desk.enroll({"bad name", "--out", out}) == 1);
  CHECK(desk.enroll({"n"}) == 1);
  CHECK(desk.enroll({"n", "--out", out, "--label", "role"}) == 1);
  CHECK(desk.enroll({"n", "--out", out, "--label", "a=1", "--label", "a=2"}) == 1);
  CHECK(desk.enrolled.empty());
  CHECK_FALSE(exists(out));
}

TEST_CASE(
    "the newest manifest is remembered, and only one that the policy role signed is believed") {
  Desk desk;
  REQUIRE(desk.init() == 0);
  const auto fleet = open_fleet(desk.arguments());
  REQUIRE(fleet.ok());
  CHECK_FALSE(newest_manifest(*fleet)->has_value());
  Manifest manifest;
  manifest.fleet = fleet->root.fleet;
  manifest.version = 5;
  manifest.created_s = desk.clock.wall_ns() / 1'000'000'000;
  manifest.expires_s = manifest.created_s + 60;
  const auto policy = signing_key(*fleet, paths::fleet_policy_key);
  const auto operators = signing_key(*fleet, paths::fleet_operator_key);
  REQUIRE(keep_newest_manifest(
              *fleet, seal_object(ObjectType::manifest, encode_manifest(manifest), *policy))
              .ok());
  CHECK((**newest_manifest(*fleet)).manifest.version == 5);
  REQUIRE(keep_newest_manifest(
              *fleet, seal_object(ObjectType::manifest, encode_manifest(manifest), *operators))
              .ok());
  CHECK_FALSE(newest_manifest(*fleet).ok());
}
