// Looks and acts inside the deciding process's sandbox, and what a long life costs.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <functional>

#include "agent/netfilter/forked_room.h"
#include "agent/netfilter/netfilter_limits.h"
#include "agent/sandbox.h"
#include "agent/sensors/nftables.h"
#include "own_namespace.h"

namespace reeve {
namespace {

using namespace fixture;

constexpr int died = 254;

int in_child(const std::function<int()>& body) {
  const pid_t pid = fork();
  REQUIRE(pid >= 0);
  if (pid == 0) _exit(body());
  int status = 0;
  waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : died;
}

const std::string text = table_t(
    "set s { type ipv4_addr; flags interval; elements = { 10.0.0.0/8 }; }\n chain in { type filter "
    "hook input priority 0; ip saddr @s tcp dport { 22, 80 } counter accept comment \"x\"\n }");
const std::string again = "table inet t\ndelete table inet t\n" + text;

long resident_pages() {
  const Fd file(open("/proc/self/statm", O_RDONLY | O_CLOEXEC));
  std::array<char, 128> words{};
  REQUIRE(read(file.get(), words.data(), words.size() - 1) > 0);
  long size = 0;
  long resident = 0;
  char* rest = words.data();
  size = strtol(rest, &rest, 10);
  resident = strtol(rest, &rest, 10);
  return size > 0 ? resident : 0;
}

NAMESPACE_CASE("looks, acts, listings and the sensor work once the process is sealed") {
  PacketFilter filter;
  const auto outcome = in_child([] {
    auto ruleset = std::move(*LinuxRuleset::open(std::make_unique<ForkedRoom>()));
    auto sensor = std::move(*NftablesSensor::open());
    Watch watch;
    watch.path = "inet t";
    watch.subject = WatchSubject::ruleset;
    sensor->watch({{1, watch}});
    const auto wanted = ruleset->canonical_table({inet_t, text}, {});
    if (!wanted.ok() || !seal_deciding_process().ok()) return 1;
    if (!ruleset->apply(text).ok()) return 2;
    // More than one libnftables context: each next one is made in the sandbox.
    for (int i = 0; i < 2 * limits::nft_runs_max; ++i)
      if (!ruleset->apply(again).ok()) return 3;
    const auto found = ruleset->table(inet_t, {});
    if (!found.ok() || !*found || **found != *wanted) return 4;
    if (!ruleset->chain(inet_t, "in").ok()) return 5;
    if (!ruleset->listing(inet_t).ok()) return 6;
    if (sensor->drain().wakes.size() != 1) return 7;
    // What was tried before is remembered; what was not cannot be, for there is no fork.
    if (!ruleset->canonical_table({inet_t, text}, {}).ok()) return 8;
    const auto other = ruleset->canonical_table({inet_t, "table inet t { }"}, {});
    return !other.ok() && other.error().name == "scratch_failed" ? 0 : 9;
  });
  CHECK(outcome == 0);
}

NAMESPACE_CASE("ten thousand acts and looks need no more memory than a thousand") {
  PacketFilter filter;
  auto ruleset = std::move(*LinuxRuleset::open(std::make_unique<ForkedRoom>()));
  long after_some = 0;
  for (int i = 0; i < 10'000; ++i) {
    REQUIRE(ruleset->apply(again).ok());
    if (i % 10 == 0) REQUIRE(ruleset->table(inet_t, {}).ok());
    if (i == 1'999) after_some = resident_pages();
  }
  CHECK(resident_pages() < after_some + 512);  // 2 MiB
}

NAMESPACE_CASE("a rest gives back what libnftables keeps of each table, and acts go on") {
  PacketFilter filter;
  auto ruleset = std::move(*LinuxRuleset::open(std::make_unique<ForkedRoom>()));
  for (int i = 0; i < 8; ++i) {
    const std::string table = fmt::format("table inet t{} {{ chain a {{ counter drop; }}; }}", i);
    REQUIRE(ruleset->apply(table).ok());
  }
  const long before = resident_pages();
  ruleset->rest();
  CHECK(resident_pages() < before - 128);  // 512 KiB
  REQUIRE(ruleset->apply(again).ok());
  CHECK(ruleset->table(inet_t, {})->has_value());
}

}  // namespace
}  // namespace reeve
