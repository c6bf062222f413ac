// Reaches objects under a root directory in such a way that nobody but root decides where a path
// leads (docs/architecture.md section 5). Walks component by component with O_NOFOLLOW; a link is
// followed only where the link belongs to root and so does, unwritable by others, every directory
// from the root down to it. Absolute links resolve inside the root. Holds one descriptor and no
// other state; what it answers is true of the moment in which it looked, so acts go through the
// descriptors it gives.
#pragma once

#include <functional>

#include "agent/host.h"
#include "common/fd.h"

namespace reeve {

enum class FinalLink : std::uint8_t { keep, follow };

class SafePath {
 public:
  // An object that was walked to. Descriptors are O_PATH.
  struct Reached {
    Fd object;
    Fd directory;      // not open for "/" itself
    std::string name;  // of the object in its directory
    std::string path;  // of the object, without links
    Surroundings around;
  };

  // Is told of each directory before a name in it is looked up, so that a sensor can watch first.
  using Visitor = std::function<void(int directory, const std::string& name)>;

  // The root counts as the first directory of every path; what is above it is not looked at. Where
  // we are not root, what belongs to us is trusted as root's is.
  // Errors: `root_missing`.
  static Result<SafePath> open_root(const std::string& root);

  // O_PATH descriptor of an object. One system call where no link is in the way. Absent when
  // nothing has the name. Errors of all: `unsafe_path`, `check_failed`.
  Result<std::optional<Fd>> open(const std::string& path, FinalLink final_link) const;
  // Readable descriptor of a directory, final links followed. Absent for anything else.
  Result<std::optional<Fd>> open_directory(const std::string& path) const;
  // The careful way: every component looked at. `visitor` may be empty.
  Result<std::optional<Reached>> walk(const std::string& path, FinalLink final_link,
                                      const Visitor& visitor = {}) const;

  int root_fd() const { return root_.get(); }

 private:
  explicit SafePath(Fd root) : root_(std::move(root)) {}

  Fd root_;
};

// What fstat says of an open object. Error: `check_failed`.
Result<FileFacts> facts_of(int fd, const std::string& path);

// The name of an open descriptor under /proc, for calls that know no AT_EMPTY_PATH.
std::string proc_path(int fd);

}  // namespace reeve
