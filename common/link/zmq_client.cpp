// ZmqClient: one DEALER at a time, CURVE, watched through its monitor.
//
// Reconnecting is ours: libzmq jitters by no more than its shortest delay, which would bring ten
// thousand hosts back in step, and it gives up for good after a denied handshake. Each attempt is a
// new socket; one that is lost keeps what it received until the next attempt replaces it.
#include <cstring>

#include <fmt/format.h>

#include "common/clock.h"
#include "common/limits.h"
#include "common/link/address.h"
#include "common/link/curve_socket.h"
#include "common/link/link_limits.h"
#include "common/link/zmq_link.h"

namespace reeve {
namespace {

zmq::const_buffer key_buffer(const FixedBytes<32>& key) {
  return zmq::const_buffer(key.data.data(), key.size());
}

// The socket of one attempt and its monitor.
struct Attempt {
  zmq::socket_t socket;
  zmq::socket_t monitor;
};

class CurveClient final : public ZmqClient {
 public:
  CurveClient(std::string address, std::string host, const TransportKey& server,
              const TransportKey& own, const Secret& secret)
      : address_(std::move(address)),
        host_(std::move(host)),
        server_(server),
        own_(own),
        secret_(secret.bytes()) {
    context_.set(zmq::ctxopt::blocky, 0);
  }

  Status start() {
    try {
      attempt();
      return {};
    } catch (const zmq::error_t& error) {
      return address_error(address_, error.num());
    }
  }

  bool send(ByteView message) override {
    if (!connected() || message.size() > limits::message_bytes_max) return false;
    if (try_send(message)) return true;
    // A connection that was made just now is known to the monitor before it is known to the
    // socket, which looks at its commands only now and then while it sends. Asking makes it look.
    static_cast<void>(current_->socket.get(zmq::sockopt::events));
    refused_ = !try_send(message);
    return !refused_;
  }

  std::optional<Bytes> receive() override {
    for (std::size_t drop = 0; drop < limits::link_drops_max && current_; ++drop) {
      auto framed = receive_framed(current_->socket, Heads::none);
      if (!framed) return std::nullopt;
      if (!framed->body.empty()) return std::move(framed->body);
    }
    return std::nullopt;
  }

  void wait(std::int64_t timeout_ns, int extra_fd) override {
    const std::int64_t deadline = clock_.monotonic_ns() + timeout_ns;
    while (true) {
      const std::int64_t now = clock_.monotonic_ns();
      if (state_ == State::waiting && now >= next_attempt_ns_) attempt();
      std::int64_t until = deadline;
      if (state_ == State::waiting) until = std::min(until, next_attempt_ns_);
      auto items = poll_list(extra_fd);
      if (!poll_items(items, until - now)) return;
      const bool changed = items[0].revents != 0 && take_events();
      if ((items[1].revents & ZMQ_POLLOUT) != 0) refused_ = false;
      const bool fd_ready = items.size() > 2 && items[2].revents != 0;
      if (changed || items[1].revents != 0 || fd_ready || now >= deadline) return;
    }
  }

  bool connected() const override { return state_ == State::connected; }

 private:
  enum class State { waiting, connecting, connected };

  void attempt() {
    current_.reset();
    refused_ = false;
    zmq::socket_t socket(context_, zmq::socket_type::dealer);
    set_common_options(socket, host_);
    socket.set(zmq::sockopt::curve_serverkey, key_buffer(server_));
    socket.set(zmq::sockopt::curve_publickey, key_buffer(own_));
    socket.set(zmq::sockopt::curve_secretkey, key_buffer(secret_.bytes()));
    socket.set(zmq::sockopt::immediate, true);     // nothing is queued for a connection to come
    socket.set(zmq::sockopt::probe_router, true);  // the server learns the route at once
    socket.set(zmq::sockopt::reconnect_ivl, -1);
    socket.set(zmq::sockopt::connect_timeout, limits::link_connect_ms);
    const std::string name = fmt::format("inproc://monitor-{}", ++attempts_);
    if (zmq_socket_monitor(socket.handle(), name.c_str(), watched_events) != 0) {
      throw zmq::error_t();
    }
    zmq::socket_t monitor(context_, zmq::socket_type::pair);
    monitor.set(zmq::sockopt::linger, 0);
    monitor.connect(name);
    socket.connect(address_);
    current_ = Attempt{std::move(socket), std::move(monitor)};
    state_ = State::connecting;
  }

  bool try_send(ByteView message) {
    try {
      return current_->socket
          .send(zmq::buffer(message.data(), message.size()), zmq::send_flags::dontwait)
          .has_value();
    } catch (const zmq::error_t&) {
      return false;
    }
  }

  std::vector<zmq::pollitem_t> poll_list(int extra_fd) {
    const short wanted = static_cast<short>(refused_ ? ZMQ_POLLIN | ZMQ_POLLOUT : ZMQ_POLLIN);
    std::vector<zmq::pollitem_t> items;
    items.push_back({current_->monitor.handle(), 0, ZMQ_POLLIN, 0});
    items.push_back({current_->socket.handle(), 0, wanted, 0});
    if (extra_fd >= 0) items.push_back({nullptr, extra_fd, ZMQ_POLLIN, 0});
    return items;
  }

  // True when connected() has changed.
  bool take_events() {
    const bool before = connected();
    zmq::message_t frame;
    while (current_->monitor.recv(frame, zmq::recv_flags::dontwait)) {
      std::uint16_t event = 0;
      if (frame.size() >= sizeof event) std::memcpy(&event, frame.data(), sizeof event);
      while (frame.more() && current_->monitor.recv(frame, zmq::recv_flags::dontwait)) continue;
      note(event);
    }
    return connected() != before;
  }

  void note(std::uint16_t event) {
    if (event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED) {
      state_ = State::connected;
      delay_ns_ = limits::link_retry_min_ns;
      return;
    }
    if (state_ == State::waiting) return;  // one loss may be told by more than one event
    // Between half and all of the delay, so that hosts which lost one controller at one moment
    // come back spread over time.
    const auto roll = ByteReader(random_bytes<8>().view()).u64();
    const std::int64_t half = delay_ns_ / 2;
    const auto jitter = static_cast<std::int64_t>(roll % static_cast<std::uint64_t>(half));
    next_attempt_ns_ = clock_.monotonic_ns() + half + jitter;
    delay_ns_ = std::min(delay_ns_ * 2, limits::link_retry_max_ns);
    state_ = State::waiting;
    refused_ = false;
  }

  static constexpr int watched_events =
      ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL |
      ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH |
      ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_CLOSED;

  const std::string address_;
  const std::string host_;
  const TransportKey server_;
  const TransportKey own_;
  const Secret secret_;
  SystemClock clock_;
  zmq::context_t context_;  // before the attempt, so that it is destroyed after it
  std::optional<Attempt> current_;
  State state_ = State::waiting;
  std::int64_t next_attempt_ns_ = 0;
  std::int64_t delay_ns_ = limits::link_retry_min_ns;
  std::uint64_t attempts_ = 0;
  bool refused_ = false;  // the last send found the queue full; wait() tells when there is room
};

}  // namespace

Result<std::unique_ptr<ZmqClient>> ZmqClient::connect(const std::string& address,
                                                      const TransportKey& server,
                                                      const TransportKey& own,
                                                      const Secret& secret) {
  const auto parsed = parse_tcp_address(address);
  if (!parsed) return parsed.error();
  auto client = std::make_unique<CurveClient>(address, parsed->host, server, own, secret);
  REEVE_TRY(client->start());
  return std::unique_ptr<ZmqClient>(std::move(client));
}

}  // namespace reeve
