#include "common/link/curve_socket.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cerrno>

#include "common/limits.h"
#include "common/link/link_limits.h"
#include "common/text.h"

namespace reeve {
namespace {

constexpr std::int64_t ns_per_ms = 1'000'000;

bool is_ipv4_number(const std::string& host) {
  in_addr parsed{};
  return inet_pton(AF_INET, host.c_str(), &parsed) == 1;
}

// True when a frame was read. A signal is no reason to lose one.
bool receive_frame(zmq::socket_t& socket, zmq::message_t& frame) {
  while (true) {
    try {
      return socket.recv(frame, zmq::recv_flags::dontwait).has_value();
    } catch (const zmq::error_t& error) {
      if (error.num() != EINTR) throw;
    }
  }
}

void drop_rest(zmq::socket_t& socket, zmq::message_t& last) {
  while (last.more() && receive_frame(socket, last)) continue;
}

}  // namespace

void set_common_options(zmq::socket_t& socket, const std::string& host) {
  const int queue = static_cast<int>(limits::link_queue_messages_max);
  socket.set(zmq::sockopt::sndhwm, queue);
  socket.set(zmq::sockopt::rcvhwm, queue);
  socket.set(zmq::sockopt::maxmsgsize,
             static_cast<std::int64_t>(limits::message_bytes_max + limits::link_curve_bytes));
  socket.set(zmq::sockopt::linger, 0);
  socket.set(zmq::sockopt::handshake_ivl, limits::link_handshake_ms);
  socket.set(zmq::sockopt::heartbeat_ivl, limits::link_heartbeat_ms);
  socket.set(zmq::sockopt::heartbeat_timeout, limits::link_silence_ms);
  socket.set(zmq::sockopt::heartbeat_ttl, limits::link_silence_ms);
  // An IPv4 number stays IPv4, so that addresses are shown as they were written; everything else
  // may be either.
  socket.set(zmq::sockopt::ipv6, !is_ipv4_number(host));
}

std::optional<Framed> receive_framed(zmq::socket_t& socket, Heads heads) {
  Framed framed;
  zmq::message_t frame;
  if (!receive_frame(socket, frame)) return std::nullopt;
  if (heads == Heads::routing_id) {
    framed.head = frame.to_string();
    if (!frame.more() || !receive_frame(socket, frame)) return framed;
  }
  const bool whole = !frame.more() && frame.size() <= limits::message_bytes_max;
  if (whole) {
    const auto* data = frame.data<std::uint8_t>();
    framed.body.assign(data, data + frame.size());
    // Read by the C call: cppzmq's gets() throws where a message has no such property.
    if (const char* user = zmq_msg_gets(frame.handle(), "User-Id")) framed.user_id = user;
    if (const char* from = zmq_msg_gets(frame.handle(), "Peer-Address")) framed.source = from;
    framed.fd = zmq_msg_get(frame.handle(), ZMQ_SRCFD);
  }
  drop_rest(socket, frame);
  return framed;
}

bool poll_items(std::vector<zmq::pollitem_t>& items, std::int64_t timeout_ns) {
  const std::int64_t ms = (std::max<std::int64_t>(timeout_ns, 0) + ns_per_ms - 1) / ns_per_ms;
  try {
    zmq::poll(items, std::chrono::milliseconds(ms));
    return true;
  } catch (const zmq::error_t& error) {
    if (error.num() != EINTR) throw;
    for (auto& item : items) item.revents = 0;
    return false;
  }
}

Error address_error(const std::string& address, int zmq_errno) {
  if (zmq_errno == EADDRINUSE) {
    return Error{"address_in_use", printable(address) + ": another program listens there",
                 "stop it, or choose another port", zmq_errno};
  }
  return Error{
      "address_unusable", printable(address) + ": " + zmq_strerror(zmq_errno), {}, zmq_errno};
}

}  // namespace reeve
