// proc(5) as far as sockets need it: which processes hold a socket, what they run, who is whose
// parent. Processes come and go while it is read; one that is gone is simply not there. Descriptors
// are looked for in every table of a process, because a thread may have one of its own. What no
// table has is not seen: a socket on its way in a message, or registered with io_uring.
#pragma once

#include <sys/types.h>

#include <optional>
#include <span>
#include <vector>

#include "agent/host_sockets.h"
#include "common/fd.h"

namespace reeve {

struct ProcessFacts {
  pid_t parent = 0;
  std::uint64_t start_ticks = 0;  // proc_pid_stat(5) field 22
  bool is_kernel_thread = false;
};

// The file that a process executes.
struct ExecutedFile {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  bool operator==(const ExecutedFile&) const = default;
};

// One process, held open: everything that is read through it is of that process, never of another
// that got its number later.
class Process {
 public:
  // Absent where there is none.
  static std::optional<Process> open(pid_t pid);

  pid_t pid() const { return pid_; }
  std::optional<ProcessFacts> facts() const;
  std::optional<ExecutedFile> executed() const;
  // Which of these sockets (inodes, sorted) it holds. `budget` is how many descriptors may still be
  // looked at; absent where that did not suffice.
  std::optional<std::vector<std::uint64_t>> held(std::span<const std::uint64_t> sockets,
                                                 std::size_t& budget) const;
  Holder describe() const;

 private:
  Process(pid_t pid, Fd directory) : pid_(pid), directory_(std::move(directory)) {}
  // The process or a thread of it that is not a zombie, as a path below the process's directory.
  std::string living() const;
  // The threads with a table of descriptors of their own, as paths below the process's directory;
  // the main thread's is "fd".
  std::vector<std::string> tables() const;

  pid_t pid_;
  Fd directory_;
};

// All there are now. Errors: `check_failed`, `too_many_objects`.
Result<std::vector<pid_t>> all_processes();

}  // namespace reeve
