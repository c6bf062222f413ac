// Sockets as they are: listeners by sock_diag(7), their holders by proc(5), and the acts against
// both, in the network namespace that open() was called in. Made only in mains and in tests of real
// sockets; one thread uses it. It works inside the deciding process's sandbox and changes nothing
// but what destroy() and terminate() are asked for.
#pragma once

#include <memory>

#include "agent/sockets/processes.h"
#include "agent/sockets/sock_diag.h"

namespace reeve {

class LinuxSockets final : public Sockets {
 public:
  // Errors: `check_failed`.
  static Result<std::unique_ptr<LinuxSockets>> open();

  explicit LinuxSockets(SockDiag diag) : memory_(std::make_unique<Memory>(std::move(diag))) {}

  bool is_here() const override { return true; }
  Result<std::vector<Listener>> listeners(std::optional<Transport> of) const override;
  Result<std::vector<std::pair<std::uint64_t, Holder>>> holders(
      std::span<const Listener> of) const override;
  Result<bool> has_sessions(const Holder& holder) const override;
  Status destroy(const Listener& listener) override;
  Status terminate(const Holder& holder, const Listener& listener) override;

 private:
  // What looks change, hence behind a pointer.
  struct Memory {
    explicit Memory(SockDiag socket) : diag(std::move(socket)) {}
    SockDiag diag;
    // Of each transport, by cookie, as last seen.
    std::array<std::vector<std::pair<std::uint64_t, std::uint64_t>>, 2> appearances;
    std::uint64_t appearance = 0;  // the last that was given
  };
  // Gives every listener its appearance. They are all that there are of their transport.
  void recognise(Transport transport, std::vector<Listener>& listeners) const;

  std::unique_ptr<Memory> memory_;
};

}  // namespace reeve
