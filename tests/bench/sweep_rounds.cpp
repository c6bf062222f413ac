// The agent's own check of every rule of a bundle, as its sweep does it, against a loop of lstat
// and lgetxattr over the same files, in turn. The agent's cycle and host are linked in here,
// because a sweep of the running agent shows neither its beginning nor its end; reading and binding
// the policy is not part of a sweep and is not timed.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <stdexcept>

#include "agent/cycle.h"
#include "agent/linux_host.h"
#include "tests/bench/rig.h"

namespace reeve::bench {
namespace {

class NoAccounts final : public Accounts {
 public:
  void intend(const Receipt&, Intent) override { refuse(); }
  void record(const Receipt&) override { refuse(); }
  void record(const Contention&) override { refuse(); }
  void count_only(const Receipt&) override { refuse(); }

 private:
  static void refuse() { throw std::runtime_error("a file of the sweep does not hold"); }
};

template <class T>
T taken(Result<T> result) {
  if (!result.ok()) throw std::runtime_error(result.error().name + ": " + result.error().detail);
  return std::move(*result);
}

ActivePolicy load(const std::string& path) {
  Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.is_open()) fail("open " + path);
  Bytes bytes(std::filesystem::file_size(path));
  if (read(fd.get(), bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size()))
    fail("read " + path);
  ActivePolicy policy;
  if (const Status added = append_bundle(policy, bytes, {}); !added.ok())
    throw std::runtime_error(added.error().name + ": " + added.error().detail);
  return policy;
}

std::int64_t sweep(Cycle& cycle, ActivePolicy& policy) {
  Cause cause;
  cause.via = "sweep";
  const std::int64_t begun = now_ns();
  for (std::size_t i = 0; i < policy.rules.size(); ++i) cycle.run(policy, i, {}, cause);
  const std::int64_t took = now_ns() - begun;
  for (const ActiveRule& rule : policy.rules)
    if (rule.state != RuleState::holds) throw std::runtime_error(rule.rule.id + " does not hold");
  return took;
}

std::int64_t bare_loop(const std::vector<std::string>& files) {
  const std::int64_t begun = now_ns();
  for (const std::string& file : files) {
    struct stat found {};
    if (lstat(file.c_str(), &found) != 0) fail("lstat " + file);
    std::array<char, 256> acl{};
    if (lgetxattr(file.c_str(), "system.posix_acl_access", acl.data(), acl.size()) < 0 &&
        errno != ENODATA && errno != ENOTSUP)
      fail("lgetxattr " + file);
  }
  return now_ns() - begun;
}

}  // namespace

void time_sweeps(const std::string& bundle, const std::string& tree, std::size_t rounds) {
  ActivePolicy policy = load(bundle);
  const auto host = taken(LinuxHost::open(tree));
  const SystemClock clock;
  NoAccounts accounts;
  Incidents incidents;
  CircuitBreaker breaker;
  Cycle cycle({*host, nullptr, clock, accounts, incidents, breaker});
  std::vector<std::string> files;
  for (const ActiveRule& rule : policy.rules)
    files.push_back(tree + rule.resource->watches().front().path);
  for (std::size_t i = 0; i < rounds; ++i) {
    show_progress("sweep", i, rounds);
    const std::int64_t took = sweep(cycle, policy);
    fmt::print("{{\"sweep\":{},\"floor\":{}}}\n", took, bare_loop(files));
  }
  show_progress("sweep", rounds, rounds);
  if (std::fflush(stdout) != 0) fail("write the rounds");
}

}  // namespace reeve::bench
