// sock_diag(7) itself: dumps of listening and connected sockets, and the destruction of one. The
// one gate to its headers. Owns one netlink socket, in the network namespace that it was opened in;
// one thread uses it. Addresses and ports that come out are in host_sockets.h's terms.
#pragma once

#include "agent/host_sockets.h"
#include "common/bytes.h"
#include "common/fd.h"

namespace reeve {

enum class IpVersion : std::uint8_t { ipv4, ipv6 };

class SockDiag {
 public:
  // Errors: `check_failed`.
  static Result<SockDiag> open();

  // In the kernel's order, `appearance` left at 0. Errors: `check_failed`, `too_many_objects`.
  Result<std::vector<Listener>> listeners(Transport transport, IpVersion version);
  // The inodes of established TCP connections. Errors: as listeners().
  Result<std::vector<std::uint64_t>> connections(IpVersion version);
  // Of exactly this socket, by its cookie; TCP only. Errors: `object_changed`, `fix_failed`.
  Status destroy(const Listener& listener);

 private:
  explicit SockDiag(Fd fd) : fd_(std::move(fd)) {}
  // Asks for sockets of these states and hands each message of the answer to `take`.
  template <class Take>
  Status dump(Transport transport, IpVersion version, std::uint32_t states, const Take& take);
  // Answers whether the dump was interrupted by changes and must be taken again.
  template <class Take>
  Result<bool> read_dump(const Take& take);
  bool is_there(const Listener& listener);
  Status send(ByteView message);
  Result<ByteView> receive();
  // The errno that the kernel answers to one request; 0 for success.
  Result<int> ask(ByteView request);

  Fd fd_;
  std::uint32_t sequence_ = 0;
  Bytes buffer_;
};

}  // namespace reeve
