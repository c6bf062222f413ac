#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>

#include "common/disk.h"

namespace reeve {

namespace {

constexpr mode_t file_mode = 0600;
constexpr mode_t directory_mode = 0700;
constexpr mode_t shared_file_mode = 0644;
constexpr mode_t shared_directory_mode = 0755;
constexpr int directory_flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

Error disk_error(std::string_view act, std::string_view object, int os_errno) {
  bool full = os_errno == ENOSPC || os_errno == EDQUOT;
  return os_error(full ? "disk_full" : "disk_failed", act, object, os_errno);
}

// Calls again while a signal has interrupted the call.
template <class Call>
auto uninterrupted(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

// Names are our own (paths.h): one that leaves the directory is a mistake in the program.
void require_plain(std::string_view component) {
  REEVE_ASSERT(!component.empty() && component != "." && component != "..");
  REEVE_ASSERT(component.find('\0') == std::string_view::npos);
}

// An open directory and the last component under it.
struct Place {
  Fd directory;
  std::string leaf;
};

Result<Fd> open_below(int directory, const std::string& component, std::string_view name) {
  Fd fd(uninterrupted([&] { return ::openat(directory, component.c_str(), directory_flags); }));
  if (!fd.is_open()) return disk_error("open", name, errno);
  return fd;
}

// Every component on the way is opened by itself, so that no link is followed anywhere.
Result<Place> find_place(int root, std::string_view name) {
  auto at = open_below(root, ".", name);
  std::string_view rest = name;
  for (auto slash = rest.find('/'); slash != std::string_view::npos; slash = rest.find('/')) {
    require_plain(rest.substr(0, slash));
    if (!at) return at.error();
    at = open_below(at->get(), std::string(rest.substr(0, slash)), name);
    rest.remove_prefix(slash + 1);
  }
  require_plain(rest);
  if (!at) return at.error();
  return Place{std::move(*at), std::string(rest)};
}

Result<Fd> find_directory(int root, std::string_view name) {
  if (name.empty()) return open_below(root, ".", "the state directory");
  auto place = find_place(root, name);
  if (!place) return place.error();
  return open_below(place->directory.get(), place->leaf, name);
}

struct OpenFile {
  Fd fd;
  std::uint64_t size = 0;
};

// O_NONBLOCK keeps a FIFO under one of our names from blocking us; it means nothing to a file.
Result<OpenFile> open_file(int root, std::string_view name, int flags) {
  auto place = find_place(root, name);
  if (!place) return place.error();
  constexpr int always = O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
  Fd fd(uninterrupted([&] {
    return ::openat(place->directory.get(), place->leaf.c_str(), flags | always, file_mode);
  }));
  if (!fd.is_open()) return disk_error("open", name, errno);
  struct stat found {};
  if (::fstat(fd.get(), &found) != 0) return disk_error("fstat", name, errno);
  if (!S_ISREG(found.st_mode)) return disk_error("open as a file", name, EINVAL);
  return OpenFile{std::move(fd), static_cast<std::uint64_t>(found.st_size)};
}

// Reads until count bytes or the end of the file.
Result<Bytes> read_at(int fd, std::uint64_t offset, std::size_t count, std::string_view name) {
  Bytes out(count);
  std::size_t got = 0;
  while (got < count) {
    auto n = uninterrupted([&] {
      return ::pread(fd, out.data() + got, count - got, static_cast<off_t>(offset + got));
    });
    if (n < 0) return disk_error("read", name, errno);
    if (n == 0) break;
    got += static_cast<std::size_t>(n);
  }
  out.resize(got);
  return out;
}

class SystemFile final : public DiskFile {
 public:
  SystemFile(OpenFile file, std::string name)
      : fd_(std::move(file.fd)), name_(std::move(name)), size_(file.size) {}

  Status append(ByteView bytes) override {
    while (!bytes.empty()) {
      auto n = uninterrupted([&] { return ::write(fd_.get(), bytes.data(), bytes.size()); });
      if (n < 0) return disk_error("write", name_, errno);
      size_ += static_cast<std::uint64_t>(n);
      bytes = bytes.subspan(static_cast<std::size_t>(n));
    }
    return {};
  }

  // After a failed sync Linux may call the lost pages clean (fsync(2)), so a second one that
  // succeeds would say nothing: the failure stays until what it lost has been cut away.
  Status sync() override {
    if (sync_errno_ != 0) return disk_error("fdatasync (failed before)", name_, sync_errno_);
    if (uninterrupted([&] { return ::fdatasync(fd_.get()); }) != 0) {
      sync_errno_ = errno;
      return disk_error("fdatasync", name_, sync_errno_);
    }
    synced_size_ = size_;
    return {};
  }

  Status truncate(std::uint64_t size) override {
    REEVE_ASSERT(size <= size_);
    if (uninterrupted([&] { return ::ftruncate(fd_.get(), static_cast<off_t>(size)); }) != 0) {
      return disk_error("ftruncate", name_, errno);
    }
    size_ = size;
    if (size <= synced_size_) sync_errno_ = 0;
    synced_size_ = std::min(synced_size_, size);
    return {};
  }

  std::uint64_t size() const override { return size_; }

  Result<Bytes> read(std::uint64_t offset, std::size_t count) const override {
    if (offset >= size_) return Bytes{};
    auto left = size_ - offset;
    if (count > left) count = static_cast<std::size_t>(left);
    return read_at(fd_.get(), offset, count, name_);
  }

 private:
  Fd fd_;
  std::string name_;
  std::uint64_t size_;
  std::uint64_t synced_size_ = 0;  // what a sync of this object has made durable
  int sync_errno_ = 0;             // of the failed sync that has not been cut away yet
};

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

}  // namespace

Result<std::unique_ptr<SystemDisk>> SystemDisk::open_directory(const std::string& path,
                                                               Readers readers) {
  Fd fd(uninterrupted([&] { return ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); }));
  if (!fd.is_open()) {
    bool forbidden = errno == EACCES || errno == EPERM;
    return os_error(forbidden ? "state_permissions" : "state_missing", "open", path, errno);
  }
  struct stat found {};
  if (::fstat(fd.get(), &found) != 0) return os_error("state_missing", "fstat", path, errno);
  const bool is_shared = readers == Readers::everybody;
  if (found.st_uid != ::geteuid() || (found.st_mode & (is_shared ? 022 : 077)) != 0) {
    return Error{"state_permissions",
                 path + (is_shared ? ": others may write to it" : ": is not ours alone"),
                 fmt::format("make it owned by the user who runs this program, mode {}",
                             is_shared ? "0755" : "0700")};
  }
  return std::make_unique<SystemDisk>(std::move(fd), readers);
}

Result<std::unique_ptr<DiskFile>> SystemDisk::open(std::string_view name) {
  auto file = open_file(directory_.get(), name, O_RDWR | O_CREAT | O_APPEND);
  if (!file) return file.error();
  // Whatever the umask is: files that everybody may read are the exception, so they say so.
  if (readers_ == Readers::everybody && ::fchmod(file->fd.get(), shared_file_mode) != 0) {
    return disk_error("fchmod", name, errno);
  }
  return std::unique_ptr<DiskFile>(
      std::make_unique<SystemFile>(std::move(*file), std::string(name)));
}

Result<std::optional<Bytes>> SystemDisk::read(std::string_view name, std::size_t bytes_max) const {
  auto file = open_file(directory_.get(), name, O_RDONLY);
  if (!file) {
    if (file.error().os_errno == ENOENT) return std::optional<Bytes>();
    return file.error();
  }
  if (file->size > bytes_max) return disk_error("read", name, EFBIG);
  auto bytes = read_at(file->fd.get(), 0, static_cast<std::size_t>(file->size), name);
  if (!bytes) return bytes.error();
  return std::optional<Bytes>(std::move(*bytes));
}

Result<std::vector<std::string>> SystemDisk::list(std::string_view directory) const {
  auto fd = find_directory(directory_.get(), directory);
  if (!fd) return fd.error();
  std::unique_ptr<DIR, CloseDirectory> entries(::fdopendir(fd->get()));
  if (!entries) return disk_error("list", directory, errno);
  fd->release();  // now closed by closedir
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = ::readdir(entries.get())) {
    std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
    errno = 0;
  }
  if (errno != 0) return disk_error("list", directory, errno);
  std::ranges::sort(names);
  return names;
}

Status SystemDisk::make_directory(std::string_view name) {
  auto place = find_place(directory_.get(), name);
  if (!place) return place.error();
  const bool is_made = ::mkdirat(place->directory.get(), place->leaf.c_str(), directory_mode) == 0;
  if (!is_made && errno != EEXIST) return disk_error("mkdir", name, errno);
  auto directory = open_below(place->directory.get(), place->leaf, name);
  if (!directory) return directory.error();
  if (readers_ == Readers::everybody && ::fchmod(directory->get(), shared_directory_mode) != 0) {
    return disk_error("fchmod", name, errno);
  }
  return {};
}

Status SystemDisk::rename(std::string_view from, std::string_view to) {
  auto old_place = find_place(directory_.get(), from);
  if (!old_place) return old_place.error();
  auto new_place = find_place(directory_.get(), to);
  if (!new_place) return new_place.error();
  if (::renameat2(old_place->directory.get(), old_place->leaf.c_str(), new_place->directory.get(),
                  new_place->leaf.c_str(), 0) != 0) {
    return disk_error("rename", from, errno);
  }
  return {};
}

Status SystemDisk::remove(std::string_view name) {
  auto place = find_place(directory_.get(), name);
  if (!place) return place.error();
  if (::unlinkat(place->directory.get(), place->leaf.c_str(), 0) == 0 || errno == ENOENT) return {};
  return disk_error("unlink", name, errno);
}

Status SystemDisk::wipe(std::string_view name) {
  auto file = open_file(directory_.get(), name, O_WRONLY);
  if (!file) return file.error().os_errno == ENOENT ? Status{} : Status(file.error());
  const Bytes zeros(4'096);
  for (std::uint64_t done = 0; done < file->size;) {
    const auto count = std::min<std::uint64_t>(zeros.size(), file->size - done);
    auto n = uninterrupted(
        [&] { return ::pwrite(file->fd.get(), zeros.data(), count, static_cast<off_t>(done)); });
    if (n < 0) return disk_error("write", name, errno);
    done += static_cast<std::uint64_t>(n);
  }
  if (uninterrupted([&] { return ::fdatasync(file->fd.get()); }) != 0) {
    return disk_error("fdatasync", name, errno);
  }
  return remove(name);
}

Status SystemDisk::sync_directory(std::string_view name) {
  auto fd = find_directory(directory_.get(), name);
  if (!fd) return fd.error();
  if (uninterrupted([&] { return ::fsync(fd->get()); }) != 0) {
    return disk_error("fsync", name, errno);
  }
  return {};
}

}  // namespace reeve
