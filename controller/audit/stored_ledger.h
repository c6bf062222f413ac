// A ledger as it lies on a disk, for reading only: a controller's state directory, in use or not, a
// copy of one, or the file that a backup made. Beside a running controller the store is read as
// SQLite's readers do, of one moment; files that nobody uses are read without a lock or any other
// trace in their directory.
#pragma once

#include "common/disk.h"
#include "controller/audit/ledger_audit.h"
#include "controller/store/sqlite_store.h"
#include "controller/store/stored_pages.h"

namespace reeve {

class StoredLedger {
 public:
  // `log`: where the published files are; empty: where a controller without --log puts them.
  // Errors: `ledger_missing`, those of SqliteStore::open_to_read().
  static Result<std::unique_ptr<StoredLedger>> open(const std::string& path,
                                                    const std::string& log);
  // For open().
  StoredLedger(std::string directory, const std::string& log);
  StoredLedger(const StoredLedger&) = delete;
  StoredLedger& operator=(const StoredLedger&) = delete;

  const Store& store() const { return *store_; }
  // Nothing where nothing is published. The checkpoint is the one that was there before the store
  // was read, so that it can be of no later tree.
  PublishedFile published() const;
  // After all was read. Error `ledger_in_use`: somebody has begun to write meanwhile.
  Status require_unchanged() const;

 private:
  Status open_store(const std::string& name);

  std::string directory_;
  std::unique_ptr<SystemDisk> log_;  // null: nothing is published here
  std::optional<Bytes> checkpoint_;
  StoredPages pages_;
  SqliteVfs vfs_{pages_};
  bool is_in_use_ = false;
  std::unique_ptr<SqliteStore> store_;
};

}  // namespace reeve
