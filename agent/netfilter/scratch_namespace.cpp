#include "agent/netfilter/scratch_namespace.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <string>

#include "agent/netfilter/netfilter_limits.h"
#include "agent/sandbox.h"
#include "common/fd.h"

namespace reeve {
namespace {

// A sanitizer's shadow takes terabytes of address space.
#if defined(__SANITIZE_ADDRESS__)
constexpr bool is_sanitized = true;
#elif defined(__has_feature)
constexpr bool is_sanitized = __has_feature(address_sanitizer);
#else
constexpr bool is_sanitized = false;
#endif

Error failed(std::string_view act, std::string_view object) {
  Error error = os_error("scratch_failed", act, object, errno);
  error.next =
      "run as root, or let ordinary users make user namespaces (sysctl user.max_user_namespaces, "
      "kernel.unprivileged_userns_clone, kernel.apparmor_restrict_unprivileged_userns)";
  return error;
}

Status write_whole(const char* path, const std::string& text) {
  const Fd file(::open(path, O_WRONLY | O_CLOEXEC));
  if (!file.is_open() || ::write(file.get(), text.data(), text.size()) < 0)
    return failed("write", path);
  return {};
}

// The user becomes root of a user namespace, and of nothing else.
Status unshare_as_user(int namespaces) {
  const uid_t uid = geteuid();
  const gid_t gid = getegid();
  if (unshare(CLONE_NEWUSER | namespaces) != 0) return failed("make", "a network namespace");
  REEVE_TRY(write_whole("/proc/self/setgroups", "deny"));
  REEVE_TRY(write_whole("/proc/self/uid_map", fmt::format("0 {} 1", uid)));
  return write_whole("/proc/self/gid_map", fmt::format("0 {} 1", gid));
}

Status unshare_all(int namespaces) {
  if (unshare(namespaces) == 0) return {};
  if (errno != EPERM) return failed("make", "a network namespace");
  return unshare_as_user(namespaces);
}

// An empty file system of our own mount namespace, read-only, that is gone with this process.
Status mount_empty_root() {
  constexpr const char* place = "/proc";  // a directory that every host has
  constexpr auto flags = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC;
  if (mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
    return failed("make private", "the mounts of a scratch namespace");
  if (mount("none", place, "tmpfs", flags, "size=4k") != 0)
    return failed("mount", "an empty root directory");
  if (chroot(place) != 0 || chdir("/") != 0) return failed("enter", "an empty root directory");
  return {};
}

Status limit(__rlimit_resource resource, rlim_t most) {
  const rlimit both{most, most};
  if (setrlimit(resource, &both) != 0) return failed("bound", "a scratch namespace's process");
  return {};
}

Status limit_resources() {
  REEVE_TRY(limit(RLIMIT_CPU, limits::scratch_deadline_s));
  REEVE_TRY(limit(RLIMIT_CORE, 0));
  REEVE_TRY(limit(RLIMIT_FSIZE, 0));
  REEVE_TRY(limit(RLIMIT_NOFILE, limits::scratch_descriptors_max));
  return is_sanitized ? Status() : limit(RLIMIT_AS, limits::scratch_memory_bytes);
}

Status keep_only(int descriptor) {
  // Its output has nowhere to go, and nothing that is open here is the text's business.
  const int kept = fcntl(descriptor, F_DUPFD_CLOEXEC, 3);
  if (kept < 0) return failed("keep", "a descriptor");
  const unsigned first = static_cast<unsigned>(kept);
  const bool closed = close_range(0, first - 1, 0) == 0 && close_range(first + 1, ~0u, 0) == 0;
  if (!closed || dup2(kept, descriptor) != descriptor) return failed("close", "descriptors");
  return {};
}

}  // namespace

Status enter_scratch_namespace(int kept_descriptor, const std::string& empty_root) {
  if (empty_root.empty()) {
    REEVE_TRY(unshare_all(CLONE_NEWNET | CLONE_NEWNS));
    REEVE_TRY(mount_empty_root());
  } else {
    REEVE_TRY(unshare_all(CLONE_NEWNET));
    if (chdir(empty_root.c_str()) != 0 || chroot(".") != 0) return failed("enter", empty_root);
  }
  REEVE_TRY(keep_only(kept_descriptor));
  REEVE_TRY(limit_resources());
  prctl(PR_SET_PDEATHSIG, SIGKILL);  // a user namespace's making has cleared it
  return seal_scratch();
}

}  // namespace reeve
