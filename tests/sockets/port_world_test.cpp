// The kind `port` against real sockets and processes, seen by the real host.
#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/kind.h"
#include "agent/linux_host.h"
#include "agent/netfilter/forked_room.h"
#include "agent/netfilter/linux_ruleset.h"
#include "tests/sockets/sockets_world.h"

namespace reeve {
namespace {

std::unique_ptr<LinuxHost> host_with_network() {
  auto network = LinuxHost::no_network();
  auto sockets = LinuxSockets::open();
  REQUIRE(sockets.ok());
  network.sockets = std::move(*sockets);
  auto ruleset = LinuxRuleset::open(std::make_unique<ForkedRoom>());
  REQUIRE(ruleset.ok());
  network.ruleset = std::move(*ruleset);
  auto host = LinuxHost::open("/", std::move(network));
  REQUIRE(host.ok());
  return std::move(*host);
}

// Whether a datagram comes through; over the loopback interface that is decided at once.
bool is_reached(const Fd& listener) {
  const Fd client(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  REQUIRE(connect_to(client, {Transport::udp, "127.0.0.1", port_of(listener)}));
  REQUIRE(::send(client.get(), "?", 1, 0) == 1);
  char got = 0;
  return ::recv(listener.get(), &got, 1, MSG_DONTWAIT) == 1;
}

// Only what /usr/bin/sleep holds may listen on this port.
std::unique_ptr<Resource> only_sleep_at(std::uint16_t port, const char* action) {
  const Value::Array ports{std::to_string(port)};
  Rule rule;
  rule.id = "only-sleep";
  rule.kind = "port";
  rule.fields = Value(Value::Map{
      {"allow", Value::Array{Value::Map{{"ports", ports}, {"program", "/usr/bin/sleep"}}}},
      {"protocol", "tcp"},
      {"ports", ports},
      {"actions", Value::Array{action}}});
  auto bound = bind_rule(rule);
  REQUIRE_MESSAGE(bound.ok(), (bound.ok() ? "" : bound.error().detail));
  return std::move(*bound);
}

CheckResult checked(const Resource& rule, const Eyes& eyes) {
  auto result = rule.check(eyes, {});
  REQUIRE_MESSAGE(result.ok(), (result.ok() ? "" : result.error().detail));
  return *result;
}

void hold_with(TestProcess& child, const Place& place, const char* program) {
  child.start([&] {
    const Fd socket = listening_at(place, Sharing::reuse_port);
    child.execute_holding(socket.get(), program);
  });
  child.wait_until_executed();
}

}  // namespace

TEST_CASE("port on a real host: a blocked listener is not reached, and its block goes with it") {
  REEVE_NEEDS_NAMESPACES("blocking real listeners");
  const auto host = host_with_network();
  Fd stray = listening_at({Transport::udp, "0.0.0.0"});
  const Fd neighbour = listening_at({Transport::udp, "0.0.0.0"});
  REQUIRE(is_reached(stray));
  Rule rule;
  rule.id = "no-stray";
  rule.kind = "port";
  rule.fields = Value(Value::Map{{"allow", Value::Array{}},
                                 {"ports", Value::Array{std::to_string(port_of(stray))}},
                                 {"actions", Value::Array{"block"}}});
  const auto bound = bind_rule(rule);
  REQUIRE(bound.ok());
  const CheckResult found = checked(**bound, *host);
  REQUIRE(found.deviations.size() == 1);
  const auto blocked = (*bound)->fix(found.deviations[0], *host, *host);
  REQUIRE_MESSAGE(blocked.ok(), (blocked.ok() ? "" : blocked.error().detail));
  CHECK(checked(**bound, *host).holds());
  CHECK_FALSE(is_reached(stray));
  CHECK(is_reached(neighbour));
  stray = Fd();
  const CheckResult left = checked(**bound, *host);
  REQUIRE(left.deviations.size() == 1);
  CHECK(left.deviations[0].found == "a block is left over");
  CHECK((*bound)->fix(left.deviations[0], *host, *host).ok());
  CHECK(checked(**bound, *host).holds());
  const auto table = host->ruleset().table({"inet", "reeve_port_block"}, {});
  CHECK((table.ok() && !table->has_value()));
}

TEST_CASE("port on a real host: the allowed program holds, another beside it is closed alone") {
  REEVE_NEEDS_NAMESPACES("port against real listeners");
  const auto host = host_with_network();
  const Place place{Transport::tcp, "0.0.0.0", 4446};
  TestProcess allowed;
  hold_with(allowed, place, "/usr/bin/sleep");
  const auto rule = only_sleep_at(place.port, "close");
  CHECK(checked(*rule, *host).holds());
  CHECK(checked(*rule, *host).objects == 1);
  const Fd stray = listening_at(place, Sharing::reuse_port);
  const CheckResult found = checked(*rule, *host);
  REQUIRE(found.deviations.size() == 1);
  REQUIRE(found.deviations[0].culprit.has_value());
  CHECK(found.deviations[0].culprit->pid == static_cast<std::uint64_t>(::getpid()));
  CHECK(found.deviations[0].culprit->confidence == Confidence::certain);
  CHECK(rule->fix(found.deviations[0], *host, *host).ok());
  CHECK(checked(*rule, *host).holds());
  CHECK(listeners_at(host->sockets(), place.port).size() == 1);
  CHECK(can_connect({Transport::tcp, "127.0.0.1", place.port}));
  // It comes back on the same socket, and is found and closed again.
  REQUIRE(listen_again(stray));
  const CheckResult again = checked(*rule, *host);
  REQUIRE(again.deviations.size() == 1);
  CHECK(rule->fix(again.deviations[0], *host, *host).ok());
  CHECK(checked(*rule, *host).holds());
}

TEST_CASE("port on a real host: a program in another's clothes is a stray, and is ended") {
  REEVE_NEEDS_NAMESPACES("port against a dressed-up program");
  const auto host = host_with_network();
  const Place place{Transport::tcp, "127.0.0.1", 4447};
  const OwnProgram coat("/usr/bin/sleep");
  TestProcess dressed;
  dressed.start([&] {
    const Fd socket = listening_at(place);
    const int failed = wear(coat.path().c_str(), "/usr/bin/sleep");
    if (failed != 0) ::_exit(failed);
    dressed.execute_holding(socket.get(), "/usr/bin/sleep");
  });
  dressed.wait_until_executed();
  if (!dressed.is_running() && dressed.wait() == no_mount_namespace) {
    fmt::print("SKIP port against a dressed-up program: no mount namespace for a user\n");
    return;
  }
  const auto rule = only_sleep_at(place.port, "terminate");
  const CheckResult found = checked(*rule, *host);
  REQUIRE(found.deviations.size() == 1);
  REQUIRE(found.deviations[0].culprit.has_value());
  CHECK(found.deviations[0].culprit->program == "/usr/bin/sleep");
  const auto done = rule->fix(found.deviations[0], *host, *host);
  // The socket was opened by root before it became nobody: root's are root's to hand on.
  CHECK_MESSAGE(done.ok(), (done.ok() ? "" : done.error().detail));
  CHECK(dressed.wait() == -1);
  CHECK(checked(*rule, *host).holds());
}

}  // namespace reeve
