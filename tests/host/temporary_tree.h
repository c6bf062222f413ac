// A directory of a test's own under the temporary directory, as a root for hosts and sensors; gone
// with everything in it when the test ends. Paths are as below that root: "/etc/x".
#pragma once

#include <string>
#include <vector>

#include "agent/safe_path.h"

namespace reeve {

class TemporaryTree {
 public:
  TemporaryTree();
  ~TemporaryTree();
  TemporaryTree(const TemporaryTree&) = delete;

  const std::string& root() const { return root_; }
  std::string at(const std::string& path) const { return root_ + path; }

  void add_directory(const std::string& path, unsigned mode = 0755) const;
  void add_file(const std::string& path, unsigned mode = 0644, const std::string& text = "") const;
  void add_link(const std::string& path, const std::string& target) const;
  void add_hard_link(const std::string& existing, const std::string& path) const;
  void add_fifo(const std::string& path) const;
  void set_mode(const std::string& path, unsigned mode) const;
  void set_owner(const std::string& path, unsigned uid) const;
  void rename(const std::string& from, const std::string& to) const;
  void remove(const std::string& path) const;  // with everything below
  bool exists(const std::string& path) const;
  // Of the object itself; it must be there.
  FileFacts facts(const std::string& path) const;

 private:
  std::string root_;
};

// True where a test can act as root and as another user too. As an ordinary user, or in a user
// namespace that maps one user only, the tests that need both are skipped by name.
bool can_change_users();

}  // namespace reeve
