// What only the SQLite store promises: its file.
#include "controller/store/sqlite_store.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "common/fd.h"
#include "tests/store/temporary_store.h"

namespace reeve {
namespace {

std::uint32_t mode_of(const std::string& path) {
  struct stat facts {};
  REQUIRE(::stat(path.c_str(), &facts) == 0);
  return facts.st_mode & 07777;
}

Leaf example_leaf(std::uint64_t index) {
  const Bytes object{1, 2, 3};
  return Leaf{index, ObjectType::tick, 5, leaf_hash(object), object};
}

void write_file(const std::string& path, std::string_view text) {
  const Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  REQUIRE(::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()));
}

TEST_CASE("the store's files can be read by their owner only") {
  TemporarySqliteStore maker;
  REQUIRE(maker.store().append_leaf(example_leaf(0)).ok());
  CHECK(mode_of(maker.path()) == 0600);
  CHECK(mode_of(maker.path() + "-wal") == 0600);
}

TEST_CASE("the store syncs every commit and writes ahead") {
  TemporarySqliteStore maker;
  auto connection = SqliteConnection::open(maker.path());
  REQUIRE(connection.ok());
  auto query = (*connection)->query("PRAGMA journal_mode");
  REQUIRE(*query.next());
  CHECK(text_of(query.bytes(0)) == "wal");
}

TEST_CASE("a file that is no database is refused") {
  TemporaryDirectory directory;
  const auto path = directory.path() + "/ledger.db";
  write_file(path, std::string(8'192, 'x'));
  const auto opened = SqliteStore::open(path);
  REQUIRE_FALSE(opened.ok());
  CHECK(opened.error().name == "store_damaged");
}

TEST_CASE("a database of another program is refused and left alone") {
  TemporaryDirectory directory;
  const auto path = directory.path() + "/other.db";
  write_file(path, "");
  auto connection = SqliteConnection::open(path);
  REQUIRE((*connection)->run_script("CREATE TABLE theirs(x)").ok());
  const auto opened = SqliteStore::open(path);
  REQUIRE_FALSE(opened.ok());
  CHECK(opened.error().name == "not_a_store");
}

TEST_CASE("a store of a later version is refused") {
  TemporarySqliteStore maker;
  auto connection = SqliteConnection::open(maker.path());
  REQUIRE((*connection)->run_script("PRAGMA user_version=1000").ok());
  const auto opened = SqliteStore::open(maker.path());
  REQUIRE_FALSE(opened.ok());
  CHECK(opened.error().name == "unsupported_version");
}

TEST_CASE("a store in a missing directory is refused by name") {
  const auto opened = SqliteStore::open("/nonexistent/ledger.db");
  REQUIRE_FALSE(opened.ok());
  CHECK(opened.error().name == "store_failed");
  CHECK(opened.error().os_errno == ENOENT);
}

TEST_CASE("a full disk has its own name and leaves the store usable") {
  TemporarySqliteStore maker;
  auto& store = maker.store();
  auto opened = SqliteConnection::open(maker.path());
  auto connection = std::move(*opened);
  REQUIRE(connection->run_script("PRAGMA max_page_count=40").ok());
  SqliteStore small(std::move(connection));
  REQUIRE(small.begin().ok());
  const auto refused = small.put_bundle(Digest{}, Bytes(1'000'000, 1));
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().name == "disk_full");
  small.rollback();
  REQUIRE(small.begin().ok());
  REQUIRE(small.append_leaf(example_leaf(0)).ok());
  REQUIRE(small.commit().ok());
  CHECK(*store.leaf_count() == 1);
}

TEST_CASE("a backup of a store in use is whole and private") {
  TemporarySqliteStore maker;
  auto& store = maker.store();
  REQUIRE(store.append_leaf(example_leaf(0)).ok());
  REQUIRE(store.begin().ok());
  REQUIRE(store.append_leaf(example_leaf(1)).ok());
  TemporaryDirectory directory;
  const auto target = directory.path() + "/backup.db";
  REQUIRE(backup_sqlite_store(maker.path(), target).ok());
  REQUIRE(store.commit().ok());
  CHECK(mode_of(target) == 0600);
  CHECK_FALSE(std::filesystem::exists(target + ".unfinished"));
  CHECK_FALSE(std::filesystem::exists(target + "-wal"));
  const auto copy = SqliteStore::open(target);
  REQUIRE(copy.ok());
  CHECK(*(*copy)->leaf_count() == 1);
  const auto again = backup_sqlite_store(maker.path(), target);
  REQUIRE_FALSE(again.ok());
  CHECK(again.error().name == "file_exists");
}

TEST_CASE("a backup is of the moment at which it began, however much is written meanwhile") {
  TemporarySqliteStore maker;
  auto& store = maker.store();
  for (std::uint64_t i = 0; i < 3; ++i) {
    auto leaf = example_leaf(i);
    leaf.object.resize(6'000'000);
    REQUIRE(store.append_leaf(leaf).ok());
  }
  TemporaryDirectory directory;
  const auto target = directory.path() + "/backup.db";
  int steps = 0;
  const auto write_more = [&](int done, int all) {
    CHECK(done <= all);
    REQUIRE(store.append_leaf(example_leaf(3 + static_cast<std::uint64_t>(steps++))).ok());
  };
  REQUIRE(backup_sqlite_store(maker.path(), target, write_more).ok());
  CHECK(steps > 3);
  const auto copy = SqliteStore::open(target);
  REQUIRE(copy.ok());
  CHECK(*(*copy)->leaf_count() == 3);
}

TEST_CASE("a store that is put back from a copy knows what it waits for") {
  TemporarySqliteStore maker;
  REQUIRE(maker.store().append_leaf(example_leaf(0)).ok());
  TemporaryDirectory directory;
  const auto copy = directory.path() + "/backup.db";
  REQUIRE(backup_sqlite_store(maker.path(), copy).ok());
  for (const LedgerState state : {LedgerState::awaits_recovery, LedgerState::goes_on}) {
    const auto target = fmt::format("{}/{}.db", directory.path(), static_cast<int>(state));
    REQUIRE(restore_sqlite_store(copy, target, state).ok());
    CHECK(mode_of(target) == 0600);
    CHECK(restore_sqlite_store(copy, target, state).error().name == "file_exists");
    const auto store = SqliteStore::open(target);
    REQUIRE(store.ok());
    CHECK(*(*store)->ledger_state() == state);
    CHECK(*(*store)->leaf_count() == 1);
  }
  CHECK(*maker.store().ledger_state() == LedgerState::goes_on);
  const auto other = directory.path() + "/other.db";
  const auto refused = restore_sqlite_store("/etc/passwd", other, LedgerState::goes_on);
  CHECK_FALSE(refused.ok());
  CHECK_FALSE(std::filesystem::exists(other));
}

TEST_CASE("a backup that cannot take its name leaves nothing") {
  TemporarySqliteStore maker;
  TemporaryDirectory directory;
  const auto target = directory.path() + "/taken";
  REQUIRE(std::filesystem::create_directory(target));
  const auto refused = backup_sqlite_store(maker.path(), target);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().name == "file_exists");
  CHECK_FALSE(std::filesystem::exists(target + ".unfinished"));
}

TEST_CASE("a backup of nothing leaves nothing") {
  TemporaryDirectory directory;
  const auto target = directory.path() + "/backup.db";
  CHECK_FALSE(backup_sqlite_store(directory.path() + "/missing.db", target).ok());
  CHECK(std::filesystem::is_empty(directory.path()));
}

}  // namespace
}  // namespace reeve
