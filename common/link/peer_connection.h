// The TCP connection behind a session of libzmq, which has no call that ends one. libzmq's own
// descriptor is only borrowed: libzmq closes it when it likes, and another connection may then have
// its number. So the peer's address is kept beside it and compared first.
#pragma once

#include <netinet/in.h>

#include <optional>

namespace reeve {

class PeerConnection {
 public:
  // A descriptor that is not connected over IP (any more) makes one that never does anything.
  explicit PeerConnection(int fd);
  // shutdown(2) both ways where it is still the same connection: libzmq then sees it end.
  void shut_down() const;

 private:
  int fd_;
  std::optional<sockaddr_in6> peer_;
};

}  // namespace reeve
