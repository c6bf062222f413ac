#include "tests/fakes/crash_disk.h"

#include <doctest/doctest.h>

#include <cerrno>

namespace reeve {
namespace {

constexpr std::uint64_t seeds = 400;

std::optional<std::string> content_of(const Disk& disk, std::string_view name) {
  auto bytes = disk.read(name, 1 << 20);
  REQUIRE(bytes.ok());
  if (!*bytes) return std::nullopt;
  return std::string(text_of(**bytes));
}

std::unique_ptr<DiskFile> opened(Disk& disk, std::string_view name) {
  auto file = disk.open(name);
  REQUIRE(file.ok());
  return std::move(*file);
}

void add(DiskFile& file, std::string_view text) { REQUIRE(file.append(view_of(text)).ok()); }

TEST_CASE("what was synced is there after every power cut") {
  CrashDisk disk;
  REQUIRE(disk.make_directory("d").ok());
  auto file = opened(disk, "d/f");
  add(*file, "kept");
  REQUIRE(file->sync().ok());
  REQUIRE(disk.sync_directory("d").ok());
  REQUIRE(disk.sync_directory("").ok());
  add(*file, "perhaps");
  for (std::uint64_t seed = 0; seed < seeds; ++seed) {
    auto after = disk.crash(seed);
    auto left = content_of(*after, "d/f");
    REQUIRE(left.has_value());
    CHECK(left->starts_with("kept"));
  }
}

TEST_CASE("an unsynced append may be lost, kept, torn at any byte, or a hole") {
  CrashDisk disk;
  auto file = opened(disk, "f");
  add(*file, "kept");
  REQUIRE(file->sync().ok());
  REQUIRE(disk.sync_directory("").ok());
  add(*file, "0123456789");
  std::set<std::size_t> sizes;
  CrashDisk::Loss loss;
  for (std::uint64_t seed = 0; seed < seeds; ++seed) {
    auto after = disk.crash(seed);
    sizes.insert(content_of(*after, "f")->size());
    loss.bytes += after->loss().bytes;
    loss.torn += after->loss().torn;
    loss.holes += after->loss().holes;
    bool hole = content_of(*after, "f")->find('\0') != std::string::npos;
    CHECK(hole == (after->loss().holes == 1));
  }
  for (std::size_t size = 4; size <= 14; ++size) CHECK(sizes.count(size) == 1);
  CHECK(sizes.size() == 11);
  CHECK(loss.bytes > 0);
  CHECK(loss.torn > 0);
  CHECK(loss.holes > 0);
}

TEST_CASE("files lose their unsynced parts independently of the order of writing") {
  CrashDisk disk;
  auto first = opened(disk, "first");
  auto second = opened(disk, "second");
  REQUIRE(disk.sync_directory("").ok());
  add(*first, "1");
  add(*second, "2");
  bool only_first = false;
  bool only_second = false;
  for (std::uint64_t seed = 0; seed < seeds; ++seed) {
    auto after = disk.crash(seed);
    bool has_first = content_of(*after, "first") == "1";
    bool has_second = content_of(*after, "second") == "2";
    only_first = only_first || (has_first && !has_second);
    only_second = only_second || (has_second && !has_first);
  }
  CHECK(only_first);
  CHECK(only_second);
}

TEST_CASE("a name that was not synced may be missing although its file was") {
  CrashDisk disk;
  auto file = opened(disk, "f");
  add(*file, "content");
  REQUIRE(file->sync().ok());
  std::uint64_t missing = 0;
  std::uint64_t lost_names = 0;
  for (std::uint64_t seed = 0; seed < seeds; ++seed) {
    auto after = disk.crash(seed);
    missing += content_of(*after, "f") ? 0 : 1;
    lost_names += after->loss().names;
  }
  CHECK(missing > 0);
  CHECK(missing < seeds);
  CHECK(lost_names == missing);
}

TEST_CASE("a rename that was not synced has happened whole or not at all") {
  CrashDisk disk;
  for (std::string_view name : {"old", "new"}) {
    auto file = opened(disk, name);
    add(*file, name);
    REQUIRE(file->sync().ok());
  }
  REQUIRE(disk.sync_directory("").ok());
  REQUIRE(disk.rename("new", "old").ok());
  std::uint64_t done = 0;
  for (std::uint64_t seed = 0; seed < seeds; ++seed) {
    auto after = disk.crash(seed);
    bool renamed = content_of(*after, "old") == "new";
    CHECK(content_of(*after, "new").has_value() == !renamed);
    CHECK((renamed || content_of(*after, "old") == "old"));
    done += renamed ? 1 : 0;
  }
  CHECK(done > 0);
  CHECK(done < seeds);
}

TEST_CASE("what is in a directory that was not synced goes with it") {
  CrashDisk disk;
  REQUIRE(disk.make_directory("d").ok());
  auto file = opened(disk, "d/f");
  REQUIRE(disk.sync_directory("d").ok());
  std::uint64_t gone = 0;
  for (std::uint64_t seed = 0; seed < seeds; ++seed) {
    auto after = disk.crash(seed);
    bool there = after->list("d").ok();
    CHECK(content_of(*after, "d/f").has_value() == there);
    gone += there ? 0 : 1;
  }
  CHECK(gone > 0);
  CHECK(gone < seeds);
}

TEST_CASE("a cut that was not synced may be undone") {
  CrashDisk disk;
  auto file = opened(disk, "f");
  add(*file, "longer");
  REQUIRE(file->sync().ok());
  REQUIRE(disk.sync_directory("").ok());
  REQUIRE(file->truncate(3).ok());
  std::set<std::string> left;
  for (std::uint64_t seed = 0; seed < seeds; ++seed)
    left.insert(*content_of(*disk.crash(seed), "f"));
  CHECK(left == std::set<std::string>{"lon", "longer"});
}

TEST_CASE("one seed gives one disk") {
  CrashDisk disk;
  auto file = opened(disk, "f");
  add(*file, "some text that is not synced");
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    CHECK(content_of(*disk.crash(seed), "f") == content_of(*disk.crash(seed), "f"));
  }
}

TEST_CASE("a fault fires at its call and as often as asked, and is counted") {
  CrashDisk disk;
  auto file = opened(disk, "f");
  disk.fail(CrashDisk::Call::append, 2, ENOSPC, 2);
  CHECK(file->append(view_of("ab")).ok());
  CHECK(file->append(view_of("cd")).error().os_errno == ENOSPC);
  CHECK(content_of(disk, "f") == "abc");
  CHECK(file->append(view_of("ef")).error().name == "disk_full");
  CHECK(file->append(view_of("gh")).ok());
  CHECK(disk.faults_fired() == 2);
  CHECK(disk.calls(CrashDisk::Call::append) == 4);
}

TEST_CASE("a failed sync stays failed, and what it lost never becomes durable by itself") {
  CrashDisk disk;
  auto file = opened(disk, "f");
  REQUIRE(disk.sync_directory("").ok());
  add(*file, "kept");
  REQUIRE(file->sync().ok());
  add(*file, "lost");
  disk.fail(CrashDisk::Call::sync, 1, EIO);
  CHECK(file->sync().error().name == "disk_failed");
  CHECK(file->sync().error().name == "disk_failed");
  CHECK(disk.faults_fired() == 1);
  auto again = opened(disk, "f");
  CHECK(again->sync().ok());
  for (std::uint64_t seed = 0; seed < seeds; ++seed) {
    CHECK(content_of(*disk.crash(seed), "f") == std::string("kept\0\0\0\0", 8));
  }
  REQUIRE(file->truncate(4).ok());
  add(*file, "new");
  CHECK(file->sync().ok());
  for (std::uint64_t seed = 0; seed < seeds; ++seed) {
    CHECK(content_of(*disk.crash(seed), "f") == "keptnew");
  }
}

TEST_CASE("after the power is cut every call fails and nothing changes") {
  CrashDisk disk;
  auto file = opened(disk, "f");
  add(*file, "a");
  disk.cut_power_after(1);
  add(*file, "b");
  CHECK(disk.power_is_cut());
  CHECK(file->append(view_of("c")).error().os_errno == EIO);
  CHECK(file->sync().error().os_errno == EIO);
  CHECK(file->truncate(0).error().os_errno == EIO);
  CHECK(file->read(0, 1).error().os_errno == EIO);
  CHECK(disk.open("g").error().os_errno == EIO);
  CHECK(disk.read("f", 9).error().os_errno == EIO);
  CHECK(disk.list("").error().os_errno == EIO);
  CHECK(disk.rename("f", "g").error().os_errno == EIO);
  CHECK(disk.remove("f").error().os_errno == EIO);
  CHECK(disk.make_directory("d").error().os_errno == EIO);
  CHECK(disk.sync_directory("").error().os_errno == EIO);
  std::set<std::string> left;
  for (std::uint64_t seed = 0; seed < seeds; ++seed) {
    left.insert(content_of(*disk.crash(seed), "f").value_or("(missing)"));
  }
  CHECK(left.count("ab") == 1);
  CHECK(left.count("abc") == 0);
}

TEST_CASE("what is written anywhere reaches the disk in any order, sector by sector") {
  CrashDisk disk;
  auto file = disk.open_pages("pages");
  REQUIRE(file.ok());
  REQUIRE((*file)->write(0, Bytes(8'192, 'a')).ok());
  REQUIRE((*file)->sync().ok());
  REQUIRE(disk.sync_directory("").ok());
  REQUIRE((*file)->write(0, Bytes(4'096, 'b')).ok());
  REQUIRE((*file)->write(4'096, Bytes(4'096, 'c')).ok());
  bool only_first = false;
  bool only_second = false;
  bool torn = false;
  for (std::uint64_t seed = 0; seed < seeds; ++seed) {
    const auto content = content_of(*disk.crash(seed), "pages");
    REQUIRE(content.has_value());
    REQUIRE(content->size() == 8'192);
    const auto first = content->substr(0, 4'096);
    const auto second = content->substr(4'096);
    CHECK(first.find_first_not_of("ab") == first.npos);
    CHECK(second.find_first_not_of("ac") == second.npos);
    const auto is_all = [](const std::string& text, char c) {
      return text.find_first_not_of(c) == text.npos;
    };
    only_first = only_first || (is_all(first, 'b') && is_all(second, 'a'));
    only_second = only_second || (is_all(first, 'a') && is_all(second, 'c'));
    torn = torn || (!is_all(first, 'a') && !is_all(first, 'b'));
  }
  CHECK(only_first);
  CHECK(only_second);
  CHECK(torn);
}

TEST_CASE("pages whose sync failed are lost although a later sync succeeds, until written again") {
  CrashDisk disk;
  auto file = disk.open_pages("pages");
  REQUIRE((*file)->write(0, Bytes(1'024, 'a')).ok());
  disk.fail(CrashDisk::Call::sync, 1, EIO);
  CHECK_FALSE((*file)->sync().ok());
  REQUIRE(disk.sync_directory("").ok());
  CHECK((*file)->sync().ok());
  CHECK(content_of(*disk.crash(1), "pages") == std::string(1'024, '\0'));
  REQUIRE((*file)->write(0, Bytes(1'024, 'b')).ok());
  CHECK((*file)->sync().ok());
  CHECK(content_of(*disk.crash(1), "pages") == std::string(1'024, 'b'));
}

TEST_CASE("after a death at any call what had been written is there, synced or not") {
  CrashDisk disk;
  auto file = opened(disk, "f");
  add(*file, "one");
  disk.cut_power_after(1);
  add(*file, "two");
  CHECK_FALSE(file->append(view_of("three")).ok());
  disk.restore_power();
  CHECK(content_of(disk, "f") == "onetwo");
  add(*file, "four");
}

}  // namespace
}  // namespace reeve
