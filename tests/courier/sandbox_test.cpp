// Each denial of the sandboxes, tried. A trial is a call made in a forked child, once free and once
// sealed: sealed it must answer EPERM. Where the free one succeeds, which is asked for below, it is
// the seal that made the difference.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <linux/netlink.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <vector>

#include "agent/change_mode.h"
#include "agent/sandbox.h"
#include "agent/sandbox_filter.h"
#include "common/fd.h"
#include "common/seal.h"

namespace reeve {
namespace {

constexpr int died = 254;  // the child did not end by itself
constexpr int seal_failed = 253;

// Runs `body` in a child and answers what it returns, 0 to 250.
int in_child(const std::function<int()>& body) {
  const pid_t pid = fork();
  REQUIRE(pid >= 0);
  if (pid == 0) _exit(body());
  int status = 0;
  waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : died;
}

// A call that answers -1 and errno, or succeeds.
using Call = std::function<long()>;
int errno_of(const Call& call) {
  errno = 0;
  return call() == -1 ? errno : 0;
}

int sealed_as_agent(const std::function<int()>& body) {
  return in_child([&] { return seal_deciding_process().ok() ? body() : seal_failed; });
}

struct EmptyRoot {
  EmptyRoot() : path("/tmp/reeve-sandbox-root-XXXXXX") { REQUIRE(mkdtemp(path.data()) != nullptr); }
  ~EmptyRoot() { rmdir(path.c_str()); }
  std::string path;
};

int sealed_as_courier(const std::function<int()>& body) {
  const EmptyRoot root;
  return in_child([&] { return seal_courier({"same", root.path}).ok() ? body() : seal_failed; });
}

enum class Free { succeeds, whatever };  // what the call does without a seal, for any user

struct Trial {
  const char* name;
  Free unsealed;
  Call call;
};

long open_file(const char* path, int flags) {
  return syscall(SYS_openat, AT_FDCWD, path, flags, 0600);
}

long run_true() {
  std::array<char*, 1> none{nullptr};
  return execve("/bin/true", none.data(), none.data());
}

long run_true_by_descriptor() {
  const long fd = open_file("/bin/true", O_RDONLY | O_CLOEXEC);
  std::array<char*, 1> none{nullptr};
  return syscall(SYS_execveat, fd >= 0 ? fd : 0, "", none.data(), none.data(), AT_EMPTY_PATH);
}

long fork_by_number() {
  const long pid = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
  if (pid == 0) _exit(0);
  return pid;
}

long executable_memory() {
  void* at =
      mmap(nullptr, 4'096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return at == MAP_FAILED ? -1 : 0;
}

long made_executable() {
  void* at = mmap(nullptr, 4'096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return mprotect(at, 4'096, PROT_READ | PROT_EXEC);
}

// What neither program may do.
std::vector<Trial> common_trials() {
  return {
      {"execve", Free::succeeds, run_true},
      {"execveat", Free::succeeds, run_true_by_descriptor},
      {"fork", Free::succeeds, fork_by_number},
      {"vfork", Free::whatever,
       [] { return syscall(SYS_clone, CLONE_VFORK | SIGCHLD, 0, 0, 0, 0); }},
      {"executable memory", Free::succeeds, executable_memory},
      {"memory made executable", Free::succeeds, made_executable},
      {"ptrace", Free::succeeds, [] { return ptrace(PTRACE_TRACEME, 0, nullptr, nullptr); }},
      {"process_vm_readv", Free::succeeds,
       [] { return syscall(SYS_process_vm_readv, getpid(), nullptr, 0L, nullptr, 0L, 0L); }},
      {"init_module", Free::whatever, [] { return syscall(SYS_init_module, nullptr, 0, ""); }},
      {"finit_module", Free::whatever, [] { return syscall(SYS_finit_module, 0, "", 0); }},
      {"mount", Free::whatever, [] { return mount("none", "/", "tmpfs", 0, nullptr); }},
      {"umount2", Free::whatever, [] { return umount2("/nonexistent", 0); }},
      {"move_mount", Free::whatever, [] { return syscall(SYS_move_mount, 0, "", 0, "", 0); }},
      {"open_tree", Free::whatever, [] { return syscall(SYS_open_tree, AT_FDCWD, "/", 0); }},
      {"pivot_root", Free::whatever, [] { return syscall(SYS_pivot_root, "/", "/"); }},
      {"chroot", Free::whatever, [] { return chroot("/nonexistent"); }},
      {"unshare", Free::succeeds, [] { return unshare(CLONE_FILES); }},
      {"setns", Free::whatever, [] { return setns(0, 0); }},
      {"bpf", Free::whatever, [] { return syscall(SYS_bpf, BPF_PROG_LOAD, nullptr, 0); }},
      {"keyctl", Free::succeeds,
       [] { return syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_PROCESS_KEYRING, 1); }},
      {"perf_event_open", Free::whatever,
       [] { return syscall(SYS_perf_event_open, nullptr, 0, -1, -1, 0); }},
      {"userfaultfd", Free::whatever, [] { return syscall(SYS_userfaultfd, 0); }},
      {"io_uring_setup", Free::whatever, [] { return syscall(SYS_io_uring_setup, 1, nullptr); }},
      {"memfd_create", Free::succeeds, [] { return syscall(SYS_memfd_create, "x", 0); }},
      {"personality", Free::succeeds, [] { return syscall(SYS_personality, 0xffffffffUL); }},
      {"kexec_load", Free::whatever, [] { return syscall(SYS_kexec_load, 0, 0, nullptr, 0); }},
      {"reboot", Free::whatever, [] { return syscall(SYS_reboot, 0, 0, 0, nullptr); }},
      {"setuid", Free::succeeds, [] { return syscall(SYS_setuid, getuid()); }},
      {"setresuid", Free::succeeds, [] { return syscall(SYS_setresuid, -1, -1, -1); }},
      {"setgroups", Free::whatever, [] { return syscall(SYS_setgroups, 0, nullptr); }},
      {"capset", Free::whatever, [] { return syscall(SYS_capset, nullptr, nullptr); }},
      {"a new filter", Free::whatever, [] { return syscall(SYS_seccomp, 0, 1, nullptr); }},
      {"mknod", Free::whatever, [] { return mknod("/tmp/reeve-never", S_IFBLK, 0); }},
      {"a limit", Free::whatever,
       [] {
         const std::array<std::uint64_t, 2> none{};
         return syscall(SYS_prlimit64, 0, 7, none.data(), nullptr);
       }},
      {"a terminal's input", Free::whatever, [] { return syscall(SYS_ioctl, 0, 0x5412, "x"); }},
      {"an IPv4 datagram socket", Free::succeeds,
       [] { return socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0); }},
      {"a raw socket", Free::whatever, [] { return socket(AF_INET, SOCK_RAW, 1); }},
      {"a packet socket", Free::whatever, [] { return socket(AF_PACKET, SOCK_RAW, 0); }},
      {"a vsock socket", Free::whatever, [] { return socket(AF_VSOCK, SOCK_STREAM, 0); }},
      {"a kernel crypto socket", Free::whatever, [] { return socket(AF_ALG, SOCK_SEQPACKET, 0); }},
  };
}

std::vector<Trial> courier_trials() {
  return {
      {"openat", Free::succeeds, [] { return open_file("/etc/passwd", O_RDONLY); }},
      {"open", Free::succeeds, [] { return syscall(SYS_open, "/etc/passwd", O_RDONLY); }},
      {"openat2", Free::whatever, [] { return syscall(SYS_openat2, AT_FDCWD, "/", nullptr, 0); }},
      {"creat", Free::whatever, [] { return syscall(SYS_creat, "/nonexistent/x", 0600); }},
      {"open_by_handle_at", Free::whatever,
       [] { return syscall(SYS_open_by_handle_at, AT_FDCWD, nullptr, 0); }},
      {"stat", Free::succeeds,
       [] {
         struct stat found {};
         return stat("/", &found);
       }},
      {"readlink", Free::whatever, [] { return syscall(SYS_readlink, "/proc/self", nullptr, 0); }},
      {"unlink", Free::whatever, [] { return unlink("/nonexistent"); }},
      {"rename", Free::whatever, [] { return rename("/nonexistent", "/nonexistent2"); }},
      {"mkdir", Free::whatever, [] { return mkdir("/nonexistent/x", 0700); }},
      {"chmod", Free::whatever, [] { return chmod("/nonexistent", 0700); }},
      {"chdir", Free::succeeds, [] { return chdir("/"); }},
      {"getdents64", Free::whatever, [] { return syscall(SYS_getdents64, 0, nullptr, 0); }},
      {"inotify", Free::succeeds, [] { return inotify_init1(IN_CLOEXEC); }},
      {"kill another", Free::succeeds, [] { return kill(getppid(), 0); }},
      {"kill itself by kill(2)", Free::succeeds, [] { return kill(getpid(), 0); }},
      {"signal another's thread", Free::succeeds,
       [] { return syscall(SYS_tgkill, getppid(), getppid(), 0); }},
      {"pidfd_open", Free::succeeds, [] { return syscall(SYS_pidfd_open, getppid(), 0); }},
      {"a local socket", Free::succeeds, [] { return socket(AF_UNIX, SOCK_STREAM, 0); }},
      {"a local pair", Free::succeeds,
       [] {
         std::array<int, 2> ends{};
         return socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data());
       }},
      {"a netlink socket", Free::succeeds, [] { return socket(AF_NETLINK, SOCK_RAW, 0); }},
      {"an IPv6 datagram socket", Free::whatever, [] { return socket(AF_INET6, SOCK_DGRAM, 0); }},
      {"bind", Free::whatever, [] { return bind(socket(AF_INET, SOCK_STREAM, 0), nullptr, 0); }},
      {"listen", Free::succeeds, [] { return listen(socket(AF_INET, SOCK_STREAM, 0), 1); }},
      {"accept", Free::whatever, [] { return accept4(0, nullptr, nullptr, 0); }},
      {"dumpable again", Free::succeeds, [] { return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0); }},
      {"a shared memory segment", Free::whatever,
       [] { return syscall(SYS_shmget, 0, 4'096, 0600); }},
      {"a thread of another namespace", Free::whatever,
       [] { return syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0); }},
  };
}

std::vector<Trial> agent_trials() {
  return {
      {"an IPv4 socket", Free::succeeds, [] { return socket(AF_INET, SOCK_STREAM, 0); }},
      {"an IPv6 socket", Free::whatever, [] { return socket(AF_INET6, SOCK_STREAM, 0); }},
      {"connect", Free::whatever,
       [] {
         sockaddr_un address{};
         address.sun_family = AF_UNIX;
         const auto* generic = reinterpret_cast<const sockaddr*>(&address);
         return connect(socket(AF_UNIX, SOCK_STREAM, 0), generic, sizeof address);
       }},
      {"open_by_handle_at", Free::whatever,
       [] { return syscall(SYS_open_by_handle_at, AT_FDCWD, nullptr, 0); }},
      {"clone3", Free::whatever, [] { return syscall(SYS_clone3, nullptr, 0); }},
      {"settimeofday", Free::whatever, [] { return syscall(SYS_settimeofday, nullptr, nullptr); }},
      {"sethostname", Free::whatever, [] { return syscall(SYS_sethostname, "", -1); }},
      {"swapon", Free::whatever, [] { return syscall(SYS_swapon, "/nonexistent", 0); }},
      {"quotactl", Free::whatever, [] { return syscall(SYS_quotactl, 0, nullptr, 0, nullptr); }},
      {"acct", Free::whatever, [] { return syscall(SYS_acct, nullptr); }},
  };
}

void try_all(const std::vector<Trial>& trials,
             const std::function<int(const std::function<int()>&)>& sealed) {
  for (const auto& trial : trials) {
    CAPTURE(trial.name);
    const auto attempt = [&] { return errno_of(trial.call); };
    CHECK(sealed(attempt) == EPERM);
    if (trial.unsealed == Free::succeeds) CHECK(in_child(attempt) == 0);
  }
}

TEST_CASE("the deciding process is denied what its design denies it") {
  try_all(common_trials(), sealed_as_agent);
  try_all(agent_trials(), sealed_as_agent);
}

TEST_CASE("the courier is denied what its design denies it") {
  try_all(common_trials(), sealed_as_courier);
  try_all(courier_trials(), sealed_as_courier);
}

TEST_CASE("clone3 answers ENOSYS to the courier, so that the C library falls back") {
  CHECK(sealed_as_courier(
            [] { return errno_of([] { return syscall(SYS_clone3, nullptr, 0); }); }) == ENOSYS);
}

TEST_CASE("the courier cannot grow a file that was open before it sealed itself") {
  std::string path = "/tmp/reeve-sandbox-file-XXXXXX";
  const Fd file(mkostemp(path.data(), O_CLOEXEC));
  REQUIRE(file.is_open());
  // The sealed courier gets an error and not SIGXFSZ, which would end it at its first message.
  const auto grow = [&] { return errno_of([&] { return write(file.get(), "x", 1); }); };
  CHECK(sealed_as_courier(grow) == EFBIG);
  CHECK(in_child(grow) == 0);
  unlink(path.c_str());
}

TEST_CASE("a courier's user that does not exist is an error, and so is root") {
  const EmptyRoot root;
  for (const char* user : {"no-such-user-here", "root", ""}) {
    const auto outcome = seal_courier({user, root.path});
    REQUIRE_FALSE(outcome.ok());
    CHECK(outcome.error().name == "courier_user_unknown");
  }
}

TEST_CASE("the courier as the same user answers reduced") {
  const EmptyRoot root;
  CHECK(in_child([&] {
          const auto outcome = seal_courier({"same", root.path});
          return outcome.ok() && *outcome == "reduced" ? 0 : 1;
        }) == 0);
}

TEST_CASE("a filter names the call that it does not know") {
  CHECK(in_child([] {
          Filter filter;
          filter.allow({"exit_group", "opnat"});
          const auto loaded = filter.load();
          const bool named = !loaded.ok() && loaded.error().name == "sandbox_failed" &&
                             loaded.error().detail.find("opnat") != std::string::npos;
          return named ? 0 : 1;
        }) == 0);
}

// The number of the first step that fails, else 0. Steps are what the agent's rooms do.
int first_failure(const std::vector<Call>& steps) {
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (steps[i]() == -1) return static_cast<int>(i) + 1;
  }
  return 0;
}

TEST_CASE("the deciding process can still do its work on files") {
  std::string directory = "/tmp/reeve-sandbox-work-XXXXXX";
  REQUIRE(mkdtemp(directory.data()) != nullptr);
  const std::string file = directory + "/file";
  const std::string other = directory + "/other";
  const auto work = [&] {
    const int fd = open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    const int path_fd = open(file.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC);
    const std::string by_fd = "/proc/self/fd/" + std::to_string(path_fd);
    struct statx found {};
    std::array<char, 64> text{};
    return first_failure({
        [&] { return write(fd, "text", 4); },
        [&] { return pwrite(fd, "more", 4, 4); },
        [&] { return pread(fd, text.data(), 4, 0); },
        [&] { return fdatasync(fd); },
        [&] { return fsync(fd); },
        [&] { return ftruncate(fd, 2); },
        [&] { return posix_fallocate(fd, 0, 16) == 0 ? 0 : -1; },
        [&] { return flock(fd, LOCK_EX | LOCK_NB); },
        [&] { return chmod(by_fd.c_str(), 0640); },
        [&] {
          const auto changed = syscall(change_mode_call, path_fd, "", 0640, AT_EMPTY_PATH);
          return changed == 0 || errno == ENOSYS ? 0 : -1;
        },
        [&] { return fchownat(path_fd, "", getuid(), getgid(), AT_EMPTY_PATH); },
        [&] { return statx(path_fd, "", AT_EMPTY_PATH, STATX_ALL, &found); },
        [&] {
          return lgetxattr(file.c_str(), "user.x", nullptr, 0) >= 0 || errno != EPERM ? 0 : -1;
        },
        [&] { return rename(file.c_str(), other.c_str()); },
        [&] { return link(other.c_str(), file.c_str()); },
        [&] { return unlink(file.c_str()); },
        [&] { return unlink(other.c_str()); },
        [&] { return mkdir(file.c_str(), 0700); },
        [&] { return rmdir(file.c_str()); },
        [&] { return readlink("/proc/self/exe", text.data(), text.size()); },
    });
  };
  CHECK(sealed_as_agent(work) == 0);
  rmdir(directory.c_str());
}

TEST_CASE("the deciding process can still wait, listen locally and ask the kernel") {
  const std::string socket_path = "/tmp/reeve-sandbox-" + std::to_string(getpid()) + ".sock";
  const auto work = [&] {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, socket_path.c_str(), socket_path.size());
    const int local = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    const int netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    sockaddr_nl any{};
    any.nl_family = AF_NETLINK;
    sigset_t signals;
    sigemptyset(&signals);
    std::array<int, 2> pair{};
    epoll_event event{};
    const int set = epoll_create1(EPOLL_CLOEXEC);
    const int notify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    itimerspec soon{{0, 0}, {0, 1}};
    const int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    std::vector<char> large(1 << 20);
    large.resize(64u << 20);  // grows by mremap(2) or a second mapping
    return first_failure({
        [&] { return bind(local, reinterpret_cast<const sockaddr*>(&address), sizeof address); },
        [&] { return listen(local, 4); },
        [&] { return bind(netlink, reinterpret_cast<const sockaddr*>(&any), sizeof any); },
        [&] { return socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair.data()); },
        [&] { return send(pair[0], "x", 1, MSG_NOSIGNAL); },
        [&] { return inotify_add_watch(notify, "/tmp", IN_ATTRIB); },
        [&] { return epoll_ctl(set, EPOLL_CTL_ADD, pair[1], &event); },
        [&] { return epoll_wait(set, &event, 1, 0); },
        [&] { return timerfd_settime(timer, 0, &soon, nullptr); },
        [&] { return eventfd(0, EFD_CLOEXEC); },
        [&] { return signalfd(-1, &signals, SFD_CLOEXEC); },
        [&] { return kill(getpid(), 0); },
        [&] { return syscall(SYS_pidfd_open, getpid(), 0); },
        [&] { return random_bytes<16>().is_zero() ? -1 : 0; },
        [&] { return prctl(PR_SET_NAME, "reeve-agent", 0, 0, 0); },
    });
  };
  CHECK(sealed_as_agent(work) == 0);
  unlink(socket_path.c_str());
}

TEST_CASE("a crash in a sealed process is still a crash, and an exception is still caught") {
  CHECK(sealed_as_agent([] {
          try {
            throw std::vector<int>(3);
          } catch (const std::vector<int>& caught) {
            return static_cast<int>(caught.size());
          }
        }) == 3);
  const auto crash = []() -> int {
    std::signal(SIGABRT, SIG_DFL);  // instead of the test framework's handler
    std::abort();
  };
  CHECK(sealed_as_agent(crash) == died);
  CHECK(sealed_as_courier(crash) == died);
}

TEST_CASE("the deciding process keeps the listed capabilities that it had, and no others") {
  const std::vector<unsigned> kept{CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER,
                                   CAP_CHOWN,        CAP_FSETID,          CAP_KILL,
                                   CAP_NET_ADMIN,    CAP_SYS_PTRACE};
  for (unsigned capability = 0; capability <= CAP_LAST_CAP; ++capability) {
    CAPTURE(capability);
    const bool listed = std::find(kept.begin(), kept.end(), capability) != kept.end();
    const int expected = listed && has_capability(capability) ? 1 : 0;
    CHECK(sealed_as_agent([&] { return has_capability(capability) ? 1 : 0; }) == expected);
  }
}

TEST_CASE("the seal sets no_new_privs") {
  const auto ask = [] { return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0); };
  CHECK(sealed_as_agent(ask) == 1);
  CHECK(in_child(ask) == 0);
}

}  // namespace
}  // namespace reeve
