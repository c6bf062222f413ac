// The store's file: how it is made, recognised and copied.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>

#include "common/fd.h"
#include "controller/store/sqlite_store.h"

namespace reeve {
namespace {

// "RVST", so that file(1) and we know our own.
constexpr std::int64_t application_id = 0x52565354;
constexpr std::int64_t schema_version = 3;

// `node` and `rule` outside their own tables are row numbers: the index over batches stays narrow.
// A batch's index ends in the first eight bytes of its header's digest, so that however many
// batches a hostile node signs for one sequence, finding one of them again is one look.
constexpr const char* schema = R"(
  CREATE TABLE meta(key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
  CREATE TABLE leaves(leaf INTEGER PRIMARY KEY, type INTEGER NOT NULL, stored INTEGER NOT NULL,
                      hash BLOB NOT NULL, object BLOB NOT NULL);
  CREATE INDEX ticks ON leaves(leaf) WHERE type=6;
  CREATE TABLE tile_hashes(level INTEGER NOT NULL, tile INTEGER NOT NULL, hash BLOB NOT NULL,
                           PRIMARY KEY(level, tile)) WITHOUT ROWID;
  CREATE TABLE nodes(id INTEGER PRIMARY KEY, node BLOB NOT NULL UNIQUE, seen INTEGER NOT NULL,
                     flags INTEGER NOT NULL, state INTEGER NOT NULL, certificate BLOB NOT NULL,
                     heartbeat BLOB NOT NULL, ending BLOB NOT NULL, transport BLOB NOT NULL);
  CREATE TABLE tokens(id INTEGER PRIMARY KEY, token BLOB NOT NULL UNIQUE, object BLOB NOT NULL,
                      used INTEGER NOT NULL, state INTEGER NOT NULL);
  CREATE TABLE chains(id INTEGER PRIMARY KEY, node INTEGER NOT NULL, stream INTEGER NOT NULL,
                      epoch BLOB NOT NULL, next INTEGER NOT NULL, last BLOB NOT NULL,
                      previous_epoch BLOB NOT NULL);
  CREATE UNIQUE INDEX chains_by_epoch ON chains(node, stream, epoch);
  CREATE INDEX chains_by_previous ON chains(node, stream, previous_epoch);
  CREATE TABLE batches(leaf INTEGER PRIMARY KEY, chain INTEGER NOT NULL, node INTEGER NOT NULL,
                       first INTEGER NOT NULL, until INTEGER NOT NULL, tag INTEGER NOT NULL,
                       standing INTEGER NOT NULL, header BLOB NOT NULL, bodies BLOB NOT NULL);
  CREATE INDEX batches_by_chain ON batches(chain, until, tag);
  CREATE INDEX batches_by_node ON batches(node);
  CREATE TABLE redactions(leaf INTEGER NOT NULL, record INTEGER NOT NULL, request INTEGER NOT NULL,
                          PRIMARY KEY(leaf, record)) WITHOUT ROWID;
  CREATE TABLE successions(leaf INTEGER PRIMARY KEY, node INTEGER NOT NULL, old BLOB NOT NULL,
                           key BLOB NOT NULL);
  CREATE INDEX successions_by_old ON successions(node, old);
  CREATE INDEX successions_by_key ON successions(node, key);
  CREATE INDEX successions_by_leaf ON successions(node, leaf);
  CREATE TABLE rules(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
  CREATE TABLE batch_rules(rule INTEGER NOT NULL, leaf INTEGER NOT NULL, node INTEGER NOT NULL,
                           PRIMARY KEY(rule, leaf)) WITHOUT ROWID;
  CREATE TABLE roots(version INTEGER PRIMARY KEY, object BLOB NOT NULL);
  CREATE TABLE recoveries(number INTEGER PRIMARY KEY, root INTEGER NOT NULL, object BLOB NOT NULL);
  CREATE TABLE manifests(version INTEGER PRIMARY KEY, object BLOB NOT NULL);
  CREATE TABLE acts(id INTEGER PRIMARY KEY, until INTEGER NOT NULL, object BLOB NOT NULL);
  CREATE TABLE bundles(id INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE, bytes BLOB NOT NULL);
)";

Result<std::int64_t> read_pragma(SqliteConnection& connection, std::string_view sql) {
  auto query = connection.query(sql);
  const auto row = query.next();
  if (!row.ok()) return row.error();
  return *row ? query.integer(0) : 0;
}

Status create_schema(SqliteConnection& connection) {
  const auto script =
      fmt::format("BEGIN IMMEDIATE; {} PRAGMA application_id={}; PRAGMA user_version={}; COMMIT;",
                  schema, application_id, schema_version);
  return connection.run_script(script.c_str());
}

Error not_a_store(const std::string& path) {
  return Error{"not_a_store", fmt::format("{}: an SQLite file, but no store of Reeve's", path)};
}

// It must be ours and of a known version.
Status check_schema(SqliteConnection& connection, const std::string& path) {
  const auto id = read_pragma(connection, "PRAGMA application_id");
  if (!id.ok()) return id.error();
  if (*id != application_id) return not_a_store(path);
  const auto version = read_pragma(connection, "PRAGMA user_version");
  if (!version.ok()) return version.error();
  if (*version != schema_version) {
    return Error{"unsupported_version", fmt::format("{}: store version {}, this program knows {}",
                                                    path, *version, schema_version)};
  }
  return {};
}

// Makes the schema in an empty file.
Status ensure_schema(SqliteConnection& connection, const std::string& path) {
  const auto objects = read_pragma(connection, "SELECT count(*) FROM sqlite_master");
  if (!objects.ok()) return objects.error();
  return *objects == 0 ? create_schema(connection) : check_schema(connection, path);
}

Result<std::unique_ptr<SqliteStore>> open_reader(
    Result<std::unique_ptr<SqliteConnection>> connection, const std::string& path) {
  if (!connection.ok()) return connection.error();
  REEVE_TRY((*connection)->run_script("PRAGMA cell_size_check=ON"));
  REEVE_TRY(check_schema(**connection, path));
  return std::make_unique<SqliteStore>(*std::move(connection));
}

Result<std::unique_ptr<SqliteStore>> open_store(std::unique_ptr<SqliteConnection> connection,
                                                const std::string& path) {
  REEVE_TRY(connection->run_script("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"));
  REEVE_TRY(connection->run_script("PRAGMA cell_size_check=ON; PRAGMA temp_store=MEMORY;"));
  // What is taken out of the store is overwritten in its file.
  REEVE_TRY(connection->run_script("PRAGMA secure_delete=ON;"));
  REEVE_TRY(ensure_schema(*connection, path));
  return std::make_unique<SqliteStore>(std::move(connection));
}

// SQLite would make the file with the mode that the umask leaves.
Status make_private_file(const std::string& path, int flags) {
  const Fd file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | flags, 0600));
  if (!file.is_open()) return os_error("store_failed", "open", path, errno);
  return {};
}

Status make_name_durable(const std::string& path) {
  const auto parent = std::filesystem::path(path).parent_path();
  const std::string directory = parent.empty() ? std::string(".") : parent.string();
  const Fd file(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!file.is_open() || ::fsync(file.get()) != 0) {
    return os_error("backup_failed", "sync", directory, errno);
  }
  return {};
}

Status copy_store(SqliteConnection& from, const std::string& target, const CopyProgress& progress) {
  REEVE_TRY(make_private_file(target, O_EXCL));
  auto to = SqliteConnection::open(target);
  if (!to.ok()) return to.error();
  REEVE_TRY((*to)->run_script("PRAGMA synchronous=FULL"));
  REEVE_TRY(from.copy_to(**to, progress));
  // A backup is one file: without this it would carry the source's WAL mode and need -wal beside.
  return (*to)->run_script("PRAGMA journal_mode=DELETE");
}

// Of one moment, however long it takes: the copy stands on this transaction.
Status copy_running_store(const std::string& source, const std::string& target,
                          const CopyProgress& progress) {
  if (::access(source.c_str(), R_OK | W_OK) != 0)
    return os_error("store_failed", "open", source, errno);
  auto from = SqliteConnection::open(source);
  if (!from.ok()) return from.error();
  REEVE_TRY(ensure_schema(**from, source));
  REEVE_TRY((*from)->run_script("BEGIN"));
  if (const auto leaf = read_pragma(**from, "SELECT max(leaf) FROM leaves"); !leaf.ok())
    return leaf.error();
  return copy_store(**from, target, progress);
}

Status copy_stored(const std::string& source, const std::string& target, LedgerState state,
                   const CopyProgress& progress) {
  {
    auto from = SqliteConnection::open_to_read(source);
    if (!from.ok()) return from.error();
    REEVE_TRY(check_schema(**from, source));
    REEVE_TRY(copy_store(**from, target, progress));
  }
  const auto store = SqliteStore::open(target);
  if (!store.ok()) return store.error();
  REEVE_TRY((*store)->begin());
  REEVE_TRY((*store)->put_ledger_state(state));
  return (*store)->commit();
}

Error exists_already(const std::string& path) {
  return Error{"file_exists", path + " is there already", "name a file that is not there"};
}

// Written beside it, whole and durable before it has its name; nothing is ever replaced.
Status make_whole(const std::string& target,
                  const std::function<Status(const std::string& unfinished)>& make) {
  if (::access(target.c_str(), F_OK) == 0) return exists_already(target);
  const auto unfinished = target + ".unfinished";
  const auto give_up = [&](Error error) {
    for (const auto* ending : {"", "-wal", "-shm", "-journal"})
      ::unlink((unfinished + ending).c_str());
    return error;
  };
  ::unlink(unfinished.c_str());
  if (auto made = make(unfinished); !made.ok()) return give_up(made.error());
  const Fd file(::open(unfinished.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!file.is_open() || ::fsync(file.get()) != 0)
    return give_up(os_error("backup_failed", "sync", unfinished, errno));
  if (::renameat2(AT_FDCWD, unfinished.c_str(), AT_FDCWD, target.c_str(), RENAME_NOREPLACE) != 0) {
    return give_up(errno == EEXIST ? exists_already(target)
                                   : os_error("backup_failed", "rename", target, errno));
  }
  return make_name_durable(target);
}

}  // namespace

Result<std::unique_ptr<SqliteStore>> SqliteStore::open(const std::string& path) {
  REEVE_TRY(make_private_file(path, 0));
  auto connection = SqliteConnection::open(path);
  if (!connection.ok()) return connection.error();
  return open_store(std::move(*connection), path);
}

Result<std::unique_ptr<SqliteStore>> SqliteStore::open(const std::string& path,
                                                       const SqliteVfs& vfs) {
  auto connection = SqliteConnection::open(path, vfs);
  if (!connection.ok()) return connection.error();
  REEVE_TRY((*connection)->run_script("PRAGMA locking_mode=EXCLUSIVE;"));
  return open_store(std::move(*connection), path);
}

Result<std::unique_ptr<SqliteStore>> SqliteStore::open_to_read(const std::string& path) {
  return open_reader(SqliteConnection::open_to_read(path), path);
}

Result<std::unique_ptr<SqliteStore>> SqliteStore::open_to_read(const std::string& path,
                                                               const SqliteVfs& vfs) {
  return open_reader(SqliteConnection::open_to_read(path, vfs), path);
}

Status backup_sqlite_store(const std::string& source, const std::string& target,
                           const CopyProgress& progress) {
  return make_whole(target, [&](const std::string& unfinished) {
    return copy_running_store(source, unfinished, progress);
  });
}

Status restore_sqlite_store(const std::string& source, const std::string& target, LedgerState state,
                            const CopyProgress& progress) {
  return make_whole(target, [&](const std::string& unfinished) {
    return copy_stored(source, unfinished, state, progress);
  });
}

}  // namespace reeve
