// What ZmqServer and ZmqClient share: the bounds that every socket of ours has, and the few calls
// of libzmq that need care. Internal to this folder, the only one that may include zmq.
#pragma once

#include <optional>
#include <zmq.hpp>

#include "common/link/link.h"

namespace reeve {

// Bounded queues and messages, heartbeats, no lingering; to be called before bind or connect.
void set_common_options(zmq::socket_t& socket, const std::string& host);

// One message of `head` frames and one body. Absent when none waits; a message of another shape is
// read to its end, dropped, and shows as an empty body.
struct Framed {
  std::string head;  // the routing id that a ROUTER puts in front; empty for a DEALER
  std::string user_id;
  std::string source;  // the peer's address as numbers
  int fd = -1;         // of the connection that it came by
  Bytes body;
};
enum class Heads { none, routing_id };
std::optional<Framed> receive_framed(zmq::socket_t& socket, Heads heads);

// zmq::poll with nanoseconds, rounded up so that it never spins; false when a signal came first.
bool poll_items(std::vector<zmq::pollitem_t>& items, std::int64_t timeout_ns);

// The Error for an exception of cppzmq about an address.
Error address_error(const std::string& address, int zmq_errno);

}  // namespace reeve
