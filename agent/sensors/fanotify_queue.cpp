#include "agent/sensors/fanotify_queue.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/fanotify.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstring>

#include "agent/safe_path.h"
#include "agent/sensors/inotify_queue.h"
#include "agent/sensors/sensor_limits.h"

namespace reeve {
namespace {

// Both have one vocabulary.
static_assert(FAN_ATTRIB == IN_ATTRIB && FAN_MODIFY == IN_MODIFY && FAN_CREATE == IN_CREATE &&
              FAN_DELETE == IN_DELETE && FAN_MOVED_FROM == IN_MOVED_FROM &&
              FAN_MOVED_TO == IN_MOVED_TO && FAN_CLOSE_WRITE == IN_CLOSE_WRITE &&
              FAN_Q_OVERFLOW == IN_Q_OVERFLOW && FAN_ONDIR == IN_ISDIR);

constexpr int first_watch = 1 << 30;  // above all of inotify's, which has its own numbers
constexpr std::size_t fsid_bytes = sizeof(__kernel_fsid_t);
static_assert(fsid_bytes == sizeof(fsid_t));

struct Handle {
  alignas(file_handle) std::array<char, sizeof(file_handle) + MAX_HANDLE_SZ> bytes{};
  file_handle* get() { return reinterpret_cast<file_handle*>(bytes.data()); }
};

std::string key_of(const void* fsid, const file_handle& head, const void* handle) {
  std::string out(static_cast<const char*>(fsid), fsid_bytes);
  out.append(reinterpret_cast<const char*>(&head.handle_type), sizeof head.handle_type);
  out.append(static_cast<const char*>(handle), head.handle_bytes);
  return out;
}

std::optional<std::string> key_of(int directory) {
  Handle handle;
  handle.get()->handle_bytes = MAX_HANDLE_SZ;
  int mount = 0;
  struct statfs facts {};
  if (::name_to_handle_at(directory, "", handle.get(), &mount, AT_EMPTY_PATH) != 0 ||
      ::fstatfs(directory, &facts) != 0)
    return std::nullopt;
  return key_of(&facts.f_fsid, *handle.get(), handle.get()->f_handle);
}

std::string path_of(int fd) {
  std::string out(PATH_MAX, '\0');
  const auto got = ::readlink(proc_path(fd).c_str(), out.data(), out.size());
  out.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
  return out;
}

// The parts of one event that are asked for.
struct Parts {
  std::string key;
  std::string name;
};

Parts parts_of(const char* at, const char* end) {
  Parts out;
  fanotify_event_info_header head{};
  for (; end - at >= static_cast<std::ptrdiff_t>(sizeof head); at += head.len) {
    std::memcpy(&head, at, sizeof head);
    if (head.len < sizeof head || head.len > end - at) break;
    if (head.info_type != FAN_EVENT_INFO_TYPE_DFID_NAME) continue;
    const char* fsid = at + sizeof head;
    const char* handle_at = fsid + fsid_bytes;
    file_handle handle{};
    if (at + head.len < handle_at + sizeof handle) continue;
    std::memcpy(&handle, handle_at, sizeof handle);
    const char* bytes = handle_at + sizeof handle;
    const auto left = static_cast<std::size_t>(at + head.len - bytes);
    if (handle.handle_bytes > left) continue;
    out.key = key_of(fsid, handle, bytes);
    const char* name = bytes + handle.handle_bytes;
    out.name.assign(name, strnlen(name, left - handle.handle_bytes));
    if (out.name == ".") out.name.clear();
  }
  return out;
}

bool is_refused_by_kind(int os_errno) {
  return os_errno == EOPNOTSUPP || os_errno == ENODEV || os_errno == EXDEV || os_errno == EINVAL;
}

}  // namespace

Result<std::unique_ptr<FanotifyQueue>> FanotifyQueue::open() {
  // As many marks as policy asks for: what bounds them is how much a rule may cover.
  constexpr unsigned flags = FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_NONBLOCK | FAN_REPORT_DIR_FID |
                             FAN_REPORT_NAME | FAN_UNLIMITED_MARKS;
  Fd fd(::fanotify_init(flags, O_RDONLY | O_CLOEXEC));
  if (!fd.is_open()) return os_error("sensor_failed", "start", "fanotify", errno);
  Fd poll(::epoll_create1(EPOLL_CLOEXEC));
  epoll_event event{};
  event.events = EPOLLIN;
  if (!poll.is_open() || ::epoll_ctl(poll.get(), EPOLL_CTL_ADD, fd.get(), &event) != 0)
    return os_error("sensor_failed", "poll", "fanotify", errno);
  return std::make_unique<FanotifyQueue>(std::move(fd), std::move(poll));
}

Result<int> FanotifyQueue::add(int directory, std::uint32_t mask) {
  const auto key = key_of(directory);
  if (!key) return add_elsewhere(directory, mask);
  const auto marked = mark(directory, *key, mask);
  if (marked.ok()) return (*marked)->watch;
  if (is_refused_by_kind(marked.error().os_errno)) return add_elsewhere(directory, mask);
  return marked.error();
}

void FanotifyQueue::tell_above(int directory) {
  if (const auto key = key_of(directory)) static_cast<void>(mark(directory, *key, IN_ATTRIB));
}

Result<FanotifyQueue::Marked*> FanotifyQueue::mark(int directory, const Key& key,
                                                   std::uint32_t mask) {
  std::uint64_t all = mask | FAN_ONDIR | FAN_DELETE_SELF;
  if (mask != IN_ATTRIB) all |= FAN_EVENT_ON_CHILD;
  // By descriptor, so that what is watched is what was walked to, whoever has the name by now.
  if (::fanotify_mark(fd_.get(), FAN_MARK_ADD | FAN_MARK_ONLYDIR, all, AT_FDCWD,
                      proc_path(directory).c_str()) != 0)
    return os_error("sensor_failed", "watch", "a directory", errno);
  const auto [found, is_new] = marked_.try_emplace(key);
  Marked& marked = found->second;
  if (is_new) {
    marked.watch = first_watch + next_;
    next_ = (next_ + 1) % (first_watch - 1);
    keys_.emplace(marked.watch, key);
  }
  place(marked, directory);
  return &marked;
}

// The kernel tells of a directory's own attributes by the directory's own handle, whoever watches
// it; inotify tells the directory above as well, by the name there, and so does this.
void FanotifyQueue::place(Marked& marked, int directory) const {
  const Fd parent(::openat(directory, "..", O_PATH | O_DIRECTORY | O_CLOEXEC));
  const auto above = parent.is_open() ? key_of(parent.get()) : std::nullopt;
  const auto found = above ? marked_.find(*above) : marked_.end();
  const bool is_known = found != marked_.end() && &found->second != &marked;
  marked.above = is_known ? found->second.watch : -1;
  if (!is_known) return;
  const std::string path = path_of(directory);
  marked.name = path.substr(path.rfind('/') + 1);
}

Result<int> FanotifyQueue::add_elsewhere(int directory, std::uint32_t mask) {
  if (!others_) {
    auto queue = InotifyQueue::open();
    if (!queue.ok()) return queue.error();
    epoll_event event{};
    event.events = EPOLLIN;
    if (::epoll_ctl(poll_.get(), EPOLL_CTL_ADD, (*queue)->fd(), &event) != 0)
      return os_error("sensor_failed", "poll", "inotify", errno);
    others_ = std::move(*queue);
  }
  return others_->add(directory, mask);
}

void FanotifyQueue::remove(int watch) {
  if (watch >= first_watch) return forget(watch);
  if (others_) others_->remove(watch);
}

void FanotifyQueue::forget(int watch) {
  const auto known = keys_.find(watch);
  if (known == keys_.end()) return;
  marked_.erase(known->second);
  keys_.erase(known);
}

void FanotifyQueue::clear(const std::vector<int>& watches) {
  ::fanotify_mark(fd_.get(), FAN_MARK_FLUSH, 0, AT_FDCWD, nullptr);
  marked_.clear();
  keys_.clear();
  if (others_) {
    std::vector<int> elsewhere;
    for (const int watch : watches)
      if (watch < first_watch) elsewhere.push_back(watch);
    others_->clear(elsewhere);
  }
  while (!read().empty()) {
  }
}

std::vector<DirectoryEvent> FanotifyQueue::read() {
  std::vector<DirectoryEvent> out;
  alignas(fanotify_event_metadata) std::array<char, limits::sensor_read_bytes> part;
  // Bounded in reads too: of a directory that was moved away nothing is taken, and it may go on.
  for (std::size_t reads = 0;
       out.size() < limits::sensor_events_max && reads < limits::sensor_reads_max; ++reads) {
    const ssize_t count = ::read(fd_.get(), part.data(), part.size());
    if (count <= 0) break;
    const auto size = static_cast<std::size_t>(count);
    fanotify_event_metadata head{};
    for (std::size_t at = 0; size - at >= sizeof head; at += head.event_len) {
      std::memcpy(&head, part.data() + at, sizeof head);
      if (head.event_len < sizeof head || head.event_len > size - at) break;
      take(part.data() + at, head.event_len, out);
    }
    // A short read emptied the queue; asking again would cost a call for every event.
    if (size < part.size() / 2) break;
  }
  if (!others_) return out;
  for (DirectoryEvent& event : others_->read()) out.push_back(std::move(event));
  return out;
}

void FanotifyQueue::take(const char* event, std::size_t size, std::vector<DirectoryEvent>& out) {
  fanotify_event_metadata head{};
  std::memcpy(&head, event, sizeof head);
  if ((head.mask & FAN_Q_OVERFLOW) != 0) {
    out.push_back({-1, IN_Q_OVERFLOW, {}, 0});
    return;
  }
  Parts parts = parts_of(event + head.metadata_len, event + size);
  const auto found = marked_.find(parts.key);
  if (found == marked_.end()) return;
  const auto mask = static_cast<std::uint32_t>(head.mask);
  const Marked marked = found->second;
  DirectoryEvent told{marked.watch, mask & ~std::uint32_t{IN_DELETE_SELF}, std::move(parts.name),
                      static_cast<std::uint64_t>(std::max(head.pid, 0))};
  const bool is_own = told.name.empty();
  if (is_own && (mask & IN_ATTRIB) != 0 && marked.above >= 0)
    out.push_back({marked.above, told.mask, marked.name, told.pid});
  if ((told.mask & ~std::uint32_t{IN_ISDIR}) != 0) out.push_back(std::move(told));
  if (!is_own || (mask & IN_DELETE_SELF) == 0) return;
  forget(marked.watch);
  out.push_back({marked.watch, IN_IGNORED, {}, 0});
}

}  // namespace reeve
