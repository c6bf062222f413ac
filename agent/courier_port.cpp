#include "agent/courier_port.h"

#include <sys/socket.h>

#include <cerrno>

#include "common/limits.h"

namespace reeve {

bool SocketCourierPort::send(ByteView message) {
  if (!socket_.is_open()) return false;
  const auto sent =
      ::send(socket_.get(), message.data(), message.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) socket_ = Fd{};
  return sent >= 0;
}

// A message beyond the limit ends the connection: no courier of ours sends one.
std::optional<Bytes> SocketCourierPort::receive() {
  if (!socket_.is_open()) return std::nullopt;
  // Its size first: most often there is none, and this is asked in every round of the loop.
  auto got = ::recv(socket_.get(), nullptr, 0, MSG_DONTWAIT | MSG_TRUNC | MSG_PEEK);
  if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return std::nullopt;
  if (got <= 0 || static_cast<std::size_t>(got) > limits::message_bytes_max) {
    socket_ = Fd{};
    return std::nullopt;
  }
  Bytes message(static_cast<std::size_t>(got));
  got = ::recv(socket_.get(), message.data(), message.size(), MSG_DONTWAIT);
  return message;
}

}  // namespace reeve
