// Another host: a child process in a network namespace of its own, joined to the test's by a pair
// of virtual interfaces, that tries to connect to it. Addresses of the test's side are 10.77.0.1
// and fd77::1, of the neighbour's 10.77.0.2 and fd77::2. Made with rtnetlink alone, so that no
// program is needed; ends with its object.
#pragma once

#include <cstdint>
#include <string>

#include "common/fd.h"

namespace reeve::fixture {

enum class Reached : std::uint8_t { open, refused, blocked, failed };
std::string_view name_of(Reached reached);

class Neighbour {
 public:
  // In the namespace that this process is in, which must be its own. The test's interface is called
  // "rv0".
  Neighbour();
  ~Neighbour();
  Neighbour(const Neighbour&) = delete;

  // Whether a TCP connection to this port comes about, over IPv6 or IPv4. It waits for an answer
  // for some seconds and is `failed` without one.
  Reached reaches(int family, std::uint16_t port);
  // The same, for a port that nothing should answer from: `blocked` when a connection to the port
  // `answering`, asked for afterwards, came about and this one had no answer by then.
  Reached reaches(int family, std::uint16_t port, std::uint16_t answering);

 private:
  Fd commands_;
  int pid_ = 0;
};

// Listens on all addresses of both families until it ends; connections are the kernel's business.
Fd listen_on(std::uint16_t port);

}  // namespace reeve::fixture
