// A lost notification is never a lost deviation: the kernel's queues overflow again and again while
// something is broken in their shadow. Twenty times each; a thousand where REEVE_TEST_LONG is set.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <cstdlib>

#include "agent/agent_limits.h"
#include "agent/enforcer.h"
#include "agent/linux_host.h"
#include "agent/netfilter/forked_room.h"
#include "agent/netfilter/linux_ruleset.h"
#include "agent/sensors/files.h"
#include "agent/sensors/inotify_queue.h"
#include "agent/sensors/nftables.h"
#include "tests/agent/agent_fakes.h"
#include "tests/agent/journal_life.h"
#include "tests/fakes/fake_host.h"
#include "tests/host/temporary_tree.h"
#include "tests/netfilter/own_namespace.h"

namespace reeve {
namespace {

using testing::JournalLife;
using testing::KeptNotes;

std::size_t storms() { return std::getenv("REEVE_TEST_LONG") != nullptr ? 1'000 : 20; }

// An enforcer of one rule, with what it records.
struct World {
  World(const Eyes& eyes, Hands& hands, Sensor& its_sensor, Value::Map fields, std::string kind)
      : sensor(its_sensor),
        enforcer({eyes, &hands, clock, life.recorder(), incidents, {&its_sensor}, notes, 1}) {
    Rule rule;
    rule.id = "rule";
    rule.kind = std::move(kind);
    rule.mode = Mode::enforce;
    rule.severity = Severity::critical;
    rule.fields = Value(std::move(fields));
    auto resource = bind_rule(rule);
    REQUIRE(resource.ok());
    ActivePolicy policy;
    policy.bundles.push_back({{"base", 7, {}, {}}, 0, 1});
    policy.rules.push_back({rule, std::move(*resource), 0, RuleState::unknown});
    enforcer.adopt(std::move(policy), "start");
    settle();
  }
  // What the loop does until nothing is left to hear or to do.
  void settle() {
    pollfd ready{sensor.fd(), POLLIN, 0};
    while (::poll(&ready, 1, 0) == 1 || enforcer.next_due() == INT64_MIN) {
      if (ready.revents != 0) enforcer.hear(0);
      enforcer.work();
    }
  }
  // How often events were lost, as it is on record, and until when.
  struct Blind {
    std::uint64_t count = 0;
    std::int64_t until_ns = 0;
  };
  Blind blind() {
    enforcer.stop();
    life.recorder().flush();
    Blind out;
    for (const Record& record :
         testing::contents_of(life.recorder().journal(Stream::urgent)).records) {
      if (record.type != "blind") continue;
      out.count += *record.body.find("count")->natural();
      out.until_ns = *record.body.find("until")->integer();
    }
    return out;
  }

  CrashDisk disk;
  JournalLife life{disk, 5};
  FakeClock clock;
  KeptNotes notes;
  Incidents incidents;
  Sensor& sensor;
  Enforcer enforcer;
};

// How many events the kernel keeps for one queue.
std::size_t queue_length() {
  const Fd bound(open("/proc/sys/fs/inotify/max_queued_events", O_RDONLY | O_CLOEXEC));
  std::string text(32, '\0');
  const ssize_t size = read(bound.get(), text.data(), text.size() - 1);
  return size <= 0 ? 0 : std::strtoull(text.c_str(), nullptr, 10);
}

}  // namespace

TEST_CASE("whatever inotify loses, a sweep finds, and the blind periods are on record") {
  const std::size_t events = queue_length();
  REQUIRE(events > 0);
  if (events > 65'536) {
    fmt::print("SKIP storms of inotify: the queue holds {} events\n", events);
    return;
  }
  TemporaryTree tree;
  tree.add_directory("/srv");
  for (const char* path : {"/srv/a", "/srv/b"}) tree.add_file(path, 0600);
  auto host = std::move(*LinuxHost::open(tree.root()));
  auto sensor =
      std::move(*FileSensor::open(tree.root(), std::move(*InotifyQueue::open()), nullptr));
  World world(*host, *host, *sensor, {{"tree", "/srv"}, {"mode", "0600"}, {"dir_mode", "0755"}},
              "file");
  for (std::size_t i = 0; i < storms(); ++i) {
    // Equal events in a row count once, so each differs from the one before.
    for (std::size_t j = 0; j <= events; ++j) tree.set_mode(j % 2 == 0 ? "/srv/a" : "/srv/b", 0600);
    const std::string made = fmt::format("/srv/{}", i);
    tree.add_directory(made, 0755);
    tree.add_file(made + "/x", 0666);
    world.settle();
    CHECK(tree.facts(made + "/x").mode == 0600);
    world.clock.advance(100'000'000);
    if (i > 0) tree.remove(fmt::format("/srv/{}", i - 1));
  }
  const std::int64_t last = world.clock.wall_ns() - 100'000'000;
  // What came in the last shadow is watched by now: a change is heard of without a sweep.
  world.clock.advance(limits::sensor_renewal_share * limits::sensor_renewal_ns);
  world.settle();
  const std::string left = fmt::format("/srv/{}/x", storms() - 1);
  tree.set_mode(left, 0666);
  world.enforcer.hear(0);
  CHECK(tree.facts(left).mode == 0600);
  CHECK(world.enforcer.counts()[static_cast<std::size_t>(RuleState::holds)] == 1);
  const World::Blind blind = world.blind();
  CHECK(blind.count == storms());
  CHECK(blind.until_ns >= last);
}

TEST_CASE("whatever netlink loses, a sweep finds, and the blind periods are on record" *
          doctest::skip(!fixture::in_own_namespace())) {
  fixture::PacketFilter filter;
  FakeHost host;
  auto ruleset = std::move(*LinuxRuleset::open(std::make_unique<ForkedRoom>()));
  host.set_ruleset(*ruleset);
  NftablesSensor sensor(std::move(*ChangeFeed::open(1)));
  World world(host, host, sensor,
              {{"table", "inet storm"}, {"body", "chain c { tcp dport 23 drop; }"}}, "firewall");
  const TableId table{"inet", "storm"};
  const auto stands = [&] {
    const auto found = ruleset->table(table, {});
    return found.ok() && found->has_value();
  };
  CHECK(stands());
  for (std::size_t i = 0; i < storms(); ++i) {
    for (int j = 0; j < 16; ++j)
      filter.load("table inet t {\n chain c { }\n}\ndelete table inet t");
    filter.load("delete table inet storm");
    CHECK(!stands());
    world.settle();
    CHECK(stands());
    // So seldom that nobody fights over it.
    world.clock.advance(200'000'000'000);
  }
  CHECK(world.enforcer.counts()[static_cast<std::size_t>(RuleState::holds)] == 1);
  CHECK(world.blind().count == storms());
}

}  // namespace reeve
