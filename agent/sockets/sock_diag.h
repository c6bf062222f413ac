// sock_diag(7) itself: dumps of listening and connected sockets, and the destruction of one. The
// one gate to its headers. Owns one netlink socket, in the network namespace that it was opened in;
// one thread uses it. Addresses and ports that come out are in host_sockets.h's terms.
#pragma once

#include "agent/host_sockets.h"
#include "common/bytes.h"
#include "common/fd.h"

namespace reeve {

class SockDiag {
 public:
  // Errors: `check_failed`.
  static Result<SockDiag> open();

  // IPv4 and IPv6, in the kernel's order, `appearance` left at 0. Errors: `check_failed`,
  // `too_many_objects`.
  Result<std::vector<Listener>> listeners(Transport transport);
  // The inodes of established TCP connections. Errors: as listeners().
  Result<std::vector<std::uint64_t>> connections();
  // Of exactly this socket, by its cookie; TCP only. Errors: `object_changed`, `fix_failed`.
  Status destroy(const Listener& listener);

 private:
  explicit SockDiag(Fd fd) : fd_(std::move(fd)) {}
  // Asks for sockets of these states and makes something of each, but no more than one over the
  // limit of them.
  template <class T, class Make>
  Result<std::vector<T>> dump(Transport transport, std::uint32_t states, std::size_t most,
                              const Make& make);
  // The answer to one request, as it is made in the end: again where it was interrupted by changes.
  template <class Request, class Take>
  Status ask_dump(Request request, const Take& take);
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
