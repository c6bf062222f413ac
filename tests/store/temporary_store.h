// Stores on temporary files, each removed with its maker. A maker is how the store's suite gets an
// implementation: store() and reopen(), which drops the store without a word and opens it again.
#pragma once

#include <doctest/doctest.h>

#include "controller/store/sqlite_store.h"
#include "tests/fakes/temporary_directory.h"

namespace reeve {

class TemporarySqliteStore {
 public:
  TemporarySqliteStore() { reopen(); }

  Store& store() { return *store_; }
  Store& reopen() {
    store_.reset();
    auto opened = SqliteStore::open(path());
    REQUIRE(opened.ok());
    store_ = std::move(*opened);
    return *store_;
  }
  std::string path() const { return directory_.path() + "/ledger.db"; }

 private:
  TemporaryDirectory directory_;
  std::unique_ptr<SqliteStore> store_;
};

}  // namespace reeve
