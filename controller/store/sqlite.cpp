#include "controller/store/sqlite.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include "controller/controller_limits.h"

namespace reeve {
namespace {

Error sqlite_error(sqlite3* database, int code, std::string_view act) {
  const bool full = (code & 0xff) == SQLITE_FULL;
  const int kind = code & 0xff;
  const bool damaged = kind == SQLITE_CORRUPT || kind == SQLITE_NOTADB || kind == SQLITE_TOOBIG;
  const char* words = database != nullptr ? sqlite3_errmsg(database) : sqlite3_errstr(code);
  return Error{full      ? "disk_full"
               : damaged ? "store_damaged"
                         : "store_failed",
               fmt::format("{}: {} (SQLite code {})", act, words,
                           database != nullptr ? sqlite3_extended_errcode(database) : code),
               full ? "free some space; nothing was acknowledged and it is tried again" : ""};
}

// SQLite reads a null pointer as NULL, and an empty span may have one.
const void* data_of(const void* data) { return data != nullptr ? data : ""; }

Result<std::unique_ptr<SqliteConnection>> open_connection(const std::string& path, int flags,
                                                          const char* vfs) {
  sqlite3* database = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &database, flags | SQLITE_OPEN_NOMUTEX, vfs);
  auto connection = std::make_unique<SqliteConnection>(database);
  if (code != SQLITE_OK) return sqlite_error(database, code, fmt::format("open {}", path));
  sqlite3_extended_result_codes(database, 1);
  sqlite3_busy_timeout(database, limits::store_busy_ms);
  // A schema in a damaged or foreign file must not run code of its own.
  sqlite3_db_config(database, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_db_config(database, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  return connection;
}

// A store that others wrote may hold anything: what is larger than we write is damage.
void bound_values(sqlite3* database) {
  sqlite3_limit(database, SQLITE_LIMIT_LENGTH, static_cast<int>(limits::store_value_bytes_max));
}

}  // namespace

SqliteQuery::SqliteQuery(sqlite3* database, sqlite3_stmt* statement, std::optional<Error> error)
    : database_(database), statement_(statement), error_(std::move(error)) {}

SqliteQuery::~SqliteQuery() {
  if (statement_ == nullptr) return;
  // The code repeats the last step's, which its caller has seen.
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

void SqliteQuery::check_bind(int code) {
  if (code != SQLITE_OK && !error_) error_ = sqlite_error(database_, code, "bind a parameter");
}

SqliteQuery& SqliteQuery::with(std::uint64_t number) {
  REEVE_ASSERT(number <= sqlite_number_max);
  return with(static_cast<std::int64_t>(number));
}

SqliteQuery& SqliteQuery::with(std::int64_t number) {
  if (statement_ != nullptr) check_bind(sqlite3_bind_int64(statement_, ++bound_, number));
  return *this;
}

SqliteQuery& SqliteQuery::with(ByteView bytes) {
  if (statement_ == nullptr) return *this;
  check_bind(sqlite3_bind_blob64(statement_, ++bound_, data_of(bytes.data()), bytes.size(),
                                 SQLITE_STATIC));
  return *this;
}

SqliteQuery& SqliteQuery::with(std::string_view text) {
  if (statement_ == nullptr) return *this;
  const auto* data = static_cast<const char*>(data_of(text.data()));
  check_bind(
      sqlite3_bind_text64(statement_, ++bound_, data, text.size(), SQLITE_STATIC, SQLITE_UTF8));
  return *this;
}

Result<bool> SqliteQuery::next() {
  if (error_) return *error_;
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  error_ = sqlite_error(database_, code, sqlite3_sql(statement_));
  return *error_;
}

Status SqliteQuery::run() {
  for (;;) {
    const auto row = next();
    if (!row.ok()) return row.error();
    if (!*row) return {};
  }
}

std::int64_t SqliteQuery::integer(int column) const {
  return sqlite3_column_int64(statement_, column);
}

std::uint64_t SqliteQuery::natural(int column) const {
  const auto number = integer(column);
  return number < 0 ? 0 : static_cast<std::uint64_t>(number);
}

Bytes SqliteQuery::bytes(int column) const {
  const auto* data = static_cast<const std::uint8_t*>(sqlite3_column_blob(statement_, column));
  const int size = sqlite3_column_bytes(statement_, column);
  if (data == nullptr) return {};
  return Bytes(data, data + size);
}

Result<std::unique_ptr<SqliteConnection>> SqliteConnection::open(const std::string& path) {
  return open_connection(path, SQLITE_OPEN_READWRITE, nullptr);
}

Result<std::unique_ptr<SqliteConnection>> SqliteConnection::open(const std::string& path,
                                                                 const SqliteVfs& vfs) {
  return open_connection(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, vfs.name().c_str());
}

Result<std::unique_ptr<SqliteConnection>> SqliteConnection::open_to_read(const std::string& path) {
  auto connection = open_connection(path, SQLITE_OPEN_READONLY, nullptr);
  if (!connection.ok()) return connection;
  bound_values((*connection)->database_);
  REEVE_TRY((*connection)->run_script("BEGIN"));
  return connection;
}

Result<std::unique_ptr<SqliteConnection>> SqliteConnection::open_to_read(const std::string& path,
                                                                         const SqliteVfs& vfs) {
  // SQLite opens a write-ahead log only as a writer; the VFS's disk lets nothing be written.
  auto connection = open_connection(path, SQLITE_OPEN_READWRITE, vfs.name().c_str());
  if (!connection.ok()) return connection;
  bound_values((*connection)->database_);
  sqlite3_db_config((*connection)->database_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  REEVE_TRY((*connection)->run_script("PRAGMA locking_mode=EXCLUSIVE; PRAGMA query_only=ON;"));
  REEVE_TRY((*connection)->run_script("PRAGMA temp_store=MEMORY; BEGIN"));
  return connection;
}

SqliteConnection::~SqliteConnection() {
  for (const auto& entry : statements_) sqlite3_finalize(entry.second);
  sqlite3_close(database_);
}

SqliteQuery SqliteConnection::query(std::string_view sql) {
  auto& statement = statements_[sql];
  if (statement == nullptr) {
    const int code = sqlite3_prepare_v3(database_, sql.data(), static_cast<int>(sql.size()),
                                        SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
    if (code != SQLITE_OK) {
      return SqliteQuery(database_, nullptr, sqlite_error(database_, code, sql));
    }
  }
  return SqliteQuery(database_, statement, std::nullopt);
}

Status SqliteConnection::run_script(const char* sql) {
  const int code = sqlite3_exec(database_, sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return sqlite_error(database_, code, "run a script");
  return {};
}

bool SqliteConnection::in_transaction() const { return sqlite3_get_autocommit(database_) == 0; }

std::uint64_t SqliteConnection::last_row() const {
  return static_cast<std::uint64_t>(sqlite3_last_insert_rowid(database_));
}

Status SqliteConnection::copy_to(SqliteConnection& target,
                                 const std::function<void(int, int)>& progress) {
  REEVE_ASSERT(in_transaction());
  auto* backup = sqlite3_backup_init(target.database_, "main", database_, "main");
  if (backup == nullptr) {
    return sqlite_error(target.database_, sqlite3_errcode(target.database_), "begin the backup");
  }
  // Writers go on and the copy never restarts: all steps are in one read transaction.
  int code = SQLITE_OK;
  while (code == SQLITE_OK) {
    code = sqlite3_backup_step(backup, limits::backup_pages_at_once);
    const int all = sqlite3_backup_pagecount(backup);
    progress(all - sqlite3_backup_remaining(backup), all);
  }
  code = sqlite3_backup_finish(backup);
  if (code != SQLITE_OK) return sqlite_error(target.database_, code, "copy the store");
  return {};
}

}  // namespace reeve
