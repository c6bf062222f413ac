// ZmqServer: one ROUTER an endpoint, CURVE on all of them, ZAP inside wait().
//
// A peer is its CURVE key: ZAP hands the key in hexadecimal back with every message, and the latest
// routing id seen with a key is where answers to that key go. Routing ids are libzmq's own random
// ones; taking over an id (ZMQ_ROUTER_HANDOVER) stays off, since a peer may choose the id it
// presents and could then take over another's. libzmq bounds a frame but not the number of frames
// of one message, so an admitted peer can grow the process until the service manager's memory
// limit ends it; nothing in libzmq's API prevents that, and no such message is ever delivered.
#include <algorithm>
#include <map>

#include "common/clock.h"
#include "common/limits.h"
#include "common/link/address.h"
#include "common/link/curve_socket.h"
#include "common/link/link_limits.h"
#include "common/link/peer_connection.h"
#include "common/link/zap.h"
#include "common/link/zmq_link.h"

namespace reeve {
namespace {

std::optional<TransportKey> key_of_user(const std::string& user_id) {
  const auto bytes = unhex(user_id);
  return bytes ? fixed<TransportKey::size()>(*bytes) : std::nullopt;
}

class CurveEndpoint final : public ServerLink {
 public:
  CurveEndpoint(zmq::socket_t socket, std::function<bool(const TransportKey&)> admits,
                std::size_t peers_max)
      : socket_(std::move(socket)), admits_(std::move(admits)), peers_max_(peers_max) {}

  bool send(const TransportKey& peer, ByteView message) override {
    const auto route = routes_.find(peer);
    if (route == routes_.end() || message.size() > limits::message_bytes_max) return false;
    const std::string& routing_id = route->second.back().routing_id;
    try {
      const auto flags = zmq::send_flags::sndmore | zmq::send_flags::dontwait;
      if (!socket_.send(zmq::buffer(routing_id), flags)) return false;  // its queue is full
      return socket_.send(zmq::buffer(message.data(), message.size()), zmq::send_flags::dontwait)
          .has_value();
    } catch (const zmq::error_t& error) {
      if (error.num() == EHOSTUNREACH) forget_newest(route);
      return false;
    }
  }

  std::optional<Incoming> receive() override {
    // Bounded, so that a peer that sends only what is dropped cannot hold the caller here.
    for (std::size_t drop = 0; drop < limits::link_drops_max; ++drop) {
      auto framed = receive_framed(socket_, Heads::routing_id);
      if (!framed) return std::nullopt;
      const auto key = key_of_user(framed->user_id);
      if (!key) continue;
      remember(*key, std::move(framed->head), framed->fd);
      if (framed->body.empty()) continue;
      return Incoming{*key, std::move(framed->body), std::move(framed->source)};
    }
    return std::nullopt;
  }

  void close(const TransportKey& peer) override {
    const auto route = routes_.find(peer);
    if (route == routes_.end()) return;
    for (const auto& session : route->second) session.connection.shut_down();
    routes_.erase(route);
  }

  zmq::socket_t& socket() { return socket_; }

 private:
  struct Session {
    std::string routing_id;
    PeerConnection connection;
  };
  // Of one key, oldest first; never empty.
  using Routes = std::map<TransportKey, std::vector<Session>>;

  // At the bound, keys that left the registry go first, then whichever comes; a peer that is
  // forgotten is remembered at its next message.
  void remember(const TransportKey& key, std::string routing_id, int fd) {
    if (routes_.size() >= peers_max_ && !routes_.contains(key)) {
      std::erase_if(routes_, [this](const auto& route) { return !admits_(route.first); });
      if (routes_.size() >= peers_max_) routes_.erase(routes_.begin());
    }
    auto& sessions = routes_[key];
    const auto known = std::find_if(sessions.begin(), sessions.end(), [&](const auto& session) {
      return session.routing_id == routing_id;
    });
    if (known != sessions.end()) {
      std::rotate(known, known + 1, sessions.end());
      return;
    }
    if (sessions.size() >= limits::link_sessions_per_peer) {
      sessions.front().connection.shut_down();
      sessions.erase(sessions.begin());
    }
    sessions.push_back({std::move(routing_id), PeerConnection(fd)});
  }

  void forget_newest(Routes::iterator route) {
    route->second.pop_back();
    if (route->second.empty()) routes_.erase(route);
  }

  zmq::socket_t socket_;
  std::function<bool(const TransportKey&)> admits_;
  const std::size_t peers_max_;
  Routes routes_;
};

class CurveServer final : public ZmqServer {
 public:
  CurveServer() : zap_(context_, zmq::socket_type::rep) {
    context_.set(zmq::ctxopt::blocky, 0);
    zap_.set(zmq::sockopt::linger, 0);
    zap_.bind("inproc://zeromq.zap.01");
  }

  Status open(const ServerEndpoint& endpoint, const Secret& secret) {
    const auto parsed = parse_tcp_address(endpoint.address);
    if (!parsed) return parsed.error();
    try {
      zmq::socket_t socket(context_, zmq::socket_type::router);
      set_common_options(socket, parsed->host);
      socket.set(zmq::sockopt::maxmsgsize,
                 static_cast<std::int64_t>(endpoint.message_bytes_max + limits::link_curve_bytes));
      socket.set(zmq::sockopt::curve_server, true);
      socket.set(zmq::sockopt::curve_secretkey,
                 zmq::const_buffer(secret.bytes().data.data(), secret.bytes().size()));
      socket.set(zmq::sockopt::zap_domain, endpoint.domain);
      socket.set(zmq::sockopt::router_mandatory, true);
      socket.set(zmq::sockopt::backlog, limits::link_backlog);
      socket.bind(endpoint.address);
      addresses_.push_back(socket.get(zmq::sockopt::last_endpoint));
      domains_.push_back({endpoint.domain, endpoint.admits});
      endpoints_.push_back(
          std::make_unique<CurveEndpoint>(std::move(socket), endpoint.admits, endpoint.peers_max));
    } catch (const zmq::error_t& error) {
      return address_error(endpoint.address, error.num());
    }
    return {};
  }

  ServerLink& endpoint(std::size_t index) override { return *endpoints_.at(index); }
  std::string bound_address(std::size_t index) const override { return addresses_.at(index); }

  void wait(std::int64_t timeout_ns, int extra_fd) override {
    const std::int64_t start = clock_.monotonic_ns();
    while (true) {
      const std::int64_t left = timeout_ns - (clock_.monotonic_ns() - start);
      auto items = poll_list(extra_fd);
      if (!poll_items(items, left)) return;  // a signal: the caller's loop looks at what it means
      if ((items.front().revents & ZMQ_POLLIN) != 0) serve_zap();
      for (std::size_t i = 1; i < items.size(); ++i) {
        if (items[i].revents != 0) return;
      }
      if (left <= 0) return;
    }
  }

 private:
  std::vector<zmq::pollitem_t> poll_list(int extra_fd) {
    std::vector<zmq::pollitem_t> items;
    items.push_back({zap_.handle(), 0, ZMQ_POLLIN, 0});
    for (auto& endpoint : endpoints_) {
      items.push_back({endpoint->socket().handle(), 0, ZMQ_POLLIN, 0});
    }
    if (extra_fd >= 0) items.push_back({nullptr, extra_fd, ZMQ_POLLIN, 0});
    return items;
  }

  void serve_zap() {
    for (std::size_t served = 0; served < limits::link_handshakes_per_wake; ++served) {
      std::vector<std::string> request;
      zmq::message_t frame;
      if (!zap_.recv(frame, zmq::recv_flags::dontwait)) return;
      request.push_back(frame.to_string());
      while (frame.more() && zap_.recv(frame, zmq::recv_flags::dontwait)) {
        request.push_back(frame.to_string());
      }
      const auto reply = zap_reply(request, domains_);
      REEVE_ASSERT(!reply.empty());  // requests come from libzmq itself, over inproc
      for (std::size_t i = 0; i < reply.size(); ++i) {
        const auto more = i + 1 < reply.size() ? zmq::send_flags::sndmore : zmq::send_flags::none;
        zap_.send(zmq::buffer(reply[i]), more);
      }
    }
  }

  SystemClock clock_;
  zmq::context_t context_;  // before every socket, so that it is destroyed after them
  zmq::socket_t zap_;
  std::vector<ZapDomain> domains_;
  std::vector<std::unique_ptr<CurveEndpoint>> endpoints_;
  std::vector<std::string> addresses_;
};

}  // namespace

Result<std::unique_ptr<ZmqServer>> ZmqServer::create(const Secret& transport_secret,
                                                     std::vector<ServerEndpoint> endpoints) {
  auto server = std::make_unique<CurveServer>();
  for (const auto& endpoint : endpoints) REEVE_TRY(server->open(endpoint, transport_secret));
  return std::unique_ptr<ZmqServer>(std::move(server));
}

}  // namespace reeve
