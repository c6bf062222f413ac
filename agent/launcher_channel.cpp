// Both sides of the channel between launcher and deciding process: one byte upwards says "alive",
// one byte downwards carries the end of a new courier's pair (SCM_RIGHTS, unix(7)).
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "agent/launcher.h"
#include "agent/launcher_process.h"

namespace reeve {
namespace {

constexpr char alive = 'A';
constexpr char courier = 'C';

// Room for the one descriptor that a message carries, aligned as cmsg(3) asks.
struct Ancillary {
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> bytes{};
};

msghdr header_for(iovec& body, Ancillary& ancillary) {
  msghdr message{};
  message.msg_iov = &body;
  message.msg_iovlen = 1;
  message.msg_control = ancillary.bytes.data();
  message.msg_controllen = ancillary.bytes.size();
  return message;
}

Fd descriptor_in(msghdr& message) {
  const cmsghdr* part = CMSG_FIRSTHDR(&message);
  if (part == nullptr || part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) {
    return Fd();
  }
  int fd = -1;
  std::memcpy(&fd, CMSG_DATA(part), sizeof fd);
  return Fd(fd);
}

}  // namespace

std::optional<Fd> LauncherChannel::receive_courier() {
  std::optional<Fd> newest;
  while (true) {
    char kind = 0;
    iovec body{&kind, 1};
    Ancillary ancillary;
    msghdr message = header_for(body, ancillary);
    const ssize_t got = recvmsg(socket_.get(), &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return newest;
    if (Fd fd = descriptor_in(message); fd.is_open()) newest = std::move(fd);
  }
}

void LauncherChannel::report_alive() {
  // A full queue means that many reports wait already; a dead launcher takes this process along.
  static_cast<void>(::send(socket_.get(), &alive, 1, MSG_DONTWAIT | MSG_NOSIGNAL));
}

bool take_alive_reports(int channel) {
  bool any = false;
  std::array<char, 16> report{};
  while (recv(channel, report.data(), report.size(), MSG_DONTWAIT) > 0) any = true;
  return any;
}

bool send_courier(int channel, const Fd& end) {
  char kind = courier;
  iovec body{&kind, 1};
  Ancillary ancillary;
  msghdr message = header_for(body, ancillary);
  cmsghdr* part = CMSG_FIRSTHDR(&message);
  part->cmsg_level = SOL_SOCKET;
  part->cmsg_type = SCM_RIGHTS;
  part->cmsg_len = CMSG_LEN(sizeof(int));
  const int fd = end.get();
  std::memcpy(CMSG_DATA(part), &fd, sizeof fd);
  return sendmsg(channel, &message, MSG_DONTWAIT | MSG_NOSIGNAL) == 1;
}

}  // namespace reeve
