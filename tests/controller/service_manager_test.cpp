#include "controller/service_manager.h"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstdlib>
#include <cstring>

#include "common/fd.h"
#include "tests/fakes/temporary_directory.h"

namespace reeve {
namespace {

struct NotifySocket {
  explicit NotifySocket(const std::string& path) { ::setenv("NOTIFY_SOCKET", path.c_str(), 1); }
  NotifySocket(const NotifySocket&) = delete;
  NotifySocket& operator=(const NotifySocket&) = delete;
  ~NotifySocket() { ::unsetenv("NOTIFY_SOCKET"); }
};

TEST_CASE("the service manager is told over the socket that it names") {
  const TemporaryDirectory directory;
  const auto path = directory.path() + "/notify";
  const Fd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  REQUIRE(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  const NotifySocket named(path);
  REQUIRE(notify_service_manager("READY=1").ok());
  char text[32] = {};
  const auto size = ::recv(socket.get(), text, sizeof text, MSG_DONTWAIT);
  REQUIRE(size > 0);
  CHECK(std::string_view(text, static_cast<std::size_t>(size)) == "READY=1");
}

TEST_CASE("without a service manager nothing is told, and a bad name is refused") {
  CHECK(notify_service_manager("READY=1").ok());
  for (const auto& name : {std::string("relative"), "/" + std::string(200, 'x')}) {
    const NotifySocket named(name);
    const auto told = notify_service_manager("READY=1");
    REQUIRE_FALSE(told.ok());
    CHECK(told.error().name == "notify_failed");
  }
  const NotifySocket missing("/nonexistent/notify");
  CHECK(notify_service_manager("READY=1").error().os_errno == ENOENT);
}

}  // namespace
}  // namespace reeve
