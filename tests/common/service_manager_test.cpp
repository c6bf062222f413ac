#include "common/service_manager.h"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "common/fd.h"
#include "tests/fakes/temporary_directory.h"

namespace reeve {
namespace {

struct Variable {
  const char* name;
  Variable(const char* variable, const std::string& value) : name(variable) {
    ::setenv(name, value.c_str(), 1);
  }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;
  ~Variable() { ::unsetenv(name); }
};

std::string waiting_at(const Fd& socket) {
  char text[32] = {};
  const auto size = ::recv(socket.get(), text, sizeof text, MSG_DONTWAIT);
  return size < 0 ? "" : std::string(text, static_cast<std::size_t>(size));
}

TEST_CASE("the service manager is told over the socket that it names") {
  const TemporaryDirectory directory;
  const auto path = directory.path() + "/notify";
  const Fd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  REQUIRE(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  const Variable named("NOTIFY_SOCKET", path);
  notify_ready();
  CHECK(waiting_at(socket) == "READY=1");
  notify_alive();
  CHECK(waiting_at(socket) == "WATCHDOG=1");
}

TEST_CASE("the abstract namespace is understood as well") {
  const Fd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string name = fmt::format("reeve-test-{}", ::getpid());
  std::memcpy(address.sun_path + 1, name.data(), name.size());
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  REQUIRE(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), size) == 0);
  const Variable named("NOTIFY_SOCKET", "@" + name);
  notify_ready();
  CHECK(waiting_at(socket) == "READY=1");
}

TEST_CASE("without a service manager or with a bad name nothing happens") {
  notify_ready();
  for (const auto& name : {std::string("/"), "/" + std::string(200, 'x'),
                           std::string("/nonexistent/notify"), std::string()}) {
    const Variable named("NOTIFY_SOCKET", name);
    notify_ready();
  }
}

TEST_CASE("the watchdog is answered twice as often as it asks, by the process that it means") {
  CHECK_FALSE(watchdog_interval_ns());
  const Variable interval("WATCHDOG_USEC", "60000000");
  CHECK(watchdog_interval_ns() == 30'000'000'000);
  {
    const Variable pid("WATCHDOG_PID", std::to_string(::getpid()));
    CHECK(watchdog_interval_ns() == 30'000'000'000);
  }
  const Variable pid("WATCHDOG_PID", std::to_string(::getpid() + 1));
  CHECK_FALSE(watchdog_interval_ns());
}

TEST_CASE("an interval that is no number or beyond a day is none") {
  for (const char* text : {"", "0", "-5", "6s", "86400000001", "99999999999999999999"}) {
    const Variable interval("WATCHDOG_USEC", text);
    CHECK_FALSE(watchdog_interval_ns());
  }
}

}  // namespace
}  // namespace reeve
