#include "controller/cli/files.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "common/seal.h"

namespace reeve::cli {
namespace {

Status write_all(int fd, ByteView content, const std::string& path) {
  while (!content.empty()) {
    const ssize_t written = ::write(fd, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return os_error("file_unwritable", "write", path, errno);
    content = content.subspan(static_cast<std::size_t>(written));
  }
  if (::fsync(fd) != 0) return os_error("file_unwritable", "sync", path, errno);
  return {};
}

Status sync_directory(const std::string& path) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.is_open() || ::fsync(fd.get()) != 0) {
    return os_error("file_unwritable", "sync", path, errno);
  }
  return {};
}

std::string parent_of(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

Result<bool> is_empty_directory(const Fd& directory, const std::string& path) {
  // fdopendir takes its descriptor over, so it gets one of its own.
  const int copy = ::openat(directory.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR* stream = copy < 0 ? nullptr : ::fdopendir(copy);
  if (stream == nullptr) return os_error("directory_unusable", "read", path, errno);
  bool empty = true;
  while (const dirent* entry = ::readdir(stream)) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") empty = false;
  }
  ::closedir(stream);
  return empty;
}

}  // namespace

Result<Bytes> read_file(const std::string& path, std::size_t bytes_max) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.is_open()) {
    Error error =
        os_error(errno == ENOENT ? "file_missing" : "file_unreadable", "open", path, errno);
    error.next = "check the file's name and who may read it";
    return error;
  }
  Bytes out;
  Bytes part(64u << 10);
  for (;;) {
    const ssize_t count = ::read(fd.get(), part.data(), part.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return os_error("file_unreadable", "read", path, errno);
    if (count == 0) return out;
    append(out, ByteView(part).first(static_cast<std::size_t>(count)));
    if (out.size() > bytes_max) {
      return Error{.name = "file_too_large",
                   .detail = fmt::format("{} is larger than {} bytes", path, bytes_max)};
    }
  }
}

Status write_file(const std::string& path, ByteView content) {
  // A name that nobody can have taken before us: in a directory like /tmp the file would be theirs,
  // and with it what it says later.
  const std::string fresh = path + ".new." + hex(random_bytes<8>().view());
  const Fd fd(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd.is_open()) return os_error("file_unwritable", "create", fresh, errno);
  if (auto written = write_all(fd.get(), content, fresh); !written.ok()) {
    ::unlink(fresh.c_str());
    return written;
  }
  if (::rename(fresh.c_str(), path.c_str()) != 0) {
    const int why = errno;
    ::unlink(fresh.c_str());
    return os_error("file_unwritable", "rename", path, why);
  }
  return sync_directory(parent_of(path));
}

Result<NewTree> NewTree::create(const std::string& given) {
  std::string path = given;
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  const bool made = ::mkdir(path.c_str(), 0700) == 0;
  if (!made && errno != EEXIST) return os_error("directory_unusable", "create", path, errno);
  Fd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.is_open()) return os_error("directory_unusable", "open", path, errno);
  NewTree tree(path, std::move(fd));
  if (made) tree.made_root_ = path;
  const auto empty = is_empty_directory(tree.directory_, path);
  if (!empty.ok()) return empty.error();
  if (!*empty) {
    return Error{.name = "directory_not_empty",
                 .detail = fmt::format("{} exists and is not empty; nothing was changed", path),
                 .next = "name a directory that does not exist yet"};
  }
  return tree;
}

NewTree::~NewTree() {
  if (!directory_.is_open()) return;
  for (auto one = made_.rbegin(); one != made_.rend(); ++one) {
    ::unlinkat(directory_.get(), one->name.c_str(), one->remove_flags);
  }
  if (!made_root_.empty()) ::rmdir(made_root_.c_str());
}

Status NewTree::directory(std::string_view name, mode_t mode) {
  const std::string text(name);
  if (::mkdirat(directory_.get(), text.c_str(), 0700) != 0) {
    return os_error("file_unwritable", "create", path_ + "/" + text, errno);
  }
  made_.push_back({text, AT_REMOVEDIR});
  // The umask may have taken bits away.
  if (::fchmodat(directory_.get(), text.c_str(), mode, 0) != 0) {
    return os_error("file_unwritable", "chmod", path_ + "/" + text, errno);
  }
  return {};
}

Status NewTree::file(std::string_view name, ByteView content, mode_t mode) {
  const std::string text(name);
  const std::string shown = path_ + "/" + text;
  const Fd fd(::openat(directory_.get(), text.c_str(),
                       O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd.is_open()) return os_error("file_unwritable", "create", shown, errno);
  made_.push_back({text, 0});
  if (::fchmod(fd.get(), mode) != 0) return os_error("file_unwritable", "chmod", shown, errno);
  return write_all(fd.get(), content, shown);
}

Status NewTree::keep() {
  if (::fchmod(directory_.get(), 0700) != 0) {
    return os_error("file_unwritable", "chmod", path_, errno);
  }
  for (const Made& one : made_) {
    if (one.remove_flags == AT_REMOVEDIR) REEVE_TRY(sync_directory(path_ + "/" + one.name));
  }
  REEVE_TRY(sync_directory(path_));
  if (!made_root_.empty()) REEVE_TRY(sync_directory(parent_of(path_)));
  made_.clear();
  made_root_.clear();
  return {};
}

}  // namespace reeve::cli
