// The disk seam for files that are written anywhere, as a database's are: disk.h has the rest of a
// disk, whose files are only appended to. Names and errors are those of disk.h. Nothing is durable
// before sync() and, for new or removed names, sync_directory(). The only real one reads
// (controller/store/stored_pages.h): the controller leaves its store's files to SQLite
// (docs/architecture.md section 7), and fakes/crash_disk.h cuts the power under them in tests.
#pragma once

#include <memory>

#include "common/bytes.h"
#include "common/result.h"

namespace reeve {

// One open file. Closing does not sync.
class PageFile {
 public:
  virtual ~PageFile() = default;
  // A gap between the end and the offset reads as zeros. On error a part may have been written.
  virtual Status write(std::uint64_t offset, ByteView bytes) = 0;
  virtual Status truncate(std::uint64_t size) = 0;  // size is at most size()
  // As fsync(2): after a failure, a second sync that succeeds says nothing of what was written
  // before the first; it has to be written again.
  virtual Status sync() = 0;
  virtual std::uint64_t size() const = 0;
  virtual Result<Bytes> read(std::uint64_t offset, std::size_t count) const = 0;  // may be short
};

class PageDisk {
 public:
  virtual ~PageDisk() = default;
  virtual Result<std::unique_ptr<PageFile>> open_pages(std::string_view name) = 0;  // or makes it
  virtual bool has_file(std::string_view name) const = 0;
  virtual Status remove(std::string_view name) = 0;  // missing is success
  virtual Status sync_directory(std::string_view name) = 0;
};

}  // namespace reeve
