// A child process of the launcher, held by its pidfd: it can be waited for, signalled and reaped
// without ever meeting another process that got its number. Destroying a Child kills and reaps it.
#pragma once

#include <sys/types.h>

#include <csignal>
#include <string>

#include "common/fd.h"
#include "common/result.h"

namespace reeve {

class Child {
 public:
  Child() = default;
  // Takes over the child `pid` of this process. Error: `launch_failed`; the child is then killed.
  static Result<Child> adopt(pid_t pid);
  Child(Child&& other) noexcept;
  Child& operator=(Child&& other) noexcept;
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() { kill_and_reap(); }

  bool running() const { return pid_ > 0; }
  int pidfd() const { return pidfd_.get(); }  // readable once it has died; -1 when none runs
  void signal(int number) const;
  // Waits for its death, which the caller knows to have happened or to be near; wait status.
  int reap();
  void kill_and_reap();

 private:
  Child(pid_t pid, Fd pidfd) : pid_(pid), pidfd_(std::move(pidfd)) {}

  pid_t pid_ = 0;
  Fd pidfd_;
};

// "signal 9", "exit status 1": a wait status in words.
std::string how_it_ended(int wait_status);

// To be called in a forked child first of all: its parent's death is its own. Ends the process
// where the parent is dead already. A later change of user undoes it (prctl(2)).
void die_with_parent(pid_t parent);

}  // namespace reeve
