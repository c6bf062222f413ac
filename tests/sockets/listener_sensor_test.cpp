#include <doctest/doctest.h>
#include <poll.h>
#include <sys/timerfd.h>

#include "agent/sensors/listeners.h"
#include "agent/sensors/sensor_limits.h"
#include "tests/fakes/fake_sockets.h"
#include "tests/sockets/sockets_world.h"

namespace reeve {
namespace {

using Watches = std::vector<std::pair<WatchId, Watch>>;

std::unique_ptr<ListenerSensor> opened(const SocketEyes& eyes) {
  auto sensor = ListenerSensor::open(eyes);
  REQUIRE(sensor.ok());
  return std::move(*sensor);
}

Watches listening(std::initializer_list<WatchId> rules) {
  Watches out{{9, Watch{.path = "/etc"}}};
  for (WatchId rule : rules)
    out.push_back({rule, Watch{.path = {}, .subject = WatchSubject::listeners}});
  return out;
}

// "3 tcp 0.0.0.0:22"; the rule alone where all of it is to be looked at.
std::vector<std::string> woken(Sensor& sensor) {
  std::vector<std::string> out;
  for (const Wake& wake : sensor.drain().wakes) {
    CHECK(wake.cause.via == "sock_diag");
    CHECK(wake.cause.confidence == Confidence::unknown);
    out.push_back(fmt::format("{} {}", wake.rule, wake.object.value_or("")));
  }
  return out;
}

using Wakes = std::vector<std::string>;

bool is_due(const Sensor& sensor, int wait_ms) {
  pollfd entry{sensor.fd(), POLLIN, 0};
  return ::poll(&entry, 1, wait_ms) == 1;
}

}  // namespace

TEST_CASE("only the transports that rules speak of are looked at") {
  FakeSockets sockets;
  const auto sensor = opened(sockets);
  const auto asking = [](WatchId rule, std::optional<Transport> transport) {
    return std::pair{rule,
                     Watch{.path = {}, .subject = WatchSubject::listeners, .transport = transport}};
  };
  sensor->watch({asking(1, Transport::tcp), asking(2, Transport::tcp)});
  sockets.add("udp 0.0.0.0:53");
  CHECK(woken(*sensor).empty());
  sensor->watch({asking(1, Transport::tcp), asking(2, Transport::udp)});
  sockets.add("udp 0.0.0.0:54");
  CHECK(woken(*sensor) == Wakes{"1 udp 0.0.0.0:54", "2 udp 0.0.0.0:54"});
  sensor->watch({asking(1, Transport::udp), asking(2, std::nullopt)});
  sockets.add("tcp 0.0.0.0:22");
  CHECK(woken(*sensor) == Wakes{"1 tcp 0.0.0.0:22", "2 tcp 0.0.0.0:22"});
}

TEST_CASE("a listener that comes or goes wakes each rule that asked, and nothing else does") {
  FakeSockets sockets;
  const Listener old = sockets.add("tcp 0.0.0.0:22");
  const auto sensor = opened(sockets);
  CHECK(sensor->watch(listening({3, 5, 3})).empty());
  CHECK(woken(*sensor).empty());
  const Listener stray = sockets.add("udp [::]:4444");
  CHECK(woken(*sensor) == Wakes{"3 udp [::]:4444", "5 udp [::]:4444"});
  CHECK(woken(*sensor).empty());
  sockets.remove(stray);
  CHECK(woken(*sensor) == Wakes{"3 udp [::]:4444", "5 udp [::]:4444"});
  sockets.remove(old);
  sockets.add("tcp 0.0.0.0:22");  // another socket of the same name
  CHECK(woken(*sensor) == Wakes{"3 tcp 0.0.0.0:22", "5 tcp 0.0.0.0:22"});
  CHECK(woken(*sensor).empty());
}

TEST_CASE("a new watch starts from what listens then") {
  FakeSockets sockets;
  const auto sensor = opened(sockets);
  sensor->watch(listening({1}));
  sockets.add("tcp 0.0.0.0:22");
  sensor->watch(listening({2}));
  CHECK(woken(*sensor).empty());
}

TEST_CASE("without a rule that asks, the sensor's clock stands still and it does not look") {
  FakeSockets sockets;
  const auto sensor = opened(sockets);
  CHECK_FALSE(is_due(*sensor, 0));
  sensor->watch(listening({1}));
  CHECK(is_due(*sensor, 10'000));
  sensor->drain();
  CHECK_FALSE(is_due(*sensor, 0));
  sensor->watch(listening({}));
  sockets.refuse("listeners", Error{"check_failed", "never asked"});
  CHECK_FALSE(sensor->drain().overflowed);
  CHECK_FALSE(is_due(*sensor, 2 * static_cast<int>(limits::listeners_poll_ns / 1'000'000)));
}

TEST_CASE("the more listeners, the longer the sensor waits, within bounds") {
  FakeSockets sockets;
  const auto sensor = opened(sockets);
  sensor->watch(listening({1}));
  const auto interval_of = [&] {
    sensor->drain();
    itimerspec setting{};
    REQUIRE(::timerfd_gettime(sensor->fd(), &setting) == 0);
    return setting.it_interval.tv_sec * 1'000'000'000 + setting.it_interval.tv_nsec;
  };
  CHECK(interval_of() == limits::listeners_poll_ns);
  for (int port = 1; port <= 300; ++port) sockets.add(fmt::format("tcp 0.0.0.0:{}", port));
  CHECK(interval_of() == 2 * limits::listeners_poll_ns);
  for (int port = 1; port <= 9'000; ++port) sockets.add(fmt::format("udp 0.0.0.0:{}", port));
  CHECK(interval_of() == limits::listeners_poll_ns_max);
}

TEST_CASE("a look that fails is a loss of events, told once, and nothing is missed after it") {
  FakeSockets sockets;
  const auto sensor = opened(sockets);
  sensor->watch(listening({1}));
  sockets.refuse("listeners", Error{"check_failed", "no answer"});
  sockets.add("tcp 0.0.0.0:4444");
  const SensorReport blind = sensor->drain();
  CHECK(blind.overflowed);
  CHECK(blind.blind_spots == Wakes{"listeners: no answer"});
  CHECK_FALSE(sensor->drain().overflowed);
  sockets.allow_all();
  CHECK(woken(*sensor) == Wakes{"1 tcp 0.0.0.0:4444"});
  sockets.refuse("listeners", Error{"check_failed", "no answer"});
  CHECK(sensor->watch(listening({1})) == Wakes{"listeners: no answer"});
  sockets.allow_all();
  CHECK(woken(*sensor) == Wakes{"1 tcp 0.0.0.0:4444"});
}

TEST_CASE("of a thousand listeners only the changed one is told, of too many changes the rule") {
  FakeSockets sockets;
  for (int port = 1; port <= 1'000; ++port) sockets.add(fmt::format("tcp 0.0.0.0:{}", port));
  const auto sensor = opened(sockets);
  sensor->watch(listening({1}));
  sockets.add("udp 0.0.0.0:5");
  CHECK(woken(*sensor) == Wakes{"1 udp 0.0.0.0:5"});
  for (int port = 1; port <= 8; ++port) sockets.add(fmt::format("udp [::1]:{}", port));
  CHECK(woken(*sensor).size() == 8);
  for (int port = 11; port <= 19; ++port) sockets.add(fmt::format("udp [::1]:{}", port));
  CHECK(woken(*sensor) == Wakes{"1 "});
}

TEST_CASE("a listener that is closed and comes back at once wakes its rule again") {
  REEVE_NEEDS_NAMESPACES("a listener that comes back to the sensor");
  auto sockets = LinuxSockets::open();
  REQUIRE(sockets.ok());
  const auto sensor = opened(**sockets);
  sensor->watch(listening({1}));
  // A port of its own choice: one that the kernel chose would be another after each listen(2).
  const Fd stray = listening_at({Transport::tcp, "127.0.0.1", 4448});
  const Wakes expected{fmt::format("1 tcp 127.0.0.1:{}", port_of(stray))};
  CHECK(woken(*sensor) == expected);
  for (int i = 0; i < 3; ++i) {
    const auto seen = listeners_at(**sockets, port_of(stray));
    REQUIRE(seen.size() == 1);
    REQUIRE((*sockets)->destroy(seen.front()).ok());
    REQUIRE((*sockets)->listeners(std::nullopt).ok());  // the look that finds it gone
    REQUIRE(listen_again(stray));
    CHECK(woken(*sensor) == expected);
    CHECK(woken(*sensor).empty());
  }
}

}  // namespace reeve
