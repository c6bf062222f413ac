// The one gate to SQLite: a connection, and queries over its prepared statements. Everything here
// belongs to one thread. Every refusal becomes an Error with SQLite's words: `disk_full`,
// `store_damaged` where the file is no longer what SQLite wrote, or `store_failed`.
#pragma once

#include <algorithm>
#include <functional>
#include <limits>
#include <map>
#include <memory>

#include "common/bytes.h"
#include "common/result.h"
#include "controller/store/sqlite_vfs.h"

struct sqlite3;
struct sqlite3_stmt;

namespace reeve {

// SQLite's numbers are signed. Readers may be asked for any number: what is beyond finds nothing.
inline constexpr std::uint64_t sqlite_number_max = std::numeric_limits<std::int64_t>::max();
inline std::uint64_t bounded(std::uint64_t number) { return std::min(number, sqlite_number_max); }

// One run of a prepared statement, which is reset when this ends: at most one run of the same text
// at a time. Parameters are bound in order; the first error is kept and given by next() or run().
class SqliteQuery {
 public:
  SqliteQuery(sqlite3* database, sqlite3_stmt* statement, std::optional<Error> error);
  SqliteQuery(const SqliteQuery&) = delete;
  SqliteQuery& operator=(const SqliteQuery&) = delete;
  ~SqliteQuery();

  // Numbers are at most 2^63 - 1. Bytes and texts must outlive the run.
  SqliteQuery& with(std::uint64_t number);
  SqliteQuery& with(std::int64_t number);
  SqliteQuery& with(ByteView bytes);
  SqliteQuery& with(std::string_view text);
  template <std::size_t N>
  SqliteQuery& with(const FixedBytes<N>& bytes) {
    return with(bytes.view());
  }

  Result<bool> next();  // true: a row is there
  Status run();         // to the end, rows are ignored

  std::int64_t integer(int column) const;
  std::uint64_t natural(int column) const;  // negative numbers are 0
  Bytes bytes(int column) const;
  template <std::size_t N>
  FixedBytes<N> fixed_bytes(int column) const {
    return fixed<N>(bytes(column)).value_or(FixedBytes<N>{});
  }

 private:
  void check_bind(int code);

  sqlite3* database_;
  sqlite3_stmt* statement_;
  std::optional<Error> error_;
  int bound_ = 0;
};

class SqliteConnection {
 public:
  // The file must exist; an empty file is an empty database.
  static Result<std::unique_ptr<SqliteConnection>> open(const std::string& path);
  // The same on a VFS, which makes the file when it is missing.
  static Result<std::unique_ptr<SqliteConnection>> open(const std::string& path,
                                                        const SqliteVfs& vfs);
  // Both of a store that is only read: the file itself, beside whoever writes to it, or by a VFS.
  // What they read is of one moment, from the first read on.
  static Result<std::unique_ptr<SqliteConnection>> open_to_read(const std::string& path);
  static Result<std::unique_ptr<SqliteConnection>> open_to_read(const std::string& path,
                                                                const SqliteVfs& vfs);

  explicit SqliteConnection(sqlite3* database) : database_(database) {}
  SqliteConnection(const SqliteConnection&) = delete;
  SqliteConnection& operator=(const SqliteConnection&) = delete;
  ~SqliteConnection();

  // Texts are compile-time constants: each is prepared once and kept.
  SqliteQuery query(std::string_view sql);
  Status run_script(const char* sql);
  bool in_transaction() const;
  std::uint64_t last_row() const;
  // A consistent copy of everything committed, by SQLite's online backup. The caller has begun to
  // read: what is copied is of that moment. `progress` hears of pages that are done and of all.
  Status copy_to(SqliteConnection& target, const std::function<void(int, int)>& progress);

 private:
  sqlite3* database_;
  std::map<std::string_view, sqlite3_stmt*> statements_;
};

}  // namespace reeve
