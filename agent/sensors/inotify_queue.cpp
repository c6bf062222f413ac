#include "agent/sensors/inotify_queue.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "agent/safe_path.h"
#include "agent/sensors/sensor_limits.h"

namespace reeve {

const std::uint32_t InotifyQueue::names = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO;
const std::uint32_t InotifyQueue::names_and_attributes = names | IN_ATTRIB;
const std::uint32_t InotifyQueue::content = IN_MODIFY | IN_CLOSE_WRITE;

Result<InotifyQueue> InotifyQueue::open() {
  Fd fd(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (!fd.is_open()) return os_error("sensor_failed", "start", "inotify", errno);
  return InotifyQueue(std::move(fd));
}

Result<int> InotifyQueue::add(int directory, std::uint32_t mask) {
  // By descriptor, so that what is watched is what was walked to, whoever has the name by now.
  std::string name = proc_path(directory);
  int watch = inotify_add_watch(fd_.get(), name.c_str(), mask | IN_ONLYDIR | IN_MASK_ADD);
  if (watch < 0) return os_error("sensor_failed", "watch", "a directory", errno);
  return watch;
}

void InotifyQueue::remove(int watch) { inotify_rm_watch(fd_.get(), watch); }

void InotifyQueue::discard() {
  std::array<char, limits::sensor_read_bytes> part;
  while (::read(fd_.get(), part.data(), part.size()) > 0) {
  }
}

std::vector<InotifyEvent> InotifyQueue::read() {
  std::vector<InotifyEvent> out;
  alignas(inotify_event) std::array<char, limits::sensor_read_bytes> part;
  while (out.size() < limits::sensor_events_max) {
    ssize_t count = ::read(fd_.get(), part.data(), part.size());
    if (count <= 0) break;
    auto size = static_cast<std::size_t>(count);
    for (std::size_t at = 0; at + sizeof(inotify_event) <= size;) {
      inotify_event head{};
      std::memcpy(&head, part.data() + at, sizeof(head));
      const char* name = part.data() + at + sizeof(head);
      out.push_back({head.wd, head.mask, std::string(name, strnlen(name, head.len))});
      at += sizeof(head) + head.len;
    }
    // A short read emptied the queue; asking again would cost a call for every event.
    if (size < part.size() / 2) break;
  }
  return out;
}

}  // namespace reeve
