// Sockets in memory: listeners, who holds them, and which processes have sessions. A destroyed
// socket is gone, a process that ends takes along what only it held. It logs every act and refuses
// what a test tells it to; a test owns it and looks through it directly.
#pragma once

#include <map>
#include <set>

#include "agent/host_sockets.h"

namespace reeve {

class FakeSockets final : public Sockets {
 public:
  // "tcp 0.0.0.0:22", opened by this user, held by nobody yet. Another of the same name joins it.
  Listener add(const std::string& object, std::uint32_t uid = 0);
  void add_holder(const Listener& listener, Holder holder);
  // It listens on IPv6 alone, or takes IPv4 too.
  Listener add_ipv6_only(const std::string& object);
  void remove(const Listener& listener);
  void add_sessions(std::uint64_t pid) { sessions_.insert(pid); }
  void set_here(bool is_here) { is_here_ = is_here; }
  // Destroyed sockets go on listening, as UDP ones would.
  void survive() { is_surviving_ = true; }
  // "listeners", "holders", "destroy", "terminate" answer the error from now on.
  void refuse(const std::string& act, Error error) { refusals_[act] = std::move(error); }
  void allow_all() { refusals_.clear(); }

  // "destroy tcp 0.0.0.0:22 1" with the cookie, "terminate 77".
  const std::vector<std::string>& acts() const { return acts_; }
  std::size_t passes() const { return passes_; }  // over all processes
  bool is_running(std::uint64_t pid) const;

  bool is_here() const override { return is_here_; }
  Result<std::vector<Listener>> listeners(std::optional<Transport> of) const override;
  Result<std::vector<std::pair<std::uint64_t, Holder>>> holders(
      std::span<const Listener> of) const override;
  Result<bool> has_sessions(const Holder& holder) const override;
  Status destroy(const Listener& listener) override;
  Status terminate(const Holder& holder, const Listener& listener) override;

 private:
  Status refusal(const std::string& act) const;

  std::vector<Listener> listeners_;
  std::vector<std::pair<std::uint64_t, Holder>> holders_;
  std::set<std::uint64_t> sessions_;
  std::map<std::string, Error> refusals_;
  std::vector<std::string> acts_;
  bool is_here_ = true;
  bool is_surviving_ = false;
  std::uint64_t next_ = 1;
  mutable std::size_t passes_ = 0;
};

}  // namespace reeve
