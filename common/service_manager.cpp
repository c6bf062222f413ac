#include "common/service_manager.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <string_view>

#include "common/fd.h"

namespace reeve {
namespace {

void notify(std::string_view state) {
  const char* named = std::getenv("NOTIFY_SOCKET");
  if (named == nullptr) return;
  const std::string_view path(named);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() < 2 || path.size() >= sizeof address.sun_path) return;
  std::ranges::copy(path, address.sun_path);
  if (path.front() == '@') address.sun_path[0] = '\0';  // the abstract namespace, unix(7)
  const Fd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket.is_open()) return;
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
  static_cast<void>(::sendto(socket.get(), state.data(), state.size(), MSG_NOSIGNAL,
                             reinterpret_cast<const sockaddr*>(&address), size));
}

std::optional<std::int64_t> number_in(const char* variable) {
  const char* text = std::getenv(variable);
  if (text == nullptr) return std::nullopt;
  const std::string_view digits(text);
  std::int64_t number = 0;
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (read.ec != std::errc{} || read.ptr != digits.data() + digits.size()) return std::nullopt;
  return number;
}

}  // namespace

void notify_ready() { notify("READY=1"); }
void notify_alive() { notify("WATCHDOG=1"); }

std::optional<std::int64_t> watchdog_interval_ns() {
  const auto interval_us = number_in("WATCHDOG_USEC");
  if (!interval_us || *interval_us <= 0 || *interval_us > 86'400'000'000) return std::nullopt;
  if (std::getenv("WATCHDOG_PID") != nullptr && number_in("WATCHDOG_PID") != ::getpid())
    return std::nullopt;
  return *interval_us * 1'000 / 2;
}

}  // namespace reeve
