// The one gate to libzmq: CURVE servers and clients for link.h's seam. ZAP (ZeroMQ RFC 27) runs
// inside wait(), on the caller's thread, and admits only keys that the endpoint's owner knows;
// the ZAP user id carries the key with every message. Linked by courier, controller and reeve,
// never by the agent.
#pragma once

#include "common/limits.h"
#include "common/link/link.h"

namespace reeve {

struct ServerEndpoint {
  std::string address;  // "tcp://ADDR:PORT"; port 0 or * lets the kernel choose
  std::string domain;   // ZAP domain, such as "nodes" or "operators"
  std::function<bool(const TransportKey&)> admits;            // asked at each new connection
  std::size_t message_bytes_max = limits::message_bytes_max;  // a longer one ends its connection
  std::size_t peers_max = limits::nodes_max;                  // that can be answered at once
};

// All endpoints of one controller, sharing one CURVE key and one ZAP handler.
class ZmqServer {
 public:
  // Errors: `address_unusable` (with what is wrong), `address_in_use`.
  static Result<std::unique_ptr<ZmqServer>> create(const Secret& transport_secret,
                                                   std::vector<ServerEndpoint> endpoints);
  virtual ~ZmqServer() = default;
  virtual ServerLink& endpoint(std::size_t index) = 0;
  virtual std::string bound_address(std::size_t index) const = 0;  // with the real port
  // Serves ZAP; returns when a message waits, extra_fd is readable (-1: none) or time is up.
  virtual void wait(std::int64_t timeout_ns, int extra_fd) = 0;
};

class ZmqClient : public ClientLink {
 public:
  // Connects in the background and again after losses, with jittered backoff (100 ms to 10 s).
  // `address` may be numeric only when resolved beforehand. Error: `address_unusable`.
  static Result<std::unique_ptr<ZmqClient>> connect(const std::string& address,
                                                    const TransportKey& server,
                                                    const TransportKey& own, const Secret& secret);
  // Returns when a message or a change of connection waits, extra_fd is readable or time is up.
  virtual void wait(std::int64_t timeout_ns, int extra_fd) = 0;
  // True from a completed CURVE handshake to the loss of that connection (socket monitor).
  virtual bool connected() const = 0;
};

// "tcp://HOST:PORT" with HOST resolved to numbers, every alternative in the resolver's order. To be
// called before a sandbox forbids it. Errors: `address_unusable`, `name_not_found`.
Result<std::vector<std::string>> resolve_address(const std::string& address);

}  // namespace reeve
