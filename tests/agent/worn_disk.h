// A disk with little room and with places that cannot be read, around another one. What is written
// counts by the size of files; a file that is open when its places go bad is bad at once.
#pragma once

#include <cerrno>
#include <map>

#include "common/disk.h"

namespace reeve::testing {

class WornDisk final : public Disk {
 public:
  explicit WornDisk(Disk& disk) : disk_(disk) {}

  // Beyond it every append is refused with ENOSPC.
  void set_capacity(std::uint64_t bytes) { capacity_ = bytes; }
  std::uint64_t used() const;
  // These bytes of a file can no longer be read (EIO).
  void spoil(const std::string& name, std::uint64_t begin, std::uint64_t end) {
    bad_[name] = {begin, end};
  }
  void heal() { bad_.clear(); }
  std::uint64_t reads_refused() const { return reads_refused_; }
  std::uint64_t appends_refused() const { return appends_refused_; }

  Result<std::unique_ptr<DiskFile>> open(std::string_view name) override;
  Result<std::optional<Bytes>> read(std::string_view name, std::size_t max) const override {
    if (bad_.contains(name)) return os_error("disk_failed", "read", std::string(name), EIO);
    return disk_.read(name, max);
  }
  Result<std::vector<std::string>> list(std::string_view directory) const override {
    return disk_.list(directory);
  }
  Status make_directory(std::string_view name) override { return disk_.make_directory(name); }
  Status rename(std::string_view from, std::string_view to) override;
  Status remove(std::string_view name) override;
  Status sync_directory(std::string_view name) override { return disk_.sync_directory(name); }
  Status wipe(std::string_view name) override { return disk_.wipe(name); }

 private:
  class File;
  struct Range {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
  };

  Disk& disk_;
  std::uint64_t capacity_ = UINT64_MAX;
  std::map<std::string, std::uint64_t, std::less<>> sizes_;
  std::map<std::string, Range, std::less<>> bad_;
  std::map<std::string, std::string, std::less<>> renamed_;  // files that may still be open
  std::uint64_t reads_refused_ = 0;
  std::uint64_t appends_refused_ = 0;
};

}  // namespace reeve::testing
