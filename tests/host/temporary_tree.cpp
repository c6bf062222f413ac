#include "tests/host/temporary_tree.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "common/result.h"

namespace reeve {

namespace {

namespace fs = std::filesystem;

}  // namespace

TemporaryTree::TemporaryTree() {
  std::string name = (fs::temp_directory_path() / "reeve-test-XXXXXX").string();
  REEVE_ASSERT(mkdtemp(name.data()) != nullptr);
  root_ = name;
  REEVE_ASSERT(chmod(root_.c_str(), 0755) == 0);
}

TemporaryTree::~TemporaryTree() {
  std::error_code ignored;
  fs::remove_all(root_, ignored);
}

void TemporaryTree::add_directory(const std::string& path, unsigned mode) const {
  REEVE_ASSERT(mkdir(at(path).c_str(), 0700) == 0);
  set_mode(path, mode);
}

void TemporaryTree::add_file(const std::string& path, unsigned mode,
                             const std::string& text) const {
  Fd file(open(at(path).c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  REEVE_ASSERT(file.is_open());
  REEVE_ASSERT(write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  set_mode(path, mode);
}

void TemporaryTree::add_link(const std::string& path, const std::string& target) const {
  REEVE_ASSERT(symlink(target.c_str(), at(path).c_str()) == 0);
}

void TemporaryTree::add_hard_link(const std::string& existing, const std::string& path) const {
  REEVE_ASSERT(link(at(existing).c_str(), at(path).c_str()) == 0);
}

void TemporaryTree::add_fifo(const std::string& path) const {
  REEVE_ASSERT(mkfifo(at(path).c_str(), 0666) == 0);
}

void TemporaryTree::set_mode(const std::string& path, unsigned mode) const {
  REEVE_ASSERT(chmod(at(path).c_str(), mode) == 0);
}

void TemporaryTree::set_owner(const std::string& path, unsigned uid) const {
  REEVE_ASSERT(lchown(at(path).c_str(), uid, uid) == 0);
}

void TemporaryTree::rename(const std::string& from, const std::string& to) const {
  REEVE_ASSERT(::rename(at(from).c_str(), at(to).c_str()) == 0);
}

void TemporaryTree::remove(const std::string& path) const { fs::remove_all(at(path)); }

bool TemporaryTree::exists(const std::string& path) const {
  return fs::exists(fs::symlink_status(at(path)));
}

FileFacts TemporaryTree::facts(const std::string& path) const {
  Fd object(open(at(path).c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  REEVE_ASSERT(object.is_open());
  return *facts_of(object.get(), path);
}

bool can_change_users() {
  if (geteuid() != 0) return false;
  pid_t child = fork();
  if (child == 0) _exit(setresuid(65534, 65534, 65534) == 0 ? 0 : 1);
  int status = 0;
  return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

}  // namespace reeve
