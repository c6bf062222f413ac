// The files of a stopped store as they lie, for reading only: whatever would change them is
// refused, and a log that is not there is an empty one in memory. Takes no locks, so it is for
// files that nobody writes to meanwhile: is_unchanged() tells afterwards whether that was so.
#pragma once

#include <map>
#include <string>

#include "common/fd.h"
#include "common/page_disk.h"

namespace reeve {

class StoredPages final : public PageDisk {
 public:
  // Names are relative to this directory.
  explicit StoredPages(std::string directory) : directory_(std::move(directory)) {}

  Result<std::unique_ptr<PageFile>> open_pages(std::string_view name) override;
  bool has_file(std::string_view name) const override;
  Status remove(std::string_view name) override;
  Status sync_directory(std::string_view name) override;

  // Whether every file that was opened, or was not there, is as it was then.
  bool is_unchanged() const;

 private:
  struct Facts {
    std::uint64_t inode = 0;  // 0: no such file
    std::int64_t size = 0;
    std::int64_t modified_ns = 0;
    bool operator==(const Facts&) const = default;
  };
  Facts facts_of(const std::string& name) const;

  std::string directory_;
  std::map<std::string, Facts> opened_;
};

}  // namespace reeve
