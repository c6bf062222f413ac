// The courier's cage: an empty root directory, a user without rights, no capabilities, and a list
// of calls that was found by tracing libzmq and is tried in tests/courier. In this order, since
// each step needs a right that the next gives up.
#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <memory>

#include "agent/courier/courier_limits.h"
#include "agent/courier_user.h"
#include "agent/sandbox.h"
#include "agent/sandbox_filter.h"
#include "common/fd.h"
#include "common/text.h"

namespace reeve {
namespace {

Error failed(std::string_view act, std::string_view object) {
  return os_error("sandbox_failed", act, printable(object), errno);
}

Status check_empty(const Fd& directory, const std::string& path) {
  struct stat found {};
  if (fstat(directory.get(), &found) != 0) return failed("stat", path);
  const bool ours = found.st_uid == 0 || found.st_uid == geteuid();
  if (!ours || (found.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return Error{"sandbox_failed", printable(path) + ": others could put something into it"};
  }
  const int copy = fcntl(directory.get(), F_DUPFD_CLOEXEC, 0);
  const std::unique_ptr<DIR, int (*)(DIR*)> list(fdopendir(copy), &closedir);
  if (!list) return failed("list", path);
  while (const dirent* entry = readdir(list.get())) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") {
      return Error{"sandbox_failed", printable(path) + ": the courier's root is not empty"};
    }
  }
  return {};
}

Status enter_root(const std::string& path) {
  const Fd directory(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!directory.is_open()) return failed("open", path);
  REEVE_TRY(check_empty(directory, path));
  if (fchdir(directory.get()) != 0 || chroot(".") != 0 || chdir("/") != 0) {
    return failed("chroot", path);
  }
  return {};
}

Status become(const UserIds& ids) {
  if (setgroups(0, nullptr) != 0) return failed("setgroups", "none");
  if (setresgid(ids.group, ids.group, ids.group) != 0) return failed("setresgid", "courier");
  if (setresuid(ids.user, ids.user, ids.user) != 0) return failed("setresuid", "courier");
  return {};
}

// Nothing written to files that were open before, no memory image with a key in it, a bounded
// number of descriptors, and no other process of the same user that looks inside.
Status limit_resources() {
  const rlimit none{0, 0};
  const rlimit few{limits::courier_descriptors_max, limits::courier_descriptors_max};
  // Where standard error is a file, a line too much is EFBIG and not the end of the courier.
  if (std::signal(SIGXFSZ, SIG_IGN) == SIG_ERR) return failed("signal", "SIGXFSZ");
  if (setrlimit(RLIMIT_FSIZE, &none) != 0) return failed("setrlimit", "file size");
  if (setrlimit(RLIMIT_CORE, &none) != 0) return failed("setrlimit", "core");
  if (setrlimit(RLIMIT_NOFILE, &few) != 0) return failed("setrlimit", "descriptors");
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return failed("prctl", "dumpable");
  return {};
}

// Connections outwards over TCP, and nothing that listens.
void allow_network(Filter& filter) {
  constexpr std::uint64_t all = UINT64_MAX;
  constexpr std::uint64_t type_bits = 0xf;  // the rest of the type are SOCK_CLOEXEC and _NONBLOCK
  for (const std::uint64_t family : {AF_INET, AF_INET6}) {
    filter.allow_when("socket", {{0, all, family}, {1, type_bits, SOCK_STREAM}});
  }
  filter.allow({"connect", "getsockname", "getpeername", "getsockopt", "setsockopt", "sendto",
                "recvfrom", "sendmsg", "recvmsg", "shutdown"});
}

void allow_waiting(Filter& filter) {
  filter.allow({"read", "write", "readv", "writev", "close", "dup2", "poll", "ppoll", "epoll_ctl",
                "epoll_create1", "epoll_wait", "epoll_pwait", "eventfd2", "clock_gettime",
                "clock_nanosleep", "nanosleep", "gettimeofday"});
  filter.allow_values("fcntl", 1, {F_GETFD, F_SETFD, F_GETFL, F_SETFL});
}

// libzmq's one thread and the C library. clone3 takes its flags in memory, where no filter sees
// them, so it answers ENOSYS, upon which the C library uses clone.
void allow_runtime(Filter& filter) {
  constexpr std::uint64_t thread = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD;
  constexpr std::uint64_t new_namespace = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS |
                                          CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID |
                                          CLONE_NEWNET | CLONE_PTRACE;
  filter.answer("clone3", ENOSYS);
  filter.allow_when("clone", {{0, thread | new_namespace, thread}});
  filter.allow_when("mmap", {{2, PROT_EXEC, 0}});
  filter.allow_when("mprotect", {{2, PROT_EXEC, 0}});
  filter.allow({"brk",
                "munmap",
                "mremap",
                "madvise",
                "mlock",
                "munlock",
                "futex",
                "rseq",
                "set_robust_list",
                "sched_yield",
                "sched_getaffinity",
                "sched_getparam",
                "sched_getscheduler",
                "getrandom",
                "getpid",
                "gettid",
                "getppid",
                "rt_sigaction",
                "rt_sigprocmask",
                "rt_sigreturn",
                "sigaltstack",
                "restart_syscall",
                "exit",
                "exit_group"});
  // libzmq sets its thread to the ordinary policy that it has already, and aborts where it may not.
  filter.allow_when("sched_setscheduler", {{1, UINT64_MAX, SCHED_OTHER}});
  // abort(3) signals itself, and nobody else may be signalled.
  filter.allow_values("tgkill", 0, {static_cast<std::uint64_t>(getpid())});
  filter.allow_values("prctl", 0, {PR_SET_NAME, PR_SET_PDEATHSIG});
  filter.allow_when("prlimit64", {{2, UINT64_MAX, 0}});  // asking, not setting
}

Status load_filter() {
  Filter filter;
  allow_network(filter);
  allow_waiting(filter);
  allow_runtime(filter);
  return filter.load();
}

}  // namespace

Result<std::string> seal_courier(const CourierSandbox& sandbox) {
  const bool same = sandbox.user == courier_user_same;
  UserIds ids;
  if (!same) {
    auto found = find_courier_user(sandbox.user);
    if (!found) return found.error();
    ids = *found;
  }
  // Twice, since the bounding set can be emptied only before the user changes.
  REEVE_TRY(keep_capabilities({CAP_SYS_CHROOT, CAP_SETUID, CAP_SETGID, CAP_DAC_READ_SEARCH}));
  if (!same || has_capability(CAP_SYS_CHROOT)) REEVE_TRY(enter_root(sandbox.empty_root));
  if (!same) REEVE_TRY(become(ids));
  REEVE_TRY(keep_capabilities({}));
  REEVE_TRY(limit_resources());
  REEVE_TRY(load_filter());
  return std::string(same ? "reduced" : "full");
}

}  // namespace reeve
