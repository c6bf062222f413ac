// What the process in a scratch network namespace may call: memory, its one socket to whoever
// asked, and netlink. It opens no file, starts nothing and cannot leave its namespaces.
#include <linux/capability.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "agent/sandbox.h"
#include "agent/sandbox_filter.h"

namespace reeve {

Status seal_scratch() {
  REEVE_TRY(keep_capabilities({CAP_NET_ADMIN}));
  Filter filter;
  filter.allow_values("socket", 0, {AF_NETLINK});
  filter.allow({"bind", "getsockname", "getsockopt", "setsockopt", "sendto", "recvfrom", "sendmsg",
                "recvmsg", "poll", "ppoll", "select", "pselect6"});
  filter.allow({"read", "write", "writev", "close", "fstat", "newfstatat", "lseek", "fcntl"});
  filter.allow_when("mmap", {{2, PROT_EXEC, 0}});
  filter.allow_when("mprotect", {{2, PROT_EXEC, 0}});
  filter.allow({"brk",          "munmap",        "mremap",          "madvise",
                "futex",        "rseq",          "getrandom",       "getpid",
                "gettid",       "getuid",        "geteuid",         "time",
                "gettimeofday", "clock_gettime", "rt_sigaction",    "rt_sigprocmask",
                "rt_sigreturn", "sigaltstack",   "restart_syscall", "sched_yield",
                "exit",         "exit_group"});
  return filter.load();
}

}  // namespace reeve
