// What regular files hold: digests, each computed once for a file that has not changed since, and
// the first bytes where a rule lets them be shown. Opens an object anew through its O_PATH
// descriptor and only where it is a regular file, so that no FIFO is waited for and no device is
// touched. Used by LinuxHost alone, on one thread.
#pragma once

#include <sys/stat.h>

#include <functional>
#include <map>
#include <tuple>

#include "agent/host.h"
#include "agent/kind_limits.h"
#include "common/fd.h"

namespace reeve {

class FileContents {
 public:
  // Wall time in nanoseconds, as the stamps of files are.
  using Now = std::function<std::int64_t()>;
  explicit FileContents(Now now) : now_(std::move(now)) {}

  // Of what an O_PATH descriptor stands for; `path` is for words. A file that is changed meanwhile
  // gives the digest of what was read, and is read again the next time.
  // Errors: `too_large` (beyond limits::digested_bytes_max), `check_failed`.
  Result<ContentFacts> facts_of(int fd, const std::string& path);
  // At most so many bytes from the start. Errors: `check_failed`.
  static Result<Bytes> head_of(int fd, const std::string& path, std::size_t bytes_max);

 private:
  // What changes whenever the content does. The time of change (ctime) can be set by no call; only
  // a clock that root puts back brings one again.
  struct Stamp {
    std::uint64_t size;
    std::int64_t modified_ns;
    std::int64_t changed_ns;
    bool operator==(const Stamp&) const = default;
  };
  struct Known {
    Stamp stamp;
    Digest sha256;
  };
  using Key = std::pair<std::uint64_t, std::uint64_t>;  // device, inode

  static Stamp stamp_of(const struct stat& found);
  const Known* recall(const Key& key);
  void remember(const Key& key, const Known& known);

  Now now_;
  // Two generations: when the newer one is full it becomes the older, whose entries are forgotten
  // unless they were asked for since.
  std::map<Key, Known> newer_;
  std::map<Key, Known> older_;
};

}  // namespace reeve
