#include "tests/agent/worn_disk.h"

#include <cerrno>

namespace reeve::testing {

class WornDisk::File final : public DiskFile {
 public:
  File(WornDisk& disk, std::unique_ptr<DiskFile> file, std::string name)
      : disk_(disk), file_(std::move(file)), name_(std::move(name)) {}

  Status append(ByteView bytes) override {
    if (disk_.used() + bytes.size() > disk_.capacity_) {
      ++disk_.appends_refused_;
      return os_error("disk_full", "write", name_, ENOSPC);
    }
    auto written = file_->append(bytes);
    disk_.sizes_[name()] = file_->size();
    return written;
  }
  Status sync() override { return file_->sync(); }
  Status truncate(std::uint64_t size) override {
    auto cut = file_->truncate(size);
    disk_.sizes_[name()] = file_->size();
    return cut;
  }
  std::uint64_t size() const override { return file_->size(); }
  Result<Bytes> read(std::uint64_t offset, std::size_t count) const override {
    const auto bad = disk_.bad_.find(name());
    if (bad != disk_.bad_.end() && offset < bad->second.end && offset + count > bad->second.begin) {
      ++disk_.reads_refused_;
      return os_error("disk_failed", "read", name_, EIO);
    }
    return file_->read(offset, count);
  }

 private:
  std::string name() const {
    const auto now = disk_.renamed_.find(name_);
    return now == disk_.renamed_.end() ? name_ : now->second;
  }

  WornDisk& disk_;
  std::unique_ptr<DiskFile> file_;
  std::string name_;
};

std::uint64_t WornDisk::used() const {
  std::uint64_t sum = 0;
  for (const auto& entry : sizes_) sum += entry.second;
  return sum;
}

Result<std::unique_ptr<DiskFile>> WornDisk::open(std::string_view name) {
  auto file = disk_.open(name);
  if (!file.ok()) return file.error();
  renamed_.erase(std::string(name));
  sizes_[std::string(name)] = (*file)->size();
  return std::unique_ptr<DiskFile>(
      std::make_unique<File>(*this, std::move(*file), std::string(name)));
}

Status WornDisk::rename(std::string_view from, std::string_view to) {
  REEVE_TRY(disk_.rename(from, to));
  const auto size = sizes_.find(from);
  if (size == sizes_.end()) return {};
  sizes_[std::string(to)] = size->second;
  sizes_.erase(std::string(from));
  renamed_[std::string(from)] = to;
  return {};
}

Status WornDisk::remove(std::string_view name) {
  REEVE_TRY(disk_.remove(name));
  sizes_.erase(std::string(name));
  return {};
}

}  // namespace reeve::testing
