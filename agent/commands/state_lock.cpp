// What `run` and `join` share: the hold on a state directory, and signals as a descriptor.
#include <fcntl.h>
#include <sys/file.h>
#include <sys/signalfd.h>

#include <cerrno>
#include <csignal>

#include "agent/commands/commands.h"
#include "common/paths.h"

namespace reeve {

// Held by launcher and deciding process alike, until both are gone.
Result<Fd> lock_state(int directory, const std::string& path) {
  const std::string name(paths::agent_lock);
  Fd lock(::openat(directory, name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  // A disk that has become read-only stops no enforcement.
  if (!lock.is_open() && errno == EROFS)
    lock = Fd(::openat(directory, name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!lock.is_open()) return os_error("disk_failed", "open", name, errno);
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) == 0) return lock;
  if (errno != EWOULDBLOCK) return os_error("disk_failed", "flock", name, errno);
  return Error{"state_in_use", "another agent holds " + path,
               "stop it first, or give this one a state directory of its own"};
}

Result<Fd> signals_to_stop() {
  sigset_t stops;
  sigemptyset(&stops);
  for (int number : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&stops, number);
  if (::sigprocmask(SIG_BLOCK, &stops, nullptr) != 0)
    return os_error("launch_failed", "sigprocmask", "stop signals", errno);
  Fd signals(::signalfd(-1, &stops, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals.is_open()) return os_error("launch_failed", "signalfd", "stop signals", errno);
  return signals;
}

}  // namespace reeve
