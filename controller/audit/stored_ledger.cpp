#include "controller/audit/stored_ledger.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>

#include "common/limits.h"
#include "common/paths.h"
#include "controller/log_hashes.h"

namespace reeve {
namespace {

// 256 leaves, each behind its length.
constexpr std::size_t tile_bytes_max = tile_width * (2 + limits::message_bytes_max);

// A controller holds this lock as long as it runs. Asked, never kept.
bool is_controller_running(const std::string& directory) {
  const std::string path = fmt::format("{}/{}", directory, paths::controller_lock);
  const Fd lock(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  return lock.is_open() && ::flock(lock.get(), LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
}

std::string holder_of(const std::string& file) {
  const auto slash = file.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : file.substr(0, slash);
}

std::string name_in(const std::string& file) { return file.substr(file.rfind('/') + 1); }

// A tile that is too large is none of ours: it differs.
Result<std::optional<Bytes>> read_tile_file(const SystemDisk& disk, const std::string& name) {
  auto bytes = disk.read(name, tile_bytes_max);
  if (!bytes.ok() && bytes.error().os_errno == EFBIG) return std::optional(Bytes{});
  return bytes;
}

}  // namespace

StoredLedger::StoredLedger(std::string directory, const std::string& log)
    : directory_(std::move(directory)), pages_(directory_) {
  Fd files(::open(log.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (files.is_open()) log_ = std::make_unique<SystemDisk>(std::move(files));
}

Result<std::unique_ptr<StoredLedger>> StoredLedger::open(const std::string& path,
                                                         const std::string& log) {
  struct stat seen {};
  const bool is_there = ::stat(path.c_str(), &seen) == 0;
  const bool is_file = is_there && S_ISREG(seen.st_mode);
  const std::string directory = is_file ? holder_of(path) : path;
  const std::string name = is_file ? name_in(path) : std::string(paths::controller_store);
  if (!is_file && ::stat((directory + "/" + name).c_str(), &seen) != 0) {
    Error error = os_error("ledger_missing", "look at", directory + "/" + name, errno);
    error.next = "name a controller's state directory, a copy of it, or a backup";
    return error;
  }
  const std::string published =
      !log.empty() || is_file ? log : fmt::format("{}/{}", directory, paths::log_directory);
  auto ledger = std::make_unique<StoredLedger>(directory, published);
  REEVE_TRY(ledger->open_store(name));
  return ledger;
}

Status StoredLedger::open_store(const std::string& name) {
  if (log_ != nullptr) {
    auto note = read_tile_file(*log_, std::string(paths::log_checkpoint));
    if (!note.ok()) return note.error();
    checkpoint_ = *std::move(note);
  }
  is_in_use_ = is_controller_running(directory_);
  auto store = is_in_use_ ? SqliteStore::open_to_read(directory_ + "/" + name)
                          : SqliteStore::open_to_read(name, vfs_);
  if (!store.ok()) return store.error();
  store_ = *std::move(store);
  return {};
}

PublishedFile StoredLedger::published() const {
  return [this](const std::string& name) -> Result<std::optional<Bytes>> {
    if (name == paths::log_checkpoint) return checkpoint_;
    if (log_ == nullptr) return std::optional<Bytes>{};
    return read_tile_file(*log_, name);
  };
}

Status StoredLedger::require_unchanged() const {
  if (is_in_use_ || pages_.is_unchanged()) return {};
  return Error{"ledger_in_use", fmt::format("{} was written to while it was read", directory_),
               "ask again"};
}

}  // namespace reeve
