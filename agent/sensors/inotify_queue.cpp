#include "agent/sensors/inotify_queue.h"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "agent/safe_path.h"
#include "agent/sensors/sensor_limits.h"

namespace reeve {

Result<std::unique_ptr<DirectoryQueue>> InotifyQueue::open() {
  Fd fd(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (!fd.is_open()) return os_error("sensor_failed", "start", "inotify", errno);
  return std::unique_ptr<DirectoryQueue>(std::make_unique<InotifyQueue>(std::move(fd)));
}

Result<int> InotifyQueue::add(int directory, std::uint32_t mask) {
  // By descriptor, so that what is watched is what was walked to, whoever has the name by now.
  std::string name = proc_path(directory);
  int watch = inotify_add_watch(fd_.get(), name.c_str(), mask | IN_ONLYDIR | IN_MASK_ADD);
  if (watch < 0) return os_error("sensor_failed", "watch", "a directory", errno);
  return watch;
}

void InotifyQueue::remove(int watch) { inotify_rm_watch(fd_.get(), watch); }

// The kernel tells of each watch that it is gone: of very many, that alone overflows the queue,
// and whoever looks again after an overflow would do so for ever.
void InotifyQueue::clear(const std::vector<int>& watches) {
  for (const int watch : watches) remove(watch);
  std::array<char, limits::sensor_read_bytes> part;
  while (::read(fd_.get(), part.data(), part.size()) > 0) {
  }
}

std::vector<DirectoryEvent> InotifyQueue::read() {
  std::vector<DirectoryEvent> out;
  alignas(inotify_event) std::array<char, limits::sensor_read_bytes> part;
  while (out.size() < limits::sensor_events_max) {
    ssize_t count = ::read(fd_.get(), part.data(), part.size());
    if (count <= 0) break;
    auto size = static_cast<std::size_t>(count);
    for (std::size_t at = 0; at + sizeof(inotify_event) <= size;) {
      inotify_event head{};
      std::memcpy(&head, part.data() + at, sizeof(head));
      const char* name = part.data() + at + sizeof(head);
      out.push_back({head.wd, head.mask, std::string(name, strnlen(name, head.len)), 0});
      at += sizeof(head) + head.len;
    }
    // A short read emptied the queue; asking again would cost a call for every event.
    if (size < part.size() / 2) break;
  }
  return out;
}

}  // namespace reeve
