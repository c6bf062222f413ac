// A stray listener on 127.0.0.1 until it is closed, each trial on another port; the floor is a loop
// in a network namespace of its own, of the product's present sensor and nothing else: listeners
// dumped every 250 ms, and each of them destroyed.
#include <fmt/format.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <stdexcept>

#include "tests/bench/netlink.h"
#include "tests/bench/rig.h"

namespace reeve::bench {
namespace {

constexpr std::uint16_t first_port = 20'000;
constexpr std::int64_t poll_ns = 250'000'000;

nlmsghdr* put_request(char* at, int type, int flags, const inet_diag_sockid& id) {
  static std::uint32_t seq = 0;
  nlmsghdr* head = mnl_nlmsg_put_header(at);
  head->nlmsg_type = static_cast<std::uint16_t>(type);
  head->nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
  head->nlmsg_seq = ++seq;
  auto* request =
      static_cast<inet_diag_req_v2*>(mnl_nlmsg_put_extra_header(head, sizeof(inet_diag_req_v2)));
  request->sdiag_family = AF_INET;
  request->sdiag_protocol = IPPROTO_TCP;
  request->idiag_states = 1u << TCP_LISTEN;
  request->id = id;
  return head;
}

int keep_id(const nlmsghdr* head, void* data) {
  const auto* found = static_cast<const inet_diag_msg*>(mnl_nlmsg_get_payload(head));
  static_cast<std::vector<inet_diag_sockid>*>(data)->push_back(found->id);
  return MNL_CB_OK;
}

void run_floor(FloorPage& page) {
  const NetlinkSocket socket = open_netlink(NETLINK_SOCK_DIAG, 0);
  std::array<char, 512> request;
  page.is_ready = true;
  for (std::int64_t due = now_ns();; due += poll_ns) {
    std::vector<inet_diag_sockid> found;
    ask(socket.get(), put_request(request.data(), SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, {}), keep_id,
        &found);
    for (const inet_diag_sockid& id : found) {
      ask(socket.get(), put_request(request.data(), SOCK_DESTROY, NLM_F_ACK, id), nullptr, nullptr);
      page.verified_ns = now_ns();
    }
    const timespec until{due / 1'000'000'000, due % 1'000'000'000};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr);
  }
}

class PortTrials final : public Trials {
 public:
  explicit PortTrials(const OtherNetwork& other) : other_(other) {}

  std::string object(std::size_t trial) const override {
    return fmt::format("tcp 127.0.0.1:{}", port_of(trial));
  }
  Half product(std::size_t trial) override { return listen_on(bound_socket(trial)); }
  Half floor(std::size_t trial) override {
    other_.enter();
    Fd socket = bound_socket(trial);
    other_.leave();
    return listen_on(std::move(socket));
  }

 private:
  static std::uint16_t port_of(std::size_t trial) {
    return static_cast<std::uint16_t>(first_port + trial);
  }

  static Fd bound_socket(std::size_t trial) {
    Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port_of(trial));
    const auto* any = reinterpret_cast<const sockaddr*>(&address);
    if (!socket.is_open() || bind(socket.get(), any, sizeof address) != 0) fail("bind a socket");
    return socket;
  }

  // A socket that is destroyed wakes whoever polls it with POLLERR and POLLHUP, asked for or not.
  static Half listen_on(Fd socket) {
    Half half;
    half.broken_ns = now_ns();
    if (listen(socket.get(), 8) != 0) fail("listen");
    pollfd closed{socket.get(), 0, 0};
    if (poll(&closed, 1, 10'000) != 1) throw std::runtime_error("a listener stays open for 10 s");
    half.still_broken_ns = half.broken_ns;
    half.restored_ns = now_ns();
    return half;
  }

  const OtherNetwork& other_;
};

}  // namespace

void time_ports(std::size_t trials) {
  const OtherNetwork other;
  other.enter();
  FloorProcess process(run_floor);
  other.leave();
  PortTrials ports(other);
  run_trials({.name = "port", .trials = trials, .pause_ns_min = 1'000'000, .pause_ns_max = poll_ns},
             ports, process);
}

}  // namespace reeve::bench
