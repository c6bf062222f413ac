#include "neighbour.h"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstring>

namespace reeve::fixture {

namespace {

constexpr int patience_ms = 10'000;

struct Question {
  int family = 0;
  std::uint16_t port = 0;
  std::uint16_t answering = 0;  // 0: wait for an answer
};

// One rtnetlink request (rtnetlink(7)): a header, its fixed part, attributes.
class Request {
 public:
  Request(std::uint16_t type, std::uint16_t flags) {
    header().nlmsg_type = type;
    header().nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | NLM_F_ACK | flags);
    header().nlmsg_len = NLMSG_HDRLEN;
  }
  template <class T>
  void put(const T& part) {
    append(&part, sizeof part);
  }
  void attribute(std::uint16_t type, const void* payload, std::size_t size) {
    const rtattr head{static_cast<std::uint16_t>(RTA_LENGTH(size)), type};
    append(&head, sizeof head);
    append(payload, size);
  }
  std::size_t open(std::uint16_t type) {
    const std::size_t at = header().nlmsg_len;
    attribute(type, nullptr, 0);
    return at;
  }
  void close(std::size_t at) {
    const auto length = static_cast<std::uint16_t>(header().nlmsg_len - at);
    std::memcpy(bytes_.data() + at, &length, sizeof length);
  }
  bool send() {
    const Fd socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
    if (::send(socket.get(), bytes_.data(), header().nlmsg_len, 0) < 0) return false;
    struct {
      nlmsghdr header;
      nlmsgerr error;
      std::array<char, 512> rest;
    } answer{};
    return ::recv(socket.get(), &answer, sizeof answer, 0) > 0 && answer.error.error == 0;
  }

 private:
  nlmsghdr& header() { return *reinterpret_cast<nlmsghdr*>(bytes_.data()); }
  void append(const void* part, std::size_t size) {
    if (size > 0) std::memcpy(bytes_.data() + header().nlmsg_len, part, size);
    header().nlmsg_len += static_cast<std::uint32_t>(NLMSG_ALIGN(size));
  }
  alignas(nlmsghdr) std::array<char, 1024> bytes_{};
};

void put_name(Request& request, const char* name) {
  request.attribute(IFLA_IFNAME, name, std::strlen(name) + 1);
}

bool make_pair(int peer_pid) {
  Request request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
  request.put(ifinfomsg{});
  put_name(request, "rv0");
  const std::size_t info = request.open(IFLA_LINKINFO);
  request.attribute(IFLA_INFO_KIND, "veth", 5);
  const std::size_t data = request.open(IFLA_INFO_DATA);
  const std::size_t peer = request.open(VETH_INFO_PEER);
  request.put(ifinfomsg{});
  put_name(request, "rv1");
  const auto pid = static_cast<std::uint32_t>(peer_pid);
  request.attribute(IFLA_NET_NS_PID, &pid, sizeof pid);
  request.close(peer);
  request.close(data);
  request.close(info);
  return request.send();
}

bool set_up(const char* name) {
  ifinfomsg link{};
  link.ifi_index = static_cast<int>(if_nametoindex(name));
  link.ifi_flags = IFF_UP;
  link.ifi_change = IFF_UP;
  Request request(RTM_NEWLINK, 0);
  request.put(link);
  return link.ifi_index != 0 && request.send();
}

bool add_address(const char* name, int family, const char* text) {
  std::array<std::uint8_t, 16> address{};
  inet_pton(family, text, address.data());
  ifaddrmsg message{};
  message.ifa_family = static_cast<std::uint8_t>(family);
  message.ifa_prefixlen = family == AF_INET ? 24 : 64;
  message.ifa_flags = IFA_F_NODAD;  // usable at once
  message.ifa_index = if_nametoindex(name);
  Request request(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL);
  request.put(message);
  const std::size_t size = family == AF_INET ? 4 : 16;
  request.attribute(IFA_LOCAL, address.data(), size);
  request.attribute(IFA_ADDRESS, address.data(), size);
  return request.send();
}

bool configure(const char* name, const char* ipv4, const char* ipv6) {
  return set_up(name) && add_address(name, AF_INET, ipv4) && add_address(name, AF_INET6, ipv6);
}

Fd begin_connect(int family, std::uint16_t port) {
  Fd socket(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (family == AF_INET) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    inet_pton(AF_INET, "10.77.0.1", &to.sin_addr);
    ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to);
  } else {
    sockaddr_in6 to{};
    to.sin6_family = AF_INET6;
    to.sin6_port = htons(port);
    inet_pton(AF_INET6, "fd77::1", &to.sin6_addr);
    ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to);
  }
  return socket;
}

Reached outcome_of(const Fd& socket, int wait_ms) {
  pollfd waiting{socket.get(), POLLOUT, 0};
  if (::poll(&waiting, 1, wait_ms) == 0) return Reached::blocked;
  int problem = 0;
  socklen_t size = sizeof problem;
  getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &problem, &size);
  if (problem == 0) return Reached::open;
  return problem == ECONNREFUSED ? Reached::refused : Reached::failed;
}

// Both ends see packets in order, so that no answer by the time of the later one's means none.
Reached answer_to(const Question& question) {
  const Fd asked = begin_connect(question.family, question.port);
  if (question.answering == 0) {
    const Reached reached = outcome_of(asked, patience_ms);
    return reached == Reached::blocked ? Reached::failed : reached;
  }
  const Fd later = begin_connect(question.family, question.answering);
  if (outcome_of(later, patience_ms) != Reached::open) return Reached::failed;
  return outcome_of(asked, 0);
}

// The child's life: says that its namespace is there, is told that the interface is, then answers.
[[noreturn]] void live(const Fd& commands, int parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  char word = 'y';
  if (getppid() != parent || unshare(CLONE_NEWNET) != 0 || ::send(commands.get(), &word, 1, 0) != 1)
    _exit(1);
  if (::recv(commands.get(), &word, 1, 0) != 1 || !configure("rv1", "10.77.0.2", "fd77::2"))
    _exit(1);
  if (::send(commands.get(), &word, 1, 0) != 1) _exit(1);
  Question question;
  while (::recv(commands.get(), &question, sizeof question, 0) == sizeof question) {
    const Reached reached = answer_to(question);
    if (::send(commands.get(), &reached, sizeof reached, 0) != sizeof reached) break;
  }
  _exit(0);
}

Reached ask(const Fd& commands, const Question& question) {
  Reached reached = Reached::failed;
  REQUIRE(::send(commands.get(), &question, sizeof question, MSG_NOSIGNAL) == sizeof question);
  REQUIRE(::recv(commands.get(), &reached, sizeof reached, 0) == sizeof reached);
  return reached;
}

}  // namespace

std::string_view name_of(Reached reached) {
  switch (reached) {
    case Reached::open:
      return "open";
    case Reached::refused:
      return "refused";
    case Reached::blocked:
      return "blocked";
    case Reached::failed:
      return "failed";
  }
  return "";
}

Neighbour::Neighbour() {
  std::array<int, 2> ends{};
  REQUIRE(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) == 0);
  commands_ = Fd(ends[0]);
  Fd theirs(ends[1]);
  const int parent = getpid();
  pid_ = fork();
  REQUIRE(pid_ >= 0);
  if (pid_ == 0) live(theirs, parent);
  theirs = Fd();
  char word = 0;
  REQUIRE(::recv(commands_.get(), &word, 1, 0) == 1);
  REQUIRE(make_pair(pid_));
  REQUIRE(configure("rv0", "10.77.0.1", "fd77::1"));
  REQUIRE(::send(commands_.get(), &word, 1, MSG_NOSIGNAL) == 1);
  REQUIRE(::recv(commands_.get(), &word, 1, 0) == 1);
}

// The interfaces go with the child's namespace.
Neighbour::~Neighbour() {
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  // The kernel takes the namespace apart after the process; the name must be free for the next.
  for (int tries = 0; tries < 10'000 && if_nametoindex("rv0") != 0; ++tries) {
    ifinfomsg link{};
    link.ifi_index = static_cast<int>(if_nametoindex("rv0"));
    Request request(RTM_DELLINK, 0);
    request.put(link);
    request.send();
  }
}

Reached Neighbour::reaches(int family, std::uint16_t port) {
  return ask(commands_, {family, port, 0});
}

Reached Neighbour::reaches(int family, std::uint16_t port, std::uint16_t answering) {
  return ask(commands_, {family, port, answering});
}

Fd listen_on(std::uint16_t port) {
  Fd socket(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int yes = 1;
  setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_port = htons(port);
  REQUIRE(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  REQUIRE(::listen(socket.get(), 64) == 0);
  return socket;
}

}  // namespace reeve::fixture
