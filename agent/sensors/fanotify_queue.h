// fanotify(7) with directory handles and names: says whose act each event is. Opening it takes
// CAP_SYS_ADMIN; marks and events need no more than reading, so it is opened before the process is
// sealed. A directory on a file system without handles is watched by inotify instead, and its
// events name nobody. It does not tell that a file system was unmounted. A mark cannot be taken
// back without opening a directory by its handle, which the seal forbids: one that nobody needs any
// more stays, unheard, until the next clear() or the directory's end.
#pragma once

#include <memory>
#include <unordered_map>

#include "agent/sensors/directory_queue.h"

namespace reeve {

class FanotifyQueue final : public DirectoryQueue {
 public:
  // Errors: `sensor_failed`, in a user namespace as well.
  static Result<std::unique_ptr<FanotifyQueue>> open();
  FanotifyQueue(Fd fd, Fd poll) : fd_(std::move(fd)), poll_(std::move(poll)) {}

  std::string_view name() const override { return "fanotify"; }
  int fd() const override { return others_ ? poll_.get() : fd_.get(); }
  Result<int> add(int directory, std::uint32_t mask) override;
  void tell_above(int directory) override;
  void remove(int watch) override;
  void clear(const std::vector<int>& watches) override;
  std::vector<DirectoryEvent> read() override;
  int group_fd() const { return fd_.get(); }

 private:
  // A directory as the kernel names it: file system id, kind of handle, handle.
  using Key = std::string;
  struct Marked {
    int watch = -1;
    int above = -1;    // the watch of the directory that it is in, where that has one
    std::string name;  // there
  };
  Result<int> add_elsewhere(int directory, std::uint32_t mask);
  Result<Marked*> mark(int directory, const Key& key, std::uint32_t mask);
  void place(Marked& marked, int directory) const;
  void take(const char* event, std::size_t size, std::vector<DirectoryEvent>& out);
  void forget(int watch);

  Fd fd_;
  Fd poll_;                                 // of both queues, once there are two
  std::unique_ptr<DirectoryQueue> others_;  // or null
  int next_ = 0;
  std::unordered_map<Key, Marked> marked_;
  std::unordered_map<int, Key> keys_;
};

}  // namespace reeve
