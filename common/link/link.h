// The link seam: bounded messages between a controller and peers that are public keys, never names.
// Delivery is not promised by any implementation; callers acknowledge and send again. No zmq here:
// zmq_link.h has the real ones, tests/fakes the others.
#pragma once

#include <functional>
#include <memory>

#include "common/seal.h"

namespace reeve {

// One listening endpoint of the controller. Every message comes with the key that the transport
// authenticated; whoever receives it asks the registry again (a live session survives a change).
class ServerLink {
 public:
  virtual ~ServerLink() = default;
  // False when the message was dropped: the peer is not connected, or its queue is full.
  virtual bool send(const TransportKey& peer, ByteView message) = 0;
  struct Incoming {
    TransportKey peer;
    Bytes message;
    std::string source{};  // the peer's address as numbers, without a port; may be empty
  };
  // Absent when nothing waits. Messages beyond limits::message_bytes_max never appear.
  virtual std::optional<Incoming> receive() = 0;
  // Ends every session of this peer that is known here, at once. It may try to come back: whether
  // it is admitted is asked again then.
  virtual void close(const TransportKey& peer) = 0;
};

// One connection to a controller.
class ClientLink {
 public:
  virtual ~ClientLink() = default;
  virtual bool send(ByteView message) = 0;
  virtual std::optional<Bytes> receive() = 0;
};

}  // namespace reeve
