// What the kernel tells of directories: one queue of events, and watches on open directories. The
// sensor of files is built on it and does not know which of the kernel's two ways it is. Masks are
// those of inotify(7), which fanotify(7) shares. Owned by the watch book; one thread uses it.
#pragma once

#include <sys/inotify.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/fd.h"
#include "common/result.h"

namespace reeve {

// IN_Q_OVERFLOW: events were lost. IN_IGNORED: the watch is gone, with its directory.
struct DirectoryEvent {
  int watch = -1;  // -1 for an overflow
  std::uint32_t mask = 0;
  std::string name;       // empty where the directory itself is meant
  std::uint64_t pid = 0;  // whose act it was; 0 where that is not told
};

// What becomes of the names in a directory; and of the attributes of what they name as well.
inline constexpr std::uint32_t names_mask = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO;
inline constexpr std::uint32_t attributes_mask = names_mask | IN_ATTRIB;
// Each write to what a name stands for, and the end of writing: a mapping shows only there.
inline constexpr std::uint32_t content_mask = IN_MODIFY | IN_CLOSE_WRITE;

class DirectoryQueue {
 public:
  virtual ~DirectoryQueue() = default;
  virtual std::string_view name() const = 0;
  virtual int fd() const = 0;
  // Watches a directory, O_PATH descriptors too; masks of one directory add up. The number is the
  // same for the same directory and not soon given to another. Errors: `sensor_failed`, with ENOSPC
  // in os_errno where there may be no more watches.
  virtual Result<int> add(int directory, std::uint32_t mask) = 0;
  // What becomes of the attributes of this directory, which is watched for nothing else, is to be
  // told to the directory that it is in, by its name there.
  virtual void tell_above(int directory) = 0;
  virtual void remove(int watch) = 0;
  // Ends these watches, which are all there are, and drops what waits.
  virtual void clear(const std::vector<int>& watches) = 0;
  // What waits, in order; the rest of a longer queue comes with the next call.
  virtual std::vector<DirectoryEvent> read() = 0;
};

}  // namespace reeve
