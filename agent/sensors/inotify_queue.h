// inotify(7): needs no privilege and works in any namespace; does not say whose act an event is.
#pragma once

#include <memory>

#include "agent/sensors/directory_queue.h"

namespace reeve {

class InotifyQueue final : public DirectoryQueue {
 public:
  // Errors: `sensor_failed`.
  static Result<std::unique_ptr<DirectoryQueue>> open();
  explicit InotifyQueue(Fd fd) : fd_(std::move(fd)) {}

  std::string_view name() const override { return "inotify"; }
  int fd() const override { return fd_.get(); }
  // ENOSPC: fs.inotify.max_user_watches is reached.
  Result<int> add(int directory, std::uint32_t mask) override;
  void tell_above(int) override {}  // it does so by itself
  void remove(int watch) override;
  void clear(const std::vector<int>& watches) override;
  std::vector<DirectoryEvent> read() override;

 private:
  Fd fd_;
};

}  // namespace reeve
