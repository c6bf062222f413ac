// What the launcher's tests start in the courier's place: it tells over descriptor 3 how it was
// started (arguments, environment, open descriptors), then sends back what it is sent.
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>

namespace {

std::string open_descriptors() {
  std::string list;
  for (int fd = 0; fd < 1'024; ++fd) {
    if (lseek(fd, 0, SEEK_CUR) >= 0 || errno != EBADF) list += fmt::format(" {}", fd);
  }
  return list;
}

}  // namespace

int main(int argc, char** argv) {
  std::string report;
  for (int i = 0; i < argc; ++i) report += fmt::format("[{}]", argv[i]);
  report += environ == nullptr || environ[0] == nullptr ? " clean" : " dirty";
  report += open_descriptors();
  if (send(3, report.data(), report.size(), MSG_NOSIGNAL) < 0) return 1;
  std::array<char, 256> buffer{};
  while (true) {
    pollfd ready{3, POLLIN, 0};
    poll(&ready, 1, -1);
    const ssize_t got = recv(3, buffer.data(), buffer.size(), 0);
    if (got <= 0) return 0;
    if (send(3, buffer.data(), static_cast<std::size_t>(got), MSG_NOSIGNAL) < 0) return 1;
  }
}
