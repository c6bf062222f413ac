#include "controller/cli/adoption.h"

#include <doctest/doctest.h>

#include "tests/cli/small_fleet.h"

using namespace reeve;
using namespace reeve::cli;

namespace {

constexpr std::int64_t now_ns = SmallFleet::now_ns;
const Digest pushed{{9}};

struct Hosts {
  SmallFleet fleet;
  SmallNode one = fleet.node("db1");
  SmallNode two = fleet.node("web2");

  SeenNode at(const SmallNode& node, std::uint64_t version, const std::string& refused = {}) const {
    Heartbeat heartbeat = healthy_heartbeat(node);
    heartbeat.manifest_version = version;
    if (version == 2) heartbeat.manifest_digest = pushed;
    heartbeat.refused = refused;
    return seen_node(fleet, node, heartbeat);
  }
};

}  // namespace

TEST_CASE("hosts are waited for by name until their own heartbeats show the manifest") {
  const Hosts hosts;
  const std::vector<SeenNode> before = {hosts.at(hosts.one, 1), hosts.at(hosts.two, 1)};
  Adoption adoption(2, pushed, before);
  CHECK(adoption.look(before, now_ns));
  CHECK_FALSE(adoption.look(before, now_ns));
  CHECK(adoption.progress(80) == "adopted 0 of 2, waiting for db1 web2");
  CHECK(adoption.look({hosts.at(hosts.one, 2), hosts.at(hosts.two, 1)}, now_ns));
  CHECK(adoption.progress(80) == "adopted 1 of 2, waiting for web2");
  CHECK(adoption.laggards() == "  web2  late: still at version 1\n");
  CHECK_FALSE(adoption.all_decided());
  adoption.look({hosts.at(hosts.one, 2), hosts.at(hosts.two, 2)}, now_ns);
  CHECK(adoption.all_adopted());
  CHECK(adoption.progress(80) == "adopted 2 of 2");
}

TEST_CASE("the same version with another digest is not an adoption, a newer version is") {
  const Hosts hosts;
  Adoption adoption(2, Digest{{1}}, {});
  adoption.look({hosts.at(hosts.one, 2)}, now_ns);
  CHECK(adoption.adopted() == 0);
  adoption.look({hosts.at(hosts.one, 3)}, now_ns);
  CHECK(adoption.all_adopted());
}

TEST_CASE("a refusal counts once the host has spoken since, and is named") {
  const Hosts hosts;
  const SeenNode old = hosts.at(hosts.one, 1, "manifest_expired");
  Adoption adoption(2, pushed, {old});
  adoption.look({old}, now_ns);
  CHECK(adoption.refused() == 0);
  adoption.look({hosts.at(hosts.one, 1, "bad_signature")}, now_ns);
  CHECK(adoption.refused() == 1);
  CHECK(adoption.all_decided());
  CHECK_FALSE(adoption.all_adopted());
  CHECK(adoption.laggards() == "  db1  refused: bad_signature\n");
  CHECK(adoption.json_members() ==
        R"("expected":1,"adopted":0,"refused":{"db1":"bad_signature"},"late":[])");
}

TEST_CASE("hosts that are away do not count; one that was just enrolled is a newcomer") {
  const Hosts hosts;
  Adoption adoption(2, pushed, {});
  SeenNode away = hosts.at(hosts.one, 1);
  away.connected = false;
  away.heartbeat->made.wall_ns = now_ns - 1'000'000'000'000;
  SeenNode fresh = hosts.at(hosts.two, 1);
  fresh.connected = false;
  fresh.heartbeat.reset();
  adoption.look({away, fresh}, now_ns);
  CHECK(adoption.expected() == 0);
  CHECK(adoption.all_adopted());
  CHECK(adoption.newcomers() == 1);
}

TEST_CASE("what a controller makes up is never an adoption") {
  const Hosts hosts;
  Heartbeat heartbeat = healthy_heartbeat(hosts.one);
  heartbeat.manifest_version = 2;
  heartbeat.manifest_digest = pushed;
  const SigningKey stranger = SigningKey::generate();
  const SeenNode forged =
      judge_node(status_item(hosts.one, seal_heartbeat(heartbeat, stranger)), hosts.fleet.root);
  Adoption adoption(2, pushed, {});
  adoption.look({forged}, now_ns);
  CHECK(adoption.expected() == 1);
  CHECK(adoption.adopted() == 0);
}
