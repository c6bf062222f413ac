#include "agent/file_content.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

#include "agent/kind_limits.h"
#include "agent/safe_path.h"
#include "common/seal.h"

namespace reeve {

namespace {

std::int64_t nanoseconds(const timespec& time) {
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

Error unreadable(const std::string& path, int problem) {
  return os_error("check_failed", "read", path, problem);
}

Result<struct stat> stat_of(int fd, const std::string& path) {
  struct stat found {};
  if (fstat(fd, &found) != 0) return unreadable(path, errno);
  if (!S_ISREG(found.st_mode))
    return Error{"check_failed", path + ": is no regular file, so it has no content"};
  return found;
}

// O_NONBLOCK so that another's lease on the file answers EWOULDBLOCK instead of making us wait.
// The time of access stays as it was where the file is ours or we are root.
Result<Fd> open_to_read(int fd, const std::string& path) {
  auto found = stat_of(fd, path);
  if (!found.ok()) return found.error();
  const std::string name = proc_path(fd);
  constexpr int flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
  Fd out(open(name.c_str(), flags | O_NOATIME));
  if (!out.is_open() && errno == EPERM) out = Fd(open(name.c_str(), flags));
  if (!out.is_open()) return unreadable(path, errno);
  return out;
}

// True where nobody has the file open for writing or mapped so: the kernel gives a read lease only
// then (fcntl(2)). Whoever holds such a mapping can change the content later without any stamp
// telling. A file of another user gives us no lease, and counts as open.
bool is_closed_to_writers(int fd) {
  // Whoever opens the file between the two calls has us sent a signal: one that is ignored.
  if (fcntl(fd, F_SETSIG, SIGURG) != 0 || fcntl(fd, F_SETLEASE, F_RDLCK) != 0) return false;
  return fcntl(fd, F_SETLEASE, F_UNLCK) == 0;
}

Error too_large(const std::string& path, std::uint64_t bytes) {
  return Error{"too_large",
               fmt::format("{}: {} bytes, and at most {} are digested", path, bytes,
                           limits::digested_bytes_max),
               "take the rule off this file, or a program that is made for large ones"};
}

}  // namespace

FileContents::Stamp FileContents::stamp_of(const struct stat& found) {
  return {static_cast<std::uint64_t>(found.st_size), nanoseconds(found.st_mtim),
          nanoseconds(found.st_ctim)};
}

Result<ContentFacts> FileContents::facts_of(int fd, const std::string& path) {
  auto before = stat_of(fd, path);
  if (!before.ok()) return before.error();
  const Key key{before->st_dev, before->st_ino};
  const Stamp stamp = stamp_of(*before);
  const Known* known = recall(key);
  if (known != nullptr && known->stamp == stamp) return ContentFacts{known->sha256, stamp.size};
  if (stamp.size > limits::digested_bytes_max) return too_large(path, stamp.size);

  auto file = open_to_read(fd, path);
  if (!file.ok()) return file.error();
  // Asked before the first byte is read: from here on a writer leaves a stamp.
  const bool is_closed = is_closed_to_writers(file->get());
  std::uint64_t size = 0;
  std::array<std::uint8_t, limits::content_read_bytes> buffer{};
  auto digest = sha256_of([&]() -> Result<ByteView> {
    ssize_t got = read(file->get(), buffer.data(), buffer.size());
    if (got < 0) return unreadable(path, errno);
    size += static_cast<std::uint64_t>(got);
    if (size > limits::digested_bytes_max) return too_large(path, size);
    return ByteView(buffer.data(), static_cast<std::size_t>(got));
  });
  if (!digest.ok()) return digest.error();
  auto after = stat_of(fd, path);
  if (!after.ok()) return after.error();
  // A change within the clock's grain of another gets the same stamp, on the coarsest filesystems
  // two seconds; so what changed so recently is not believed the next time.
  const bool is_settled = now_() - stamp.changed_ns > limits::content_settled_ns;
  if (is_closed && is_settled && stamp_of(*after) == stamp) remember(key, {stamp, *digest});
  return ContentFacts{*digest, size};
}

Result<Bytes> FileContents::head_of(int fd, const std::string& path, std::size_t bytes_max) {
  auto file = open_to_read(fd, path);
  if (!file.ok()) return file.error();
  Bytes out(bytes_max);
  std::size_t have = 0;
  while (have < bytes_max) {
    ssize_t got = read(file->get(), out.data() + have, bytes_max - have);
    if (got < 0) return unreadable(path, errno);
    if (got == 0) break;
    have += static_cast<std::size_t>(got);
  }
  out.resize(have);
  return out;
}

const FileContents::Known* FileContents::recall(const Key& key) {
  if (auto found = newer_.find(key); found != newer_.end()) return &found->second;
  auto found = older_.find(key);
  if (found == older_.end()) return nullptr;
  const Known known = found->second;
  remember(key, known);
  return &newer_.find(key)->second;
}

void FileContents::remember(const Key& key, const Known& known) {
  if (newer_.size() >= limits::digests_remembered_max) {
    older_ = std::move(newer_);
    newer_.clear();
  }
  newer_.insert_or_assign(key, known);
}

}  // namespace reeve
