// inotify(7) itself: one queue of the kernel's, watches on open directories, and the events in it.
// Knows nothing of rules or paths. Owned by the sensor; one thread uses it.
#pragma once

#include <string>
#include <vector>

#include "common/fd.h"
#include "common/result.h"

namespace reeve {

struct InotifyEvent {
  int watch = -1;  // -1 for an overflow
  std::uint32_t mask = 0;
  std::string name;  // empty where the directory itself is meant
};

class InotifyQueue {
 public:
  // What becomes of the names in a directory; and of the attributes of what they name as well.
  static const std::uint32_t names;
  static const std::uint32_t names_and_attributes;
  // Each write to what a name stands for, and the end of writing: a mapping shows only there.
  static const std::uint32_t content;

  // Errors: `sensor_failed`.
  static Result<InotifyQueue> open();

  int fd() const { return fd_.get(); }
  // Watches a directory, O_PATH descriptors too; masks of one directory add up. The number is the
  // same for the same directory and not soon given to another. Errors: `sensor_failed`, with ENOSPC
  // in os_errno where fs.inotify.max_user_watches is reached.
  Result<int> add(int directory, std::uint32_t mask);
  void remove(int watch);
  // Drops what waits. Ends where nothing is watched any more.
  void discard();
  // What waits, in order; the rest of a longer queue comes with the next call.
  std::vector<InotifyEvent> read();

 private:
  explicit InotifyQueue(Fd fd) : fd_(std::move(fd)) {}

  Fd fd_;
};

}  // namespace reeve
