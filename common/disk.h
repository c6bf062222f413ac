// The disk seam: the few durable operations of Reeve under one directory. Names are relative to it,
// of the form "policy/manifest", never with ".."; "" is that directory itself. Nothing is durable
// before sync() and, for new, renamed or removed names, sync_directory(). SystemDisk is made only
// in mains; tests use fakes/crash_disk.h, which loses what was not synced.
#pragma once

#include <memory>

#include "common/bytes.h"
#include "common/fd.h"
#include "common/result.h"

namespace reeve {

// One open file that is only appended to or cut. Closing does not sync.
class DiskFile {
 public:
  virtual ~DiskFile() = default;
  // Writes all of bytes at the end. On error the file may hold a part of them: truncate() it back.
  virtual Status append(ByteView bytes) = 0;
  // Data and size are durable when this succeeds (fdatasync). A failed sync is never retried as
  // success: the file's unsynced content counts as lost, and sync() goes on failing
  // until truncate() has cut the file back to what this object had synced before.
  virtual Status sync() = 0;
  virtual Status truncate(std::uint64_t size) = 0;  // size is at most size()
  virtual std::uint64_t size() const = 0;
  virtual Result<Bytes> read(std::uint64_t offset, std::size_t count) const = 0;  // may be short
};

class Disk {
 public:
  virtual ~Disk() = default;
  // Errors of all: `disk_full` (ENOSPC, EDQUOT), `disk_failed` (everything else), with errno.
  // read() of a larger file than bytes_max fails with EFBIG; list() of a missing directory fails.
  virtual Result<std::unique_ptr<DiskFile>> open(std::string_view name) = 0;  // made when missing
  virtual Result<std::optional<Bytes>> read(std::string_view name, std::size_t bytes_max) const = 0;
  virtual Result<std::vector<std::string>> list(std::string_view directory) const = 0;  // sorted
  virtual Status make_directory(std::string_view name) = 0;  // mode 0700; existing is success
  virtual Status rename(std::string_view from, std::string_view to) = 0;
  virtual Status remove(std::string_view name) = 0;  // missing is success
  virtual Status sync_directory(std::string_view name) = 0;
  // Overwrites the file's bytes where they are, syncs, and removes the name; missing is success.
  // What a filesystem or a drive has copied elsewhere stays.
  virtual Status wipe(std::string_view name) = 0;
};

// The whole file or nothing: temporary name, append, sync, rename, sync_directory.
Status replace_file(Disk& disk, std::string_view name, ByteView content);

// Files under an open directory, reached with openat and O_NOFOLLOW.
class SystemDisk final : public Disk {
 public:
  // Ours alone (files 0600, directories 0700), or read by everybody (0644, 0755).
  enum class Readers { us, everybody };
  // Errors: `state_missing`, `state_permissions` (owner is not ours; others may enter, or where
  // everybody reads, others may write).
  static Result<std::unique_ptr<SystemDisk>> open_directory(const std::string& path,
                                                            Readers readers = Readers::us);

  explicit SystemDisk(Fd directory, Readers readers = Readers::us)
      : directory_(std::move(directory)), readers_(readers) {}
  Result<std::unique_ptr<DiskFile>> open(std::string_view name) override;
  Result<std::optional<Bytes>> read(std::string_view name, std::size_t bytes_max) const override;
  Result<std::vector<std::string>> list(std::string_view directory) const override;
  Status make_directory(std::string_view name) override;
  Status rename(std::string_view from, std::string_view to) override;
  Status remove(std::string_view name) override;
  Status sync_directory(std::string_view name) override;
  Status wipe(std::string_view name) override;
  int directory_fd() const { return directory_.get(); }

 private:
  Fd directory_;
  Readers readers_;
};

}  // namespace reeve
