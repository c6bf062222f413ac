// What the deciding process may call. The lists follow what a room needs, so that a reader can say
// why each call is there; the trials in tests/courier/sandbox_test.cpp say what is not.
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/kcmp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <linux/fs.h>

#include "agent/change_mode.h"
#include "agent/sandbox.h"
#include "agent/sandbox_filter.h"

namespace reeve {
namespace {

// Looking at the host, and putting it right.
void allow_files(Filter& filter) {
  filter.allow({"open",        "openat",     "openat2",    "close",
                "close_range", "read",       "write",      "readv",
                "writev",      "pread64",    "pwrite64",   "preadv",
                "pwritev",     "preadv2",    "pwritev2",   "lseek",
                "stat",        "lstat",      "fstat",      "newfstatat",
                "statx",       "statfs",     "fstatfs",    "access",
                "faccessat",   "faccessat2", "getdents64", "readlink",
                "readlinkat",  "getcwd",     "chdir",      "fchdir",
                "umask",       "dup",        "dup2",       "dup3",
                "pipe2",       "fcntl",      "flock",      "fadvise64",
                "fsync",       "fdatasync",  "syncfs",     "sync_file_range",
                "ftruncate",   "fallocate",  "sendfile",   "copy_file_range"});
  filter.allow({"chmod",     "fchmod",    "fchmodat", "chown",  "fchown",  "lchown",   "fchownat",
                "utimensat", "mkdir",     "mkdirat",  "rmdir",  "unlink",  "unlinkat", "rename",
                "renameat",  "renameat2", "link",     "linkat", "symlink", "symlinkat"});
  filter.allow({"getxattr", "lgetxattr", "fgetxattr", "listxattr", "llistxattr", "flistxattr",
                "setxattr", "lsetxattr", "fsetxattr", "removexattr", "lremovexattr",
                "fremovexattr"});
  filter.allow_by_number({change_mode_call});
  // Is it a terminal, how much waits (inotify), is the file immutable. None of them changes much.
  filter.allow_values("ioctl", 1, {TCGETS, FIONREAD, FIONBIO, FS_IOC_GETFLAGS});
}

// Sensors, the loop and its clocks.
void allow_waiting(Filter& filter) {
  filter.allow({"inotify_init1", "inotify_add_watch", "inotify_rm_watch", "fanotify_mark"});
  filter.allow({"name_to_handle_at"});  // as fanotify's events name a directory
  // Who did it: looks into the table that the kernel's half fills, and nothing else of bpf(2).
  filter.allow_values("bpf", 0, {BPF_MAP_LOOKUP_ELEM});
  filter.allow(
      {"poll",         "ppoll",           "select",          "pselect6",        "epoll_create1",
       "epoll_ctl",    "epoll_wait",      "epoll_pwait",     "epoll_pwait2",    "eventfd2",
       "signalfd4",    "timerfd_create",  "timerfd_settime", "timerfd_gettime", "clock_gettime",
       "clock_getres", "clock_nanosleep", "nanosleep",       "gettimeofday",    "time"});
}

// Netlink, the owner's control socket, the courier's pair, the service manager's datagram.
// connect(2) is missing on purpose: nothing here is a client of another program's socket.
void allow_sockets(Filter& filter) {
  filter.allow_values("socket", 0, {AF_UNIX, AF_NETLINK});
  filter.allow_values("socketpair", 0, {AF_UNIX});
  filter.allow({"bind", "listen", "accept", "accept4", "getsockname", "getpeername", "getsockopt",
                "setsockopt", "sendto", "recvfrom", "sendmsg", "recvmsg", "sendmmsg", "recvmmsg",
                "shutdown"});
}

// Memory that is never both new and executable, and what the C and C++ libraries do by themselves.
void allow_runtime(Filter& filter) {
  filter.allow_when("mmap", {{2, PROT_EXEC, 0}});
  filter.allow_when("mprotect", {{2, PROT_EXEC, 0}});
  filter.allow({"brk", "munmap", "mremap", "madvise", "mlock", "munlock", "futex", "rseq",
                "membarrier", "set_robust_list", "get_robust_list", "sched_yield",
                "sched_getaffinity", "getrandom", "restart_syscall", "exit", "exit_group"});
  filter.allow_values("prctl", 0,
                      {PR_SET_NAME, PR_GET_NAME, PR_SET_PDEATHSIG, PR_GET_DUMPABLE,
                       PR_GET_NO_NEW_PRIVS, PR_GET_SECCOMP, PR_CAPBSET_READ});
  filter.allow_when("prlimit64", {{2, UINT64_MAX, 0}});  // asking, not setting
}

// Who am I, who is there, and signals to them: kinds may have to end a process.
void allow_processes(Filter& filter) {
  filter.allow({"getpid",    "getppid",   "gettid",    "getuid",  "geteuid", "getgid", "getegid",
                "getgroups", "getresuid", "getresgid", "getpgrp", "getpgid", "getsid", "capget",
                "getrlimit", "getrusage", "times",     "uname",   "sysinfo", "getcpu"});
  filter.allow({"kill", "tgkill", "pidfd_open", "pidfd_send_signal", "rt_sigaction",
                "rt_sigprocmask", "rt_sigreturn", "rt_sigpending", "rt_sigsuspend",
                "rt_sigtimedwait", "sigaltstack", "pause", "wait4", "waitid"});
  // Has a thread descriptors of its own? Asked of processes that may hold a socket.
  filter.allow_values("kcmp", 2, {KCMP_FILES});
}

}  // namespace

Status seal_deciding_process() {
  REEVE_TRY(keep_capabilities({CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER, CAP_CHOWN,
                               CAP_FSETID, CAP_KILL, CAP_NET_ADMIN, CAP_SYS_PTRACE}));
  Filter filter;
  allow_files(filter);
  allow_waiting(filter);
  allow_sockets(filter);
  allow_runtime(filter);
  allow_processes(filter);
  return filter.load();
}

}  // namespace reeve
