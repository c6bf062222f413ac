// SQLite's files on a PageDisk instead of the system: a VFS (sqlite.org/vfs.html) without shared
// memory and locks, so that one connection has its files to itself. It syncs what SQLite's own VFS
// for Unix syncs, a new journal's name included, and promises SQLite what that one promises
// (powersafe overwrites). Whoever makes it outlives the connections that it opens; it borrows the
// disk.
#pragma once

#include <string>

#include "common/page_disk.h"

struct sqlite3_vfs;

namespace reeve {

class SqliteVfs {
 public:
  explicit SqliteVfs(PageDisk& disk);
  SqliteVfs(const SqliteVfs&) = delete;
  SqliteVfs& operator=(const SqliteVfs&) = delete;
  ~SqliteVfs();

  // What sqlite3_open_v2 finds it by; no two that live have the same.
  const std::string& name() const { return name_; }

 private:
  std::string name_;
  std::unique_ptr<sqlite3_vfs> vfs_;
};

}  // namespace reeve
