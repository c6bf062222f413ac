// The store's files on a disk that loses what was not synced: what SQLite has committed is there
// after every power cut, whole or, where the cut fell into the commit, not at all.
#include "controller/store/sqlite_vfs.h"

#include <doctest/doctest.h>

#include <cerrno>
#include <cstdlib>

#include "controller/store/sqlite_store.h"
#include "tests/fakes/crash_disk.h"
#include "tests/fakes/dice.h"

namespace reeve {
namespace {

const std::string name = "ledger.db";

// A controller's store over its lives; it commits one leaf and one bundle a step.
class Life {
 public:
  explicit Life(std::unique_ptr<CrashDisk> disk = std::make_unique<CrashDisk>())
      : disk_(std::move(disk)), vfs_(std::make_unique<SqliteVfs>(*disk_)) {
    auto opened = SqliteStore::open(name, *vfs_);
    if (opened.ok()) store_ = std::move(*opened);
  }
  ~Life() { store_.reset(); }
  Life(const Life&) = delete;
  Life& operator=(const Life&) = delete;

  CrashDisk& disk() { return *disk_; }
  bool is_open() const { return store_ != nullptr; }
  SqliteStore& store() { return *store_; }

  // Leaves from the next index on, until the power goes or so many are committed.
  std::uint64_t commit(std::uint64_t leaves) {
    const auto count = store_->leaf_count();
    if (!count.ok()) return 0;
    std::uint64_t next = *count;
    for (; leaves > 0; --leaves, ++next)
      if (!commit_one(next)) break;
    return next;
  }

 private:
  bool commit_one(std::uint64_t index) {
    const Bytes object(50 + index % 200, static_cast<std::uint8_t>(index));
    const Bytes bundle(3'000 * (index % 4), static_cast<std::uint8_t>(index));
    const bool done =
        store_->begin().ok() &&
        store_->append_leaf({index, ObjectType::tick, 5, leaf_hash(object), object}).ok() &&
        store_->put_bundle(sha256(object), bundle).ok() && store_->commit().ok();
    if (!done) store_->rollback();
    return done;
  }

  std::unique_ptr<CrashDisk> disk_;
  std::unique_ptr<SqliteVfs> vfs_;
  std::unique_ptr<SqliteStore> store_;
};

// Every leaf and its bundle, as they were written.
void check_whole(const Store& store, std::uint64_t leaves) {
  for (std::uint64_t index = 0; index < leaves; ++index) {
    const auto leaf = store.leaf(index);
    REQUIRE(leaf.ok());
    REQUIRE(leaf->has_value());
    REQUIRE((*leaf)->object == Bytes(50 + index % 200, static_cast<std::uint8_t>(index)));
    const auto bundle = store.bundle(sha256((*leaf)->object));
    REQUIRE(bundle.ok());
    REQUIRE(bundle->has_value());
    REQUIRE((*bundle)->size() == 3'000 * (index % 4));
  }
}

TEST_CASE("a store on a VFS writes ahead, syncs every commit and is there when opened again") {
  auto disk = std::make_unique<CrashDisk>();
  CrashDisk* kept = disk.get();
  Life life(std::move(disk));
  REQUIRE(life.is_open());
  const auto syncs = kept->calls(CrashDisk::Call::sync);
  CHECK(life.commit(10) == 10);
  CHECK(kept->calls(CrashDisk::Call::sync) >= syncs + 10);
  CHECK(kept->has_file(name + "-wal"));
  Life next(kept->crash(1));
  REQUIRE(next.is_open());
  CHECK(*next.store().leaf_count() == 10);
  check_whole(next.store(), 10);
}

TEST_CASE("after a power cut at any call, all that was committed is there and nothing is half") {
  const std::uint64_t cuts = std::getenv("REEVE_TEST_LONG") != nullptr ? 10'000 : 1'000;
  Dice dice{7};
  std::uint64_t fell = 0;
  std::uint64_t beyond = 0;
  CrashDisk::Loss all;
  auto life = std::make_unique<Life>();
  for (std::uint64_t cut = 0; cut < cuts; ++cut) {
    // A new store now and then, so that its making is cut as well.
    if (cut % 50 == 0) life = std::make_unique<Life>();
    std::uint64_t committed = 0;
    if (life->is_open()) {
      life->disk().cut_power_after(1 + dice.below(60));
      committed = life->commit(40);
    }
    fell += life->disk().power_is_cut() ? 1 : 0;
    auto after = life->disk().crash(dice.roll());
    all.pages += after->loss().pages;
    all.bytes += after->loss().bytes;
    if (cut % 50 == 0) after = std::make_unique<CrashDisk>();  // the next opens under a cut
    if (cut % 50 == 0) after->cut_power_after(1 + dice.below(30));
    life = std::make_unique<Life>(std::move(after));
    if (cut % 50 == 0) {
      life = std::make_unique<Life>(life->disk().crash(dice.roll()));
      committed = 0;
    }
    REQUIRE(life->is_open());
    const auto count = life->store().leaf_count();
    REQUIRE(count.ok());
    REQUIRE(*count >= committed);
    REQUIRE(*count <= committed + 1);  // the commit that the cut fell into may have been made
    beyond += *count - committed;
    check_whole(life->store(), *count);
  }
  MESSAGE(cuts, " power cuts under the store: ", fell, " while it was writing, ", all.pages,
          " writes lost or torn, ", beyond, " commits made that had not been confirmed");
  CHECK(fell > cuts * 9 / 10);
  CHECK(all.pages > 0);
  CHECK(all.bytes > 0);
  CHECK(beyond > 0);
}

TEST_CASE("a disk that is full or fails refuses the commit, and loses nothing committed") {
  for (const auto call : {CrashDisk::Call::append, CrashDisk::Call::sync}) {
    for (const int why : {ENOSPC, EIO}) {
      Life life;
      REQUIRE(life.is_open());
      REQUIRE(life.commit(5) == 5);
      std::uint64_t committed = 5;
      for (std::uint64_t nth = 1; nth <= 12; ++nth) {
        life.disk().fail(call, nth, why);
        committed = life.commit(6);
      }
      CHECK(life.disk().faults_fired() > 0);
      committed = life.commit(3);
      Life next(life.disk().crash(committed));
      REQUIRE(next.is_open());
      CHECK(*next.store().leaf_count() == committed);
      check_whole(next.store(), committed);
    }
  }
}

}  // namespace
}  // namespace reeve
