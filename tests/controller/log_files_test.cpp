#include "controller/log_files.h"

#include <doctest/doctest.h>

#include <cerrno>

#include "controller/controller_limits.h"
#include "tests/fakes/crash_disk.h"
#include "tests/fakes/fake_clock.h"
#include "tests/store/faulty_store.h"
#include "tests/store/temporary_store.h"

namespace reeve {
namespace {

// A ledger over a real store, published on a disk that may lose what was not synced.
struct World {
  TemporarySqliteStore maker;
  FakeClock clock;
  SigningKey key = SigningKey::generate();
  std::unique_ptr<CrashDisk> disk = std::make_unique<CrashDisk>();
  std::unique_ptr<Ledger> ledger = open();
  std::unique_ptr<LogFiles> files = start();

  std::unique_ptr<Ledger> open() {
    auto opened = Ledger::open(maker.store(), clock, key, "acme/ledger");
    REQUIRE(opened.ok());
    return std::move(*opened);
  }
  std::unique_ptr<LogFiles> start() {
    auto made = std::make_unique<LogFiles>(*disk, clock);
    REQUIRE(made->open(*ledger).ok());
    return made;
  }
  void commit(std::size_t leaves) {
    REQUIRE(ledger->begin().ok());
    for (std::size_t i = 0; i < leaves; ++i) {
      Bytes object;
      append_u64(object, ledger->size());
      REQUIRE(ledger->append(ObjectType::batch_header, object).ok());
    }
    REQUIRE(ledger->commit().ok());
  }
  Status step() {
    clock.advance(limits::log_files_interval_ns);
    return files->publish_if_due(maker.store(), *ledger);
  }
  void publish() {
    while (files->published_size() != ledger->committed().size) REQUIRE(step().ok());
  }
};

Bytes file(const CrashDisk& disk, const std::string& name) {
  CAPTURE(name);
  const auto bytes = disk.read(name, 1u << 26);
  REQUIRE(bytes.ok());
  REQUIRE(bytes->has_value());
  return **bytes;
}

// A reader that knows nothing of us but the specification: every entry hashes to its place in the
// tiles of level 0, every full tile to its place above, and all of them to the checkpoint's root.
TreeView verified(const CrashDisk& disk, const PublicKey& key) {
  const std::array keys{key};
  const auto checkpoint = verify_checkpoint(text_of(file(disk, "checkpoint")), "acme/ledger", keys);
  REQUIRE(checkpoint.ok());
  std::vector<Digest> below;
  for (std::uint64_t first = 0; first < checkpoint->tree.size; first += 256) {
    const auto width =
        static_cast<std::size_t>(std::min<std::uint64_t>(256, checkpoint->tree.size - first));
    const auto entries = file(disk, tile_path("entries", first / 256, width));
    ByteReader reader(entries);
    for (std::size_t i = 0; i < width; ++i) below.push_back(leaf_hash(reader.take(reader.u16())));
    REQUIRE((reader.ok() && reader.at_end()));
  }
  CHECK(tree_root(below) == checkpoint->tree.root);
  for (unsigned level = 0; !below.empty(); ++level) {
    std::vector<Digest> above;
    for (std::size_t first = 0; first < below.size(); first += 256) {
      const auto part =
          std::span(below).subspan(first, std::min<std::size_t>(256, below.size() - first));
      const auto tile = file(disk, tile_path(std::to_string(level), first / 256, part.size()));
      Bytes expected;
      for (const Digest& hash : part) append(expected, hash.view());
      REQUIRE(tile == expected);
      if (part.size() == 256) above.push_back(tree_root(part));
    }
    below = std::move(above);
  }
  return checkpoint->tree;
}

TEST_CASE("paths of tiles are those of the specification") {
  CHECK(tile_path("0", 1'234'067, 256) == "tile/0/x001/x234/067");
  CHECK(tile_path("entries", 0, 1) == "tile/entries/000.p/1");
  CHECK(tile_path("2", 999, 255) == "tile/2/999.p/255");
  CHECK(tile_path("0", 1'000, 256) == "tile/0/x001/000");
}

TEST_CASE("what is committed stands in the files, at sizes around every edge of a tile") {
  World world;
  for (const std::size_t more : {1, 1, 253, 1, 1, 255, 300, 1'000}) {
    world.commit(more);
    world.publish();
    CHECK(verified(*world.disk, world.key.public_key()) == world.ledger->committed());
  }
}

TEST_CASE("a log of more than 65,536 leaves has tiles at three levels") {
  World world;
  while (world.ledger->size() < 70'000) world.commit(5'000);
  world.publish();
  CHECK(verified(*world.disk, world.key.public_key()) == world.ledger->committed());
  CHECK(world.disk->read(tile_path("2", 0, 1), 64)->has_value());
}

TEST_CASE("what is not committed is not published") {
  World world;
  world.commit(3);
  world.publish();
  REQUIRE(world.ledger->begin().ok());
  REQUIRE(world.ledger->append(ObjectType::batch_header, Bytes{1}).ok());
  CHECK(world.step().ok());
  CHECK(verified(*world.disk, world.key.public_key()) == world.ledger->committed());
  world.ledger->rollback();
}

TEST_CASE("partial tiles go when the full one is there") {
  World world;
  world.commit(3);
  world.publish();
  const auto partial = tile_path("0", 0, world.ledger->size());
  CHECK(world.disk->read(partial, 1 << 16)->has_value());
  world.commit(300);
  world.publish();
  CHECK_FALSE(world.disk->read(partial, 1 << 16)->has_value());
  CHECK(world.disk->list("tile/entries/000.p")->empty());
}

TEST_CASE(
    "a later run goes on where the one before stopped, and writes anew what is of another log") {
  World world;
  world.commit(700);
  world.publish();
  world.files = world.start();
  CHECK(world.files->published_size() == world.ledger->size());
  World other;
  other.commit(900);
  world.maker.reopen();
  other.disk = std::move(world.disk);
  other.files = other.start();
  CHECK(other.files->published_size() == 0);
  other.publish();
  CHECK(verified(*other.disk, other.key.public_key()) == other.ledger->committed());
}

TEST_CASE("a long backlog is written a part at a time, and the checkpoint appears last") {
  World world;
  world.commit(256 * (limits::log_files_tiles_at_once + 2));
  REQUIRE(world.step().ok());
  CHECK_FALSE(world.disk->read("checkpoint", 4'096)->has_value());
  REQUIRE(world.step().ok());
  CHECK(verified(*world.disk, world.key.public_key()) == world.ledger->committed());
}

TEST_CASE("new leaves are published at most once in the interval") {
  World world;
  world.commit(1);
  world.publish();
  world.commit(1);
  CHECK(world.files->publish_if_due(world.maker.store(), *world.ledger).ok());
  CHECK(world.files->published_size() < world.ledger->size());
  CHECK(world.files->next_due(*world.ledger) ==
        world.clock.boottime_ns() + limits::log_files_interval_ns);
  world.publish();
  CHECK_FALSE(world.files->next_due(*world.ledger).has_value());
}

TEST_CASE("after a refusal of the disk it is tried again, later") {
  for (const auto call :
       {CrashDisk::Call::append, CrashDisk::Call::sync, CrashDisk::Call::rename}) {
    World world;
    world.commit(5);
    world.disk->fail(call, 1, ENOSPC);
    CHECK(world.step().error().os_errno == ENOSPC);
    CHECK(world.disk->faults_fired() == 1);
    CHECK(world.step().ok());
    CHECK(world.files->published_size() == 0);
    world.clock.advance(limits::log_files_retry_ns);
    world.publish();
    CHECK(verified(*world.disk, world.key.public_key()) == world.ledger->committed());
  }
}

// Every step of a publication, and several ways in which what was not synced may be lost.
TEST_CASE("after a power cut at any step each checkpoint that is there has its tiles") {
  World world;
  world.commit(255);
  world.publish();
  world.commit(10);
  std::uint64_t with_checkpoint = 0;
  for (std::uint64_t step = 0;; ++step) {
    World cut;
    cut.key = SigningKey::from_seed(world.key.seed().bytes());
    cut.ledger = cut.open();
    cut.commit(255);
    cut.publish();
    cut.commit(10);
    cut.disk->cut_power_after(step);
    const bool done = cut.step().ok();
    for (std::uint64_t seed = 0; seed < 8; ++seed) {
      const auto left = cut.disk->crash(seed);
      verified(*left, world.key.public_key());
      ++with_checkpoint;
    }
    if (done) break;
  }
  CHECK(with_checkpoint > 100);
}

TEST_CASE("a checkpoint is never published before its leaves are committed") {
  TemporarySqliteStore maker;
  FaultyStore store(maker.store());
  FakeClock clock;
  const SigningKey key = SigningKey::generate();
  CrashDisk disk;
  auto ledger = *Ledger::open(store, clock, key, "acme/ledger");
  LogFiles files(disk, clock);
  REQUIRE(files.open(*ledger).ok());
  const auto commit = [&](std::uint8_t leaf) {
    REQUIRE(ledger->begin().ok());
    REQUIRE(ledger->append(ObjectType::batch_header, Bytes{leaf}).ok());
    const bool is_committed = ledger->commit().ok();
    clock.advance(limits::log_files_interval_ns);
    REQUIRE(files.publish_if_due(store, *ledger).ok());
    const auto note = decode_note(text_of(file(disk, "checkpoint")));
    const TreeView tree = decode_checkpoint_text(note->text)->tree;
    if (!is_committed) ledger->rollback();
    CHECK(tree.size == *store.leaf_count());
    CHECK(tree.root == tree_root(*store.leaf_hashes(0, 100)));
    return is_committed;
  };
  CHECK(commit(1));
  store.fault = FaultyStore::Fault::commit;
  CHECK_FALSE(commit(2));
  CHECK(store.refused == 1);
  store.fault = FaultyStore::Fault::none;
  CHECK(commit(3));
}

TEST_CASE("what is cosigned is published beside the checkpoint, once that is as far") {
  World world;
  world.commit(3);
  const std::string note = world.ledger->checkpoint() + "\u2014 w AAAAAAAA\n";
  REQUIRE(world.files->publish_cosigned(note, 4).ok());  // its leaves are not published yet
  CHECK_FALSE(world.disk->read("cosigned", 1'000)->has_value());
  world.publish();
  REQUIRE(world.files->publish_cosigned(note, 4).ok());
  CHECK(text_of(file(*world.disk, "cosigned")) == note);
  world.disk->fail(CrashDisk::Call::sync, 1, EIO);
  CHECK_FALSE(world.files->publish_cosigned(note + "more", 4).ok());
  CHECK(text_of(file(*world.disk, "cosigned")) == note);
  REQUIRE(world.files->publish_cosigned(note + "more", 4).ok());  // not again at once
  CHECK(text_of(file(*world.disk, "cosigned")) == note);
  world.clock.advance(limits::log_files_retry_ns);
  REQUIRE(world.files->publish_cosigned(note + "more", 4).ok());
  CHECK(text_of(file(*world.disk, "cosigned")) == note + "more");
}

}  // namespace
}  // namespace reeve
