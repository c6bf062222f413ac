#include "agent/netfilter/forked_room.h"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>

#include "agent/netfilter/scratch_child.h"

namespace reeve {

Result<Fd> ForkedRoom::enter() {
  child_.kill_and_reap();
  std::array<int, 2> ends{};
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
    return os_error("scratch_failed", "socketpair", "AF_UNIX", errno);
  Fd ours(ends[0]);
  Fd theirs(ends[1]);
  std::fflush(nullptr);  // else what is buffered would be written twice
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid < 0) return os_error("scratch_failed", "fork", "the scratch namespace's process", errno);
  if (pid == 0) {
    die_with_parent(parent);
    _exit(serve_scratch(std::move(theirs), empty_root_));
  }
  auto child = Child::adopt(pid);
  if (!child.ok()) return Error{"scratch_failed", child.error().detail};
  child_ = std::move(*child);
  return ours;
}

}  // namespace reeve
