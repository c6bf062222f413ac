// The agent's end of its courier: whole messages of at most limits::message_bytes_max
// (common/wire.h), dropped rather than waited for. All that comes in is as if an attacker had
// written it.
#pragma once

#include "common/bytes.h"
#include "common/fd.h"

namespace reeve {

class CourierPort {
 public:
  virtual ~CourierPort() = default;
  // False when there is no courier or its socket is full: to be tried again later.
  virtual bool send(ByteView message) = 0;
  // Absent when nothing waits.
  virtual std::optional<Bytes> receive() = 0;
};

// Over the SOCK_SEQPACKET pair that the launcher hands over; without one until connect().
class SocketCourierPort final : public CourierPort {
 public:
  void connect(Fd socket) { socket_ = std::move(socket); }
  int fd() const { return socket_.get(); }  // -1 without a courier
  bool send(ByteView message) override;
  std::optional<Bytes> receive() override;

 private:
  Fd socket_;
};

}  // namespace reeve
