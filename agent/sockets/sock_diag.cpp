#include "agent/sockets/sock_diag.h"

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "agent/sockets/socket_limits.h"

namespace reeve {
namespace {

// The kernel's states, net/tcp_states.h. UDP uses two of them: bound, and connected to a peer.
constexpr std::uint32_t established = 1u << 1;
constexpr std::uint32_t closed = 1u << 7;
constexpr std::uint32_t listening = 1u << 10;

template <class Body>
struct Request {
  nlmsghdr head;
  Body body;
};

template <class Body>
ByteView bytes_of(const Request<Body>& request) {
  return {reinterpret_cast<const std::uint8_t*>(&request), sizeof request};
}

template <class Body>
Request<Body> make_request(std::uint16_t type, std::uint16_t flags) {
  Request<Body> request{};
  request.head.nlmsg_len = sizeof request;
  request.head.nlmsg_type = type;
  request.head.nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
  return request;
}

// One netlink message: its head and what follows it.
struct Message {
  nlmsghdr head{};
  ByteView body;
};

// Cuts `size` bytes off, with the padding that netlink(7) and rtnetlink(7) put behind every item.
ByteView cut(ByteView& from, std::size_t size) {
  const ByteView out = from.first(size);
  from = from.subspan(std::min(from.size(), (size + 3) / 4 * 4));
  return out;
}

// What the bytes begin with; absent where they are too few.
template <class T>
std::optional<T> read_as(ByteView bytes) {
  if (bytes.size() < sizeof(T)) return std::nullopt;
  T out;
  std::memcpy(&out, bytes.data(), sizeof out);
  return out;
}

std::optional<Message> next_message(ByteView& bytes) {
  const auto head = read_as<nlmsghdr>(bytes);
  if (!head || head->nlmsg_len < sizeof *head || head->nlmsg_len > bytes.size())
    return std::nullopt;
  return Message{*head, cut(bytes, head->nlmsg_len).subspan(sizeof *head)};
}

// The errno of an NLMSG_ERROR.
int errno_in(const Message& message) {
  const auto error = read_as<nlmsgerr>(message.body);
  return error ? -error->error : EIO;
}

bool is_ipv6_only(ByteView attributes) {
  while (const auto head = read_as<rtattr>(attributes)) {
    if (head->rta_len <= sizeof *head || head->rta_len > attributes.size()) return false;
    const ByteView whole = cut(attributes, head->rta_len);
    if (head->rta_type == INET_DIAG_SKV6ONLY) return whole[sizeof *head] != 0;
  }
  return false;
}

Listener listener_of(Transport transport, const inet_diag_msg& socket, ByteView attributes) {
  Listener out;
  out.transport = transport;
  out.local.is_ipv6 = socket.idiag_family == AF_INET6;
  std::memcpy(out.local.bytes.data(), socket.id.idiag_src, out.local.is_ipv6 ? 16 : 4);
  out.local.port = ntohs(socket.id.idiag_sport);
  out.is_ipv6_only = out.local.is_ipv6 && is_ipv6_only(attributes);
  out.interface = socket.id.idiag_if;
  out.uid = socket.idiag_uid;
  out.inode = socket.idiag_inode;
  out.cookie = socket.id.idiag_cookie[0] | std::uint64_t{socket.id.idiag_cookie[1]} << 32;
  return out;
}

// Where the kernel is to look for the socket. An IPv6 socket with a mapped IPv4 address is kept
// among the IPv4 ones, and looked for there only if both addresses are mapped.
inet_diag_sockid identity_of(const Listener& listener) {
  inet_diag_sockid id{};
  id.idiag_sport = htons(listener.local.port);
  std::memcpy(id.idiag_src, listener.local.bytes.data(), listener.local.bytes.size());
  const auto& bytes = listener.local.bytes;
  const std::array<std::uint8_t, 12> mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (listener.local.is_ipv6 && std::memcmp(bytes.data(), mapped.data(), mapped.size()) == 0)
    std::memcpy(id.idiag_dst, mapped.data(), mapped.size());
  id.idiag_if = listener.interface;
  id.idiag_cookie[0] = static_cast<std::uint32_t>(listener.cookie);
  id.idiag_cookie[1] = static_cast<std::uint32_t>(listener.cookie >> 32);
  return id;
}

Error dump_error(int os_errno) {
  return os_error("check_failed", "sock_diag dump", "sockets", os_errno);
}

}  // namespace

Result<SockDiag> SockDiag::open() {
  Fd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
  if (!fd.is_open()) return os_error("check_failed", "socket", "sock_diag", errno);
  const timeval patience{limits::netlink_wait_s, 0};
  if (::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) != 0)
    return os_error("check_failed", "setsockopt", "sock_diag", errno);
  return SockDiag(std::move(fd));
}

Result<std::vector<Listener>> SockDiag::listeners(Transport transport) {
  auto out = dump<Listener>(transport, transport == Transport::tcp ? listening : closed,
                            limits::listeners_max,
                            [transport](const inet_diag_msg& socket, ByteView attributes) {
                              return listener_of(transport, socket, attributes);
                            });
  if (!out.ok() || out->size() <= limits::listeners_max) return out;
  return os_error("too_many_objects", "list", "listening sockets", 0);
}

Result<std::vector<std::uint64_t>> SockDiag::connections() {
  auto out = dump<std::uint64_t>(
      Transport::tcp, established, limits::connections_max,
      [](const inet_diag_msg& socket, ByteView) { return std::uint64_t{socket.idiag_inode}; });
  if (!out.ok() || out->size() <= limits::connections_max) return out;
  return os_error("too_many_objects", "list", "connections", 0);
}

// One dump of TCP for both IP versions is the older request's, and each dump walks all of the
// kernel's table; UDP has none.
template <class T, class Make>
Result<std::vector<T>> SockDiag::dump(Transport transport, std::uint32_t states, std::size_t most,
                                      const Make& make) {
  std::vector<T> out;
  std::size_t before = 0;
  const auto take = [&](const inet_diag_msg* socket, ByteView attributes) {
    if (socket == nullptr) return out.resize(before);
    if (out.size() <= most) out.push_back(make(*socket, attributes));
  };
  if (transport == Transport::tcp) {
    auto request = make_request<inet_diag_req>(TCPDIAG_GETSOCK, NLM_F_DUMP);
    request.body.idiag_family = AF_INET;
    request.body.idiag_states = states;
    REEVE_TRY(ask_dump(request, take));
    return out;
  }
  for (int family : {AF_INET, AF_INET6}) {
    before = out.size();
    auto request = make_request<inet_diag_req_v2>(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP);
    request.body.sdiag_family = static_cast<std::uint8_t>(family);
    request.body.sdiag_protocol = IPPROTO_UDP;
    request.body.idiag_states = states;
    REEVE_TRY(ask_dump(request, take));
  }
  return out;
}

// `take` is called with null before each try.
template <class Request, class Take>
Status SockDiag::ask_dump(Request request, const Take& take) {
  for (int tries = 0; tries < limits::dump_tries_max; ++tries) {
    request.head.nlmsg_seq = ++sequence_;
    take(nullptr, {});
    if (const auto sent = send(bytes_of(request)); !sent.ok()) return sent;
    const auto interrupted = read_dump(take);
    if (!interrupted.ok()) return interrupted.error();
    if (!*interrupted) return {};
  }
  return dump_error(EINTR);
}

template <class Take>
Result<bool> SockDiag::read_dump(const Take& take) {
  bool is_interrupted = false;
  while (true) {
    auto got = receive();
    if (!got.ok()) return got.error();
    while (const auto message = next_message(*got)) {
      if (message->head.nlmsg_seq != sequence_) continue;  // of a dump that was given up
      if ((message->head.nlmsg_flags & NLM_F_DUMP_INTR) != 0) is_interrupted = true;
      if (message->head.nlmsg_type == NLMSG_DONE) return is_interrupted;
      if (message->head.nlmsg_type == NLMSG_ERROR) return dump_error(errno_in(*message));
      const auto socket = read_as<inet_diag_msg>(message->body);
      if (socket) take(&*socket, message->body.subspan(sizeof *socket));
    }
  }
}

Status SockDiag::destroy(const Listener& listener) {
  if (listener.transport != Transport::tcp)
    return Error{"fix_failed", object_of(listener) + ": only TCP sockets can be destroyed"};
  auto request = make_request<inet_diag_req_v2>(SOCK_DESTROY, NLM_F_ACK);
  request.body.sdiag_family = listener.local.is_ipv6 ? AF_INET6 : AF_INET;
  request.body.sdiag_protocol = IPPROTO_TCP;
  request.body.id = identity_of(listener);
  for (std::uint16_t peer = 0; peer < limits::destroy_tries_max; ++peer) {
    // The peer's port is a part of what the kernel chooses a group's member by.
    request.body.id.idiag_dport = htons(peer);
    request.head.nlmsg_seq = ++sequence_;
    const auto refused = ask(bytes_of(request));
    if (!refused.ok()) return refused.error();
    if (*refused == 0) return {};
    if (*refused != ENOENT && *refused != ESTALE)
      return os_error("fix_failed", "close", object_of(listener), *refused);
    // Another member was chosen, or there is no such socket any more.
    if (peer == 0 && !is_there(listener)) break;
  }
  return os_error("object_changed", "close", object_of(listener), ENOENT);
}

bool SockDiag::is_there(const Listener& listener) {
  const auto all = listeners(listener.transport);
  return all.ok() && std::ranges::any_of(
                         *all, [&](const Listener& one) { return one.cookie == listener.cookie; });
}

Result<int> SockDiag::ask(ByteView request) {
  if (const auto sent = send(request); !sent.ok()) return sent.error();
  while (true) {
    auto got = receive();
    if (!got.ok()) return got.error();
    while (const auto message = next_message(*got))
      if (message->head.nlmsg_seq == sequence_ && message->head.nlmsg_type == NLMSG_ERROR)
        return errno_in(*message);
  }
}

Status SockDiag::send(ByteView message) {
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  const auto sent = ::sendto(fd_.get(), message.data(), message.size(), 0,
                             reinterpret_cast<const sockaddr*>(&kernel), sizeof kernel);
  return sent >= 0 ? Status() : dump_error(errno);
}

Result<ByteView> SockDiag::receive() {
  buffer_.resize(limits::netlink_read_bytes);
  while (true) {
    sockaddr_nl from{};
    socklen_t from_size = sizeof from;
    const auto got = ::recvfrom(fd_.get(), buffer_.data(), buffer_.size(), MSG_TRUNC,
                                reinterpret_cast<sockaddr*>(&from), &from_size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return dump_error(errno);
    if (from.nl_pid != 0) continue;  // only the kernel is believed
    const auto size = static_cast<std::size_t>(got);
    if (size > buffer_.size()) return dump_error(EMSGSIZE);
    return ByteView(buffer_).first(size);
  }
}

}  // namespace reeve
