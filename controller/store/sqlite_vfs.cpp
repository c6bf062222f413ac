#include "controller/store/sqlite_vfs.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace reeve {
namespace {

constexpr int path_bytes_max = 512;
constexpr int sector_bytes = 4'096;

// What SQLite allocates for every open file; the base is first because SQLite passes that.
struct OpenFile {
  sqlite3_file base;
  PageFile* file;          // owned from open_file to close_file
  PageDisk* disk;          // where a new journal's name is synced,
  bool has_unsynced_name;  // with the first sync of its content
};

OpenFile& opened(sqlite3_file* file) { return *reinterpret_cast<OpenFile*>(file); }
PageDisk& disk_of(sqlite3_vfs* vfs) { return *static_cast<PageDisk*>(vfs->pAppData); }

// Paths are what full_path made of a name: with a slash, so that SQLite takes them for absolute.
std::string_view name_of(const char* path) {
  std::string_view name = path;
  name.remove_prefix(std::min(name.find_first_not_of('/'), name.size()));
  return name;
}

int code_of(const Error& error, int otherwise) {
  return error.name == "disk_full" ? SQLITE_FULL : otherwise;
}

int close_file(sqlite3_file* file) {
  const std::unique_ptr<PageFile> closes(std::exchange(opened(file).file, nullptr));
  return SQLITE_OK;
}

int read_file(sqlite3_file* file, void* into, int count, sqlite3_int64 offset) {
  const auto wanted = static_cast<std::size_t>(count);
  const auto bytes = opened(file).file->read(static_cast<std::uint64_t>(offset), wanted);
  if (!bytes.ok()) return SQLITE_IOERR_READ;
  auto* out = static_cast<std::uint8_t*>(into);
  std::copy(bytes->begin(), bytes->end(), out);
  std::fill(out + bytes->size(), out + wanted, std::uint8_t{0});
  return bytes->size() == wanted ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
}

int write_file(sqlite3_file* file, const void* from, int count, sqlite3_int64 offset) {
  const ByteView bytes(static_cast<const std::uint8_t*>(from), static_cast<std::size_t>(count));
  const auto written = opened(file).file->write(static_cast<std::uint64_t>(offset), bytes);
  return written.ok() ? SQLITE_OK : code_of(written.error(), SQLITE_IOERR_WRITE);
}

int truncate_file(sqlite3_file* file, sqlite3_int64 size) {
  PageFile& pages = *opened(file).file;
  if (static_cast<std::uint64_t>(size) >= pages.size()) return SQLITE_OK;
  return pages.truncate(static_cast<std::uint64_t>(size)).ok() ? SQLITE_OK : SQLITE_IOERR_TRUNCATE;
}

int sync_file(sqlite3_file* file, int) {
  OpenFile& open = opened(file);
  if (!open.file->sync().ok()) return SQLITE_IOERR_FSYNC;
  if (!open.has_unsynced_name) return SQLITE_OK;
  if (!open.disk->sync_directory("").ok()) return SQLITE_IOERR_DIR_FSYNC;
  open.has_unsynced_name = false;
  return SQLITE_OK;
}

int size_of(sqlite3_file* file, sqlite3_int64* size) {
  *size = static_cast<sqlite3_int64>(opened(file).file->size());
  return SQLITE_OK;
}

int take_lock(sqlite3_file*, int) { return SQLITE_OK; }

int check_lock(sqlite3_file*, int* is_reserved) {
  *is_reserved = 0;
  return SQLITE_OK;
}

int control_file(sqlite3_file*, int, void*) { return SQLITE_NOTFOUND; }
int sector_size(sqlite3_file*) { return sector_bytes; }
int device_characteristics(sqlite3_file*) { return SQLITE_IOCAP_POWERSAFE_OVERWRITE; }

// Version 1 has no shared memory: a WAL then needs locking_mode=EXCLUSIVE.
const sqlite3_io_methods file_methods = [] {
  sqlite3_io_methods methods{};
  methods.iVersion = 1;
  methods.xClose = close_file;
  methods.xRead = read_file;
  methods.xWrite = write_file;
  methods.xTruncate = truncate_file;
  methods.xSync = sync_file;
  methods.xFileSize = size_of;
  methods.xLock = take_lock;
  methods.xUnlock = take_lock;
  methods.xCheckReservedLock = check_lock;
  methods.xFileControl = control_file;
  methods.xSectorSize = sector_size;
  methods.xDeviceCharacteristics = device_characteristics;
  return methods;
}();

int open_file(sqlite3_vfs* vfs, const char* path, sqlite3_file* file, int flags, int* flags_out) {
  OpenFile& open = opened(file);
  open = OpenFile{};
  if (path == nullptr) return SQLITE_CANTOPEN;  // a temporary file: temp_store is memory
  PageDisk& disk = disk_of(vfs);
  const bool is_new = !disk.has_file(name_of(path));
  if (is_new && (flags & SQLITE_OPEN_CREATE) == 0) return SQLITE_CANTOPEN;
  auto pages = disk.open_pages(name_of(path));
  if (!pages.ok()) return code_of(pages.error(), SQLITE_CANTOPEN);
  open.base.pMethods = &file_methods;
  open.file = pages->release();
  open.disk = &disk;
  open.has_unsynced_name = is_new && (flags & (SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL)) != 0;
  if (flags_out != nullptr) *flags_out = flags;
  return SQLITE_OK;
}

int delete_file(sqlite3_vfs* vfs, const char* path, int syncs_directory) {
  PageDisk& disk = disk_of(vfs);
  if (!disk.has_file(name_of(path))) return SQLITE_IOERR_DELETE_NOENT;
  if (!disk.remove(name_of(path)).ok()) return SQLITE_IOERR_DELETE;
  if (syncs_directory != 0 && !disk.sync_directory("").ok()) return SQLITE_IOERR_DIR_FSYNC;
  return SQLITE_OK;
}

int check_access(sqlite3_vfs* vfs, const char* path, int, int* result) {
  *result = disk_of(vfs).has_file(name_of(path)) ? 1 : 0;
  return SQLITE_OK;
}

int full_path(sqlite3_vfs*, const char* path, int size, char* out) {
  const auto full = fmt::format("/{}", name_of(path));
  if (full.size() >= static_cast<std::size_t>(size)) return SQLITE_CANTOPEN;
  std::memcpy(out, full.c_str(), full.size() + 1);
  return SQLITE_OK;
}

// Nothing that is stored depends on either: salts only have to differ, and the schema keeps no
// time.
int fill_with_zeros(sqlite3_vfs*, int count, char* out) {
  std::fill_n(out, count, '\0');
  return count;
}

int tell_no_time(sqlite3_vfs*, sqlite3_int64* now) {
  *now = 0;
  return SQLITE_OK;
}

int sleep_not(sqlite3_vfs*, int) { return 0; }
int tell_no_error(sqlite3_vfs*, int, char*) { return 0; }

}  // namespace

SqliteVfs::SqliteVfs(PageDisk& disk)
    : name_(fmt::format("reeve-{}", static_cast<const void*>(this))),
      vfs_(std::make_unique<sqlite3_vfs>()) {
  vfs_->iVersion = 2;
  vfs_->szOsFile = sizeof(OpenFile);
  vfs_->mxPathname = path_bytes_max;
  vfs_->zName = name_.c_str();
  vfs_->pAppData = &disk;
  vfs_->xOpen = open_file;
  vfs_->xDelete = delete_file;
  vfs_->xAccess = check_access;
  vfs_->xFullPathname = full_path;
  vfs_->xRandomness = fill_with_zeros;
  vfs_->xSleep = sleep_not;
  vfs_->xCurrentTimeInt64 = tell_no_time;
  vfs_->xGetLastError = tell_no_error;
  REEVE_ASSERT(sqlite3_vfs_register(vfs_.get(), 0) == SQLITE_OK);
}

SqliteVfs::~SqliteVfs() { sqlite3_vfs_unregister(vfs_.get()); }

}  // namespace reeve
