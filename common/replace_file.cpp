#include "common/disk.h"
#include "common/paths.h"

namespace reeve {

namespace {

// An older temporary file may have been left behind by a crash: it is emptied first.
Status write_synced(Disk& disk, std::string_view name, ByteView content) {
  auto file = disk.open(name);
  if (!file) return file.error();
  if ((*file)->size() > 0) REEVE_TRY((*file)->truncate(0));
  REEVE_TRY((*file)->append(content));
  return (*file)->sync();
}

std::string_view parent_of(std::string_view name) {
  auto slash = name.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : name.substr(0, slash);
}

}  // namespace

Status replace_file(Disk& disk, std::string_view name, ByteView content) {
  std::string temporary = std::string(name) + std::string(paths::temporary_suffix);
  auto written = write_synced(disk, temporary, content);
  if (written.ok()) written = disk.rename(temporary, name);
  if (!written.ok()) {
    // The first error is the one to tell; a file that stays is emptied by the next replacement.
    static_cast<void>(disk.remove(temporary));
    return written;
  }
  return disk.sync_directory(parent_of(name));
}

}  // namespace reeve
