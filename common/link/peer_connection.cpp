#include "common/link/peer_connection.h"

#include <sys/socket.h>

#include <cstring>

namespace reeve {
namespace {

// An IPv4 address stands at the beginning of the structure, with zeros behind it.
std::optional<sockaddr_in6> peer_of(int fd) {
  sockaddr_in6 peer{};
  socklen_t size = sizeof peer;
  if (fd < 0 || getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) != 0) return {};
  if (size > sizeof peer) return {};
  return peer;
}

}  // namespace

PeerConnection::PeerConnection(int fd) : fd_(fd), peer_(peer_of(fd)) {}

void PeerConnection::shut_down() const {
  const auto now = peer_of(fd_);
  if (!peer_ || !now || std::memcmp(&*peer_, &*now, sizeof *now) != 0) return;
  shutdown(fd_, SHUT_RDWR);
}

}  // namespace reeve
