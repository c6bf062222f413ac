#include "agent/safe_path.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <deque>

#include "agent/kind_limits.h"
#include "agent/path_pattern.h"
#include "common/limits.h"

namespace reeve {

namespace {

FileType type_of(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFDIR:
      return FileType::directory;
    case S_IFLNK:
      return FileType::link;
    case S_IFIFO:
      return FileType::fifo;
    case S_IFSOCK:
      return FileType::socket;
    case S_IFBLK:
      return FileType::block;
    case S_IFCHR:
      return FileType::character;
  }
  return FileType::file;
}

Error unsafe(const std::string& path, std::string_view link) {
  return Error{"unsafe_path",
               fmt::format("follow {}: {} is a link that others than root may change", path, link),
               "let root alone own the link and every directory above it, or name its target"};
}

bool is_missing(int os_errno) { return os_errno == ENOENT || os_errno == ENOTDIR; }

// openat2(2): one call that fails with ELOOP where any link is in the way. Where the kernel or a
// sandbox knows nothing of it the errno is ENOSYS or EPERM.
Fd open_without_links(int root, const std::string& path, int flags) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC | O_NOFOLLOW);
  how.resolve = RESOLVE_NO_SYMLINKS;
  const char* below = path == "/" ? "." : path.c_str() + 1;
  return Fd(static_cast<int>(syscall(SYS_openat2, root, below, &how, sizeof(how))));
}

// A directory on the way, and whether everything down to it and itself is root's alone.
struct Stage {
  Fd fd;
  std::string name;
  std::uint32_t uid = 0;
  bool trusted = false;
};

// One walk. Stages hold the directories from the root to where it stands, for ".." in links.
class Walk {
 public:
  Walk(int root, const std::string& path, FinalLink final_link, const SafePath::Visitor& visitor)
      : root_(root), path_(path), final_link_(final_link), visitor_(visitor) {
    for (std::string& name : components_of(path)) pending_.push_back(std::move(name));
  }

  Result<std::optional<SafePath::Reached>> run() {
    REEVE_TRY(start_at_root());
    while (!pending_.empty() && !missing_) {
      std::string name = std::move(pending_.front());
      pending_.pop_front();
      if (name == "..") {
        if (stages_.size() > 1) stages_.pop_back();
      } else if (name != ".") {
        REEVE_TRY(step(std::move(name)));
      }
    }
    if (missing_) return std::optional<SafePath::Reached>{};
    return std::optional(finish());
  }

 private:
  Status start_at_root() {
    stages_.clear();
    Fd fd(openat(root_, ".", O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!fd.is_open()) return os_error("check_failed", "open the root of", path_, errno);
    struct stat found {};
    if (fstat(fd.get(), &found) != 0) return os_error("check_failed", "look at", "/", errno);
    stages_.push_back({std::move(fd), "", found.st_uid, is_trusted(found)});
    return {};
  }

  Status step(std::string name) {
    const Stage& here = stages_.back();
    if (visitor_) visitor_(here.fd.get(), name);
    Fd fd(openat(here.fd.get(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    struct stat found {};
    if (!fd.is_open() || fstat(fd.get(), &found) != 0) {
      if (!is_missing(errno)) return os_error("check_failed", "look at", path_, errno);
      missing_ = true;
      return {};
    }
    bool is_final = pending_.empty();
    if (S_ISLNK(found.st_mode) && !(is_final && final_link_ == FinalLink::keep))
      return follow(fd.get(), found, name);
    if (S_ISDIR(found.st_mode)) {
      stages_.push_back(
          {std::move(fd), std::move(name), found.st_uid, here.trusted && is_trusted(found)});
    } else if (is_final) {
      object_ = std::move(fd);
      object_name_ = std::move(name);
    } else {
      missing_ = true;
    }
    return {};
  }

  Status follow(int link, const struct stat& found, const std::string& name) {
    if (!stages_.back().trusted || !is_trusted_owner(found.st_uid))
      return unsafe(path_, joined(real_directory(), name));
    if (++links_ > limits::path_links_max)
      return os_error("check_failed", "follow the links of", path_, ELOOP);
    std::array<char, limits::text_bytes_max + 1> target{};
    ssize_t length = readlinkat(link, "", target.data(), target.size());
    if (length < 0) return os_error("check_failed", "read the link on", path_, errno);
    std::string_view text(target.data(), static_cast<std::size_t>(length));
    auto names = components_of(text);
    pending_.insert(pending_.begin(), names.begin(), names.end());
    return text.starts_with('/') ? start_at_root() : Status();
  }

  // The path of the directory in which the walk stands.
  std::string real_directory() const {
    std::string out = "/";
    for (std::size_t i = 1; i < stages_.size(); ++i) out = joined(out, stages_[i].name);
    return out;
  }

  SafePath::Reached finish() {
    SafePath::Reached out;
    if (!object_.is_open()) {
      Stage last = std::move(stages_.back());
      object_ = std::move(last.fd);
      object_name_ = last.name;
      // The root has no directory above it that we look at: it answers for itself.
      if (stages_.size() == 1) out.around = {last.uid, last.trusted};
      stages_.pop_back();
    }
    out.path = object_name_.empty() ? "/" : joined(real_directory(), object_name_);
    if (!stages_.empty()) {
      out.around = {stages_.back().uid, stages_.back().trusted};
      out.directory = std::move(stages_.back().fd);
    }
    out.object = std::move(object_);
    out.name = std::move(object_name_);
    return out;
  }

  bool is_trusted_owner(uid_t uid) const { return uid == 0 || uid == self_; }
  // The sticky bit does not help: it keeps others from taking names away, not from adding them.
  bool is_trusted(const struct stat& directory) const {
    return is_trusted_owner(directory.st_uid) && (directory.st_mode & (S_IWGRP | S_IWOTH)) == 0;
  }

  int root_;
  const std::string& path_;
  FinalLink final_link_;
  const SafePath::Visitor& visitor_;
  uid_t self_ = geteuid();
  std::deque<std::string> pending_;
  std::vector<Stage> stages_;
  std::size_t links_ = 0;
  bool missing_ = false;
  Fd object_;
  std::string object_name_;
};

}  // namespace

Result<SafePath> SafePath::open_root(const std::string& root) {
  Fd fd(::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!fd.is_open()) return os_error("root_missing", "open", root, errno);
  return SafePath(std::move(fd));
}

Result<std::optional<Fd>> SafePath::open(const std::string& path, FinalLink final_link) const {
  if (!is_plain_path(path)) return os_error("check_failed", "open", path, EINVAL);
  Fd fd = open_without_links(root_.get(), path, O_PATH);
  if (!fd.is_open() && is_missing(errno)) return std::optional<Fd>{};
  bool done = fd.is_open();
  if (done && final_link == FinalLink::follow) {
    struct stat found {};
    if (fstat(fd.get(), &found) != 0) return os_error("check_failed", "look at", path, errno);
    done = !S_ISLNK(found.st_mode);
  }
  if (done) return std::optional(std::move(fd));
  auto reached = walk(path, final_link);
  if (!reached.ok()) return reached.error();
  return *reached ? std::optional(std::move((*reached)->object)) : std::nullopt;
}

Result<std::optional<Fd>> SafePath::open_directory(const std::string& path) const {
  if (!is_plain_path(path)) return os_error("check_failed", "open", path, EINVAL);
  Fd fd = open_without_links(root_.get(), path, O_RDONLY | O_DIRECTORY);
  if (fd.is_open()) return std::optional(std::move(fd));
  if (errno == ENOENT) return std::optional<Fd>{};
  // ENOTDIR is what a final link answers too; the walk tells the two apart.
  auto reached = walk(path, FinalLink::follow);
  if (!reached.ok()) return reached.error();
  if (!*reached) return std::optional<Fd>{};
  fd = Fd(openat((*reached)->object.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.is_open()) return std::optional(std::move(fd));
  if (is_missing(errno)) return std::optional<Fd>{};
  return os_error("check_failed", "open", path, errno);
}

Result<std::optional<SafePath::Reached>> SafePath::walk(const std::string& path,
                                                        FinalLink final_link,
                                                        const Visitor& visitor) const {
  if (!is_plain_path(path)) return os_error("check_failed", "walk", path, EINVAL);
  return Walk(root_.get(), path, final_link, visitor).run();
}

Result<FileFacts> facts_of(int fd, const std::string& path) {
  struct stat found {};
  if (fstat(fd, &found) != 0) return os_error("check_failed", "look at", path, errno);
  FileFacts out;
  out.type = type_of(found.st_mode);
  out.mode = found.st_mode & 07777;
  out.uid = found.st_uid;
  out.gid = found.st_gid;
  out.device = found.st_dev;
  out.inode = found.st_ino;
  out.links = found.st_nlink;
  out.size = static_cast<std::uint64_t>(found.st_size);
  return out;
}

std::string proc_path(int fd) { return fmt::format("/proc/self/fd/{}", fd); }

}  // namespace reeve
