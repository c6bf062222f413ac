// Changes as the kernel tells of them, heard by the sensor.
#include <fmt/format.h>
#include <unistd.h>

#include "agent/sensors/nftables.h"
#include "own_namespace.h"

namespace reeve {
namespace {

using namespace fixture;

Watch of_table(const std::string& table) {
  Watch watch;
  watch.path = table;
  watch.subject = WatchSubject::ruleset;
  return watch;
}

NAMESPACE_CASE("a change of its table wakes a rule, with its maker where numbers are the host's") {
  PacketFilter filter;
  auto sensor = std::move(*NftablesSensor::open());
  CHECK(sensor->watch({{7, of_table("inet t")}, {8, of_table("ip t")}, {9, Watch{"inet t"}}})
            .empty());
  CHECK(sensor->drain().wakes.empty());
  filter.load(table_t("chain c { accept; }"));
  filter.load("table inet other { }");
  const SensorReport report = sensor->drain();
  REQUIRE(report.wakes.size() == 1);
  CHECK(!report.overflowed);
  CHECK(report.wakes[0].rule == 7);
  CHECK(report.wakes[0].object == "inet t");
  const Cause& cause = report.wakes[0].cause;
  CHECK(cause.via == "nftables");
  if (sees_host_pids()) {
    CHECK(cause.confidence == Confidence::likely);
    CHECK(cause.pid == static_cast<std::uint64_t>(getpid()));
    CHECK(cause.program == "netfilter_test");
  } else {
    fmt::print("SKIP a maker's number: this is not the first pid namespace\n");
    CHECK(cause.confidence == Confidence::unknown);
    CHECK(cause.pid == 0);
    CHECK(cause.program.empty());
  }
  CHECK(sensor->drain().wakes.empty());
}

NAMESPACE_CASE("every kind of change wakes, many of them once") {
  PacketFilter filter;
  filter.load(table_t("set s { type mark; }\n chain c { }"));
  auto sensor = std::move(*NftablesSensor::open());
  sensor->watch({{1, of_table("inet t")}, {2, of_table("")}});
  for (const char* change :
       {"add rule inet t c accept", "flush chain inet t c", "add element inet t s { 1 }",
        "flush set inet t s", "add chain inet t d", "delete chain inet t d",
        "add set inet t x { type mark; }", "delete set inet t x", "add counter inet t n",
        "delete counter inet t n", "table inet t { flags dormant; }", "delete table inet t",
        "table inet t"}) {
    CAPTURE(change);
    filter.load(change);
    CHECK(sensor->drain().wakes.size() == 2);
  }
  for (int i = 0; i < 50; ++i) filter.load("add chain inet t d; delete chain inet t d");
  filter.load("table ip t");
  const SensorReport report = sensor->drain();
  REQUIRE(report.wakes.size() == 2);
  CHECK(report.wakes[0].object == "inet t");
  CHECK(!report.wakes[1].object.has_value());  // more than one table
}

NAMESPACE_CASE("what traffic adds to a set wakes nobody") {
  PacketFilter filter;
  loopback_up();
  filter.load(
      table_t("set s { type inet_service; size 9; flags dynamic; }\n chain o { type filter "
              "hook output priority 0; udp dport 9999 add @s { udp dport };\n }"));
  auto sensor = std::move(*NftablesSensor::open());
  sensor->watch({{1, of_table("inet t")}});
  send_datagram(9999);
  CHECK(sensor->drain().wakes.empty());
}

NAMESPACE_CASE("lost changes are reported as lost, and later ones are heard") {
  PacketFilter filter;
  NftablesSensor sensor(std::move(*ChangeFeed::open(1)));
  sensor.watch({{1, of_table("inet t")}});
  int overflows = 0;
  constexpr int rounds = 100;
  for (int i = 0; i < rounds; ++i) {
    for (int j = 0; j < 16; ++j)
      filter.load("table inet t {\n chain c { }\n}\ndelete table inet t");
    if (sensor.drain().overflowed) ++overflows;
    filter.load("table inet t");
    const SensorReport report = sensor.drain();
    REQUIRE(!report.overflowed);
    REQUIRE(report.wakes.size() == 1);
    filter.load("delete table inet t");
    static_cast<void>(sensor.drain());
  }
  CHECK(overflows == rounds);
}

TEST_CASE("a sensor that may not hear of changes is a blind spot where a rule asks for it") {
  NftablesSensor sensor(Error{"sensor_failed", "join nf_tables' changes: Operation not permitted"});
  CHECK(sensor.fd() == -1);
  CHECK(sensor.watch({{1, Watch{"/etc/motd"}}}).empty());
  const auto blind = sensor.watch({{1, of_table("inet t")}});
  REQUIRE(blind.size() == 1);
  CHECK(blind[0] ==
        "nftables: join nf_tables' changes: Operation not permitted: tables are only swept");
  const SensorReport report = sensor.drain();
  CHECK(report.wakes.empty());
  CHECK(!report.overflowed);
}

}  // namespace
}  // namespace reeve
