#include "agent/child.h"

#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace reeve {
namespace {

// Called by number: glibc 2.36 declares both without C linkage, so that C++ cannot link them.
int open_pidfd(pid_t pid) { return static_cast<int>(syscall(SYS_pidfd_open, pid, 0)); }

void signal_pidfd(int pidfd, int number) {
  syscall(SYS_pidfd_send_signal, pidfd, number, nullptr, 0);
}

int wait_for(pid_t pid) {
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
  return status;
}

}  // namespace

Result<Child> Child::adopt(pid_t pid) {
  Fd pidfd(open_pidfd(pid));
  if (pidfd.is_open()) return Child(pid, std::move(pidfd));
  const int why = errno;
  kill(pid, SIGKILL);
  wait_for(pid);
  return os_error("launch_failed", "pidfd_open", "child", why);
}

Child::Child(Child&& other) noexcept
    : pid_(std::exchange(other.pid_, 0)), pidfd_(std::move(other.pidfd_)) {}

Child& Child::operator=(Child&& other) noexcept {
  if (this != &other) {
    kill_and_reap();
    pid_ = std::exchange(other.pid_, 0);
    pidfd_ = std::move(other.pidfd_);
  }
  return *this;
}

void Child::signal(int number) const {
  if (running()) signal_pidfd(pidfd_.get(), number);
}

int Child::reap() {
  if (!running()) return 0;
  const int status = wait_for(std::exchange(pid_, 0));
  pidfd_ = Fd();
  return status;
}

void Child::kill_and_reap() {
  signal(SIGKILL);
  reap();
}

std::string how_it_ended(int wait_status) {
  if (WIFSIGNALED(wait_status)) return fmt::format("signal {}", WTERMSIG(wait_status));
  return fmt::format("exit status {}", WEXITSTATUS(wait_status));
}

void die_with_parent(pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(1);
}

}  // namespace reeve
