#include <doctest/doctest.h>

#include <algorithm>
#include <cerrno>

#include "agent/agent_limits.h"
#include "tests/agent/journal_life.h"

using namespace reeve;
using namespace reeve::testing;

namespace {

constexpr std::size_t steps = 40;

std::set<std::string> objects_of(const std::vector<Receipt>& receipts) {
  std::set<std::string> out;
  for (const Receipt& receipt : receipts) out.insert(receipt.object);
  return out;
}

struct Verdict {
  bool all_kept = true;  // everything that was handed out or called durable is there
  bool is_chained = true;
  bool is_consistent = true;  // what is open follows from the records
};

// What is open by the records alone, without snapshots.
std::set<std::string> open_by_records(const Contents& contents) {
  std::set<std::string> open;
  for (const Record& record : contents.records) {
    if (record.type != "receipt") continue;
    const auto receipt = decode_receipt(record);
    if (receipt->phase == Phase::open) open.insert(receipt->object);
    if (receipt->phase == Phase::close) open.erase(receipt->object);
  }
  return open;
}

Verdict judge(Disk& after, const Promised& promised, const Epoch& epoch) {
  Verdict verdict;
  JournalLife next(after, 99);
  REQUIRE(next.has_started());
  // What no mark says to be durable is handed out again once it has been written again.
  next.recorder().flush();
  for (Stream stream : {Stream::urgent, Stream::routine}) {
    const Contents contents = contents_of(next.recorder().journal(stream));
    verdict.is_chained = verdict.is_chained && contents.is_chained;
    std::set<Digest> there;
    std::uint64_t records = 0;
    for (const Batch& batch : contents.batches) {
      there.insert(batch.header_digest());
      if (batch.header.epoch == epoch) records += batch.header.count;
    }
    if (const auto shipped = promised.shipped.find(stream); shipped != promised.shipped.end())
      for (const Digest& digest : shipped->second)
        if (!there.contains(digest)) verdict.all_kept = false;
    if (const auto durable = promised.durable.find(stream); durable != promised.durable.end())
      if (records < durable->second) verdict.all_kept = false;
    if (open_by_records(contents) != objects_of(next.recovered(stream).open))
      verdict.is_consistent = false;
    if (!next.recovered(stream).damage.empty()) verdict.is_consistent = false;
  }
  return verdict;
}

std::uint64_t calls_of_a_life() {
  CrashDisk disk;
  JournalLife life(disk, 5);
  life.work(steps);
  return disk.calls();
}

}  // namespace

TEST_CASE("a thousand power cuts lose nothing that was durable or handed out") {
  const std::uint64_t calls = calls_of_a_life();
  REQUIRE(calls > 100);
  std::uint64_t lost_bytes = 0, torn = 0, cut = 0, second_lives = 0;
  for (std::uint64_t seed = 0; seed < 1'000; ++seed) {
    CrashDisk disk;
    disk.cut_power_after(1 + seed % calls);
    JournalLife life(disk, 5);
    life.work(steps);
    if (disk.power_is_cut()) ++cut;
    const Epoch epoch = life.has_started() ? life.recorder().epoch() : Epoch{};
    auto after = disk.crash(seed);
    lost_bytes += after->loss().bytes > 0 ? 1 : 0;
    torn += after->loss().torn;
    auto twin = disk.crash(seed);
    const Verdict verdict = judge(*after, life.promised(), epoch);
    REQUIRE(verdict.all_kept);
    REQUIRE(verdict.is_chained);
    REQUIRE(verdict.is_consistent);

    // A second life on what is left, and a second cut.
    JournalLife second(*twin, seed);
    second.work(5);
    auto again = twin->crash(seed + 1);
    const Verdict later = judge(*again, second.promised(), second.recorder().epoch());
    REQUIRE(later.all_kept);
    REQUIRE(later.is_chained);
    REQUIRE(later.is_consistent);
    ++second_lives;
  }
  CHECK(cut == 1'000);
  CHECK(second_lives == 1'000);
  CHECK(lost_bytes > 100);
  CHECK(torn > 100);
}

TEST_CASE("the power cuts find a journal that ships without syncing") {
  const std::uint64_t calls = calls_of_a_life();
  std::uint64_t found = 0;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    CrashDisk disk;
    disk.cut_power_after(calls / 2 + seed % (calls / 2));
    NeverSyncs mutant(disk);
    JournalLife life(mutant, 5);
    life.work(steps);
    auto after = disk.crash(seed);
    if (!judge(*after, life.promised(), life.recorder().epoch()).all_kept) ++found;
  }
  CHECK(found > 50);
}

TEST_CASE("open incidents and unfinished intents are found again at a start") {
  CrashDisk disk;
  const Receipt open = example_receipt("/open"), begun = example_receipt("/begun");
  {
    JournalLife life(disk, 1);
    Receipt opened = open;
    opened.phase = Phase::open;
    life.recorder().record(opened);
    life.recorder().flush();
    life.recorder().intend(begun, Intent::durable);
  }
  auto after = disk.crash(3);
  const auto recovered = recover_journal(*after, Stream::urgent);
  REQUIRE(recovered.ok());
  REQUIRE(recovered->open.size() == 1);
  CHECK(recovered->open[0].incident == open.incident);
  REQUIRE(recovered->interrupted.size() == 1);
  CHECK(recovered->interrupted[0].incident == begun.incident);
}

TEST_CASE("a durable intent survives every power cut after it, a plain one only some") {
  std::size_t plain_lost = 0;
  for (const Intent intent : {Intent::durable, Intent::plain}) {
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
      CrashDisk disk;
      JournalLife life(disk, 1);
      life.recorder().flush();
      life.recorder().intend(example_receipt("/begun"), intent);
      auto after = disk.crash(seed);
      const std::size_t found = recover_journal(*after, Stream::urgent)->interrupted.size();
      if (intent == Intent::durable) REQUIRE(found == 1);
      if (intent == Intent::plain && found == 0) ++plain_lost;
    }
  }
  CHECK(plain_lost > 10);
}

TEST_CASE("a start reads no more than the segments since the last whole snapshot") {
  CrashDisk disk;
  {
    JournalLife life(disk, 7);
    life.work(400);
  }
  const auto listed = disk.list("journal");
  REQUIRE(listed->size() > 6);
  auto first = disk.open(segment_name(Stream::urgent, 1));
  REQUIRE((*first)->truncate(0).ok());
  const auto recovered = recover_journal(disk, Stream::urgent);
  CHECK(recovered->damage.empty());
  CHECK(recovered->end.has_value());
}

TEST_CASE("each refusal at each write and sync is survived without a hole in the record") {
  const std::uint64_t calls = calls_of_a_life();
  std::uint64_t fired = 0;
  for (int os_errno : {ENOSPC, EIO, EROFS}) {
    for (auto call : {CrashDisk::Call::append, CrashDisk::Call::sync, CrashDisk::Call::open,
                      CrashDisk::Call::rename, CrashDisk::Call::sync_directory}) {
      for (std::uint64_t nth = 1; nth < calls; nth += 3) {
        CrashDisk disk;
        JournalLife life(disk, 5);
        disk.fail(call, nth, os_errno, 1 + nth % 4);
        life.work(steps);
        if (disk.faults_fired() == 0) break;
        ++fired;
        life.clock().advance(limits::journal_retry_max_ns);
        for (int i = 0; i < 4; ++i) life.recorder().flush();
        REQUIRE(!life.recorder().refusal());
        disk.heal();  // what is left of the faults is not for the reading below
        for (Stream stream : {Stream::urgent, Stream::routine}) {
          const Contents contents = contents_of(life.recorder().journal(stream));
          REQUIRE(contents.is_chained);
          REQUIRE(contents.records.size() == life.recorder().durable_records(stream));
        }
        auto after = disk.crash(nth);
        REQUIRE(judge(*after, life.promised(), life.recorder().epoch()).all_kept);
      }
    }
  }
  CHECK(fired > 150);
}

// The kernel tells of a write that failed once; what a later sync says of it is worthless, also to
// another process.
TEST_CASE("a start hands out nothing whose sync may have failed in the life before") {
  CrashDisk disk;
  JournalLife life(disk, 1);
  life.work(10);
  life.recorder().flush();
  disk.fail(CrashDisk::Call::sync, 1, EIO);
  disk.fail(CrashDisk::Call::truncate, 1, EIO);  // nor is it cut away
  life.recorder().record(example_receipt("/doubtful", Severity::high));
  life.clock().advance(limits::group_commit_ns);
  life.recorder().commit();
  REQUIRE(disk.faults_fired() == 2);
  // Killed here: what it wrote is still the kernel's, and the disk takes everything again.
  JournalLife next(disk, 2);
  REQUIRE(next.recovered(Stream::urgent).unsynced.size() == 1);
  const Digest doubtful = next.recovered(Stream::urgent).unsynced.front().header_digest();
  const auto is_there = [&](Recorder& recorder) {
    const Contents contents = contents_of(recorder.journal(Stream::urgent));
    CHECK(contents.is_chained);
    return std::ranges::any_of(
        contents.batches, [&](const Batch& batch) { return batch.header_digest() == doubtful; });
  };
  CHECK_FALSE(is_there(next.recorder()));
  next.recorder().flush();
  CHECK(is_there(next.recorder()));
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const auto after = disk.crash(seed);
    JournalLife third(*after, 3);
    third.recorder().flush();
    CHECK(is_there(third.recorder()));
  }
}

TEST_CASE("a start does not write on behind a tail whose sync is refused") {
  CrashDisk disk;
  JournalLife(disk, 7).work(5);
  disk.fail(CrashDisk::Call::sync, 1, EIO, 1'000);
  CHECK(recover_journal(disk, Stream::urgent)->newest == Journal::Newest::unusable);
  disk.heal();
  CHECK(recover_journal(disk, Stream::urgent)->newest == Journal::Newest::whole);
}

TEST_CASE("what a full disk and a full queue cost is one gap record with its bounds") {
  constexpr std::size_t extra = 10;
  CrashDisk disk;
  JournalLife life(disk, 5);
  const std::int64_t began = life.clock().wall_ns();
  life.recorder().flush();
  disk.fail(CrashDisk::Call::append, 1, ENOSPC, 3);
  for (std::size_t i = 0; i < 2 * limits::pending_records_max + extra; ++i) {
    life.recorder().record(example_receipt("/x", Severity::critical));
    if (i == limits::pending_records_max - 1) life.recorder().flush();
  }
  CHECK(life.recorder().refusal()->name == "disk_full");
  for (int i = 0; i < 6; ++i) life.recorder().flush();
  REQUIRE(!life.recorder().refusal());
  const Contents contents = contents_of(life.recorder().journal(Stream::urgent));
  const Record& last = contents.records.back();
  REQUIRE(last.type == "gap");
  CHECK(last.body.find("count")->natural() ==
        2 * limits::pending_records_max + extra + 2 - contents.records.size());
  CHECK(last.body.find("by_severity")->find("critical")->natural() > 0u);
  CHECK(last.body.find("since")->integer() >= began);
  CHECK(*last.body.find("stream")->text() == "urgent");
}

TEST_CASE("open incidents that fill a segment by themselves do not make each commit begin one") {
  CrashDisk disk;
  JournalLife life(disk, 5);
  for (int i = 0; i < 100; ++i) {
    Receipt receipt = example_receipt("/open/" + std::to_string(i));
    receipt.phase = Phase::open;
    REQUIRE(life.incidents().open({receipt}));
    life.recorder().record(receipt);
    life.recorder().flush();
  }
  const std::size_t before = disk.list("journal")->size();
  for (int i = 0; i < 5; ++i) {
    life.recorder().record(example_receipt("/x"));
    life.recorder().flush();
  }
  CHECK(disk.list("journal")->size() <= before + 1);
}

TEST_CASE("a fix that a kill left without a receipt is not forgotten when a new segment begins") {
  CrashDisk disk;
  const Receipt begun = example_receipt("/begun");
  {
    JournalLife life(disk, 5);
    life.recorder().flush();
    life.recorder().intend(begun, Intent::plain);
  }
  auto recovered = recover_journal(disk, Stream::urgent);
  REQUIRE(recovered->interrupted.size() == 1);
  {
    JournalLife life(disk, 6);
    REQUIRE(life.incidents().open({recovered->interrupted[0], false}));
    const std::size_t before = disk.list("journal")->size();
    for (int i = 0; i < 40; ++i) {
      life.recorder().record(example_receipt("/x"));
      life.recorder().flush();
    }
    REQUIRE(disk.list("journal")->size() > before + 1);
  }
  REQUIRE((*disk.open(segment_name(Stream::urgent, 1)))->truncate(0).ok());
  recovered = recover_journal(disk, Stream::urgent);
  CHECK(recovered->damage.empty());
  CHECK(recovered->open.empty());
  REQUIRE(recovered->interrupted.size() == 1);
  CHECK(recovered->interrupted[0].incident == begun.incident);
}
