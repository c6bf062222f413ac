// The sockets' half of the host seam: what listens in the network namespace that the agent runs in,
// who holds it, and the acts against it. A path that a process shows of its program proves nothing
// (its mount namespace is its own); the program is the file behind it, by device and inode.
#pragma once

#include <array>
#include <compare>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/result.h"

namespace reeve {

enum class Transport : std::uint8_t { tcp, udp };
std::string_view name_of(Transport transport);

// An IPv4 address is kept in its IPv6-mapped form only where the socket is an IPv6 one.
struct SocketAddress {
  bool is_ipv6 = false;
  std::array<std::uint8_t, 16> bytes{};  // IPv4: the first four, the rest zero
  std::uint16_t port = 0;
  auto operator<=>(const SocketAddress&) const = default;
};
std::string to_text(const SocketAddress& address);  // "0.0.0.0:22", "[::1]:53"
// What to_text() gave; absent for anything else.
std::optional<SocketAddress> parse_socket_address(std::string_view text);

// A TCP socket in LISTEN, or a UDP socket that is bound and not connected.
struct Listener {
  Transport transport{};
  SocketAddress local;
  bool is_ipv6_only = false;    // an IPv6 one that takes no IPv4
  std::uint32_t interface = 0;  // bound to this one alone, by index; 0: to none
  std::uint32_t uid = 0;        // the socket's owner: who opened it
  std::uint64_t inode = 0;      // names the socket in /proc/PID/fd
  std::uint64_t cookie = 0;     // the kernel's name of it, never given to another socket
  // A socket that was destroyed can listen again under the same cookie. This differs where a look,
  // whoever asked for it, has not seen the socket listen in between.
  std::uint64_t appearance = 0;
  auto operator<=>(const Listener&) const = default;
};
// "tcp 0.0.0.0:22": the name of everything that listens there, a group of SO_REUSEPORT included.
std::string object_of(const Listener& listener);

// A process with a descriptor of the socket.
struct Holder {
  std::uint64_t pid = 0;
  std::uint64_t start_ticks = 0;  // proc_pid_stat(5) field 22: tells a recycled pid
  std::uint64_t device = 0;       // of /proc/PID/exe; 0 with inode 0 where it cannot be read
  std::uint64_t inode = 0;
  std::string program;  // the path as the kernel shows it: for people, never for decisions
  // Where the file that it runs stood, if it has been removed from there or replaced since; empty
  // else. Only said where that was on the very mount that this path leads to for us, so that it is
  // true wherever nobody but root may write the directory.
  std::string replaced;
  std::string command;  // the command line, bounded, any bytes
  std::uint32_t uid = 0;
  std::optional<std::uint32_t> login_uid;
};

class SocketEyes {
 public:
  virtual ~SocketEyes() = default;
  // False where there is no network to look at: under another root than the host's own.
  virtual bool is_here() const = 0;
  // Those of one transport, or all. Sorted. Errors: `check_failed`, `too_many_objects`.
  virtual Result<std::vector<Listener>> listeners(std::optional<Transport> of) const = 0;
  // Every process that holds one of these sockets, by the socket's inode; one pass over /proc. A
  // socket that nobody is seen to hold (another pid namespace) has no entry. Errors:
  // `check_failed`.
  virtual Result<std::vector<std::pair<std::uint64_t, Holder>>> holders(
      std::span<const Listener> of) const = 0;
  // Whether it, or a process below it in the tree of processes, has an
  // established TCP connection. Errors: `check_failed`, `too_many_objects`.
  virtual Result<bool> has_sessions(const Holder& holder) const = 0;
};

class SocketHands {
 public:
  virtual ~SocketHands() = default;
  // Takes the socket from its holders, who see ECONNABORTED (sock_diag(7), SOCK_DESTROY); TCP only.
  // Errors: `fix_failed`; `object_changed` where another socket is there now.
  virtual Status destroy(const Listener& listener) = 0;
  // Ends the process with SIGKILL if it is still the same (start time) and still holds the socket,
  // and waits a bounded time for its end. Never pid 1, a kernel thread, an agent, its launcher or
  // courier: `not_allowed`. Errors: `object_changed`, `fix_failed`.
  virtual Status terminate(const Holder& holder, const Listener& listener) = 0;
};

class Sockets : public SocketEyes, public SocketHands {};

}  // namespace reeve
