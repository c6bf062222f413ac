#include "common/disk.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "common/paths.h"
#include "tests/fakes/crash_disk.h"

namespace reeve {
namespace {

// A directory of its own under the system's temporary one; gone with the object.
class ScratchDirectory {
 public:
  ScratchDirectory() {
    std::string pattern = "/tmp/reeve-disk-test-XXXXXX";
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;
  ~ScratchDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

std::string content_of(const Disk& disk, std::string_view name) {
  auto bytes = disk.read(name, 1 << 20);
  if (!bytes) return bytes.error().name;
  return *bytes ? std::string(text_of(**bytes)) : "(missing)";
}

void put(Disk& disk, std::string_view name, std::string_view text) {
  auto file = disk.open(name);
  REQUIRE(file.ok());
  REQUIRE((*file)->append(view_of(text)).ok());
}

// What the header promises of every disk.
void check_promises(Disk& disk) {
  CHECK(content_of(disk, "a") == "(missing)");
  CHECK(content_of(disk, "no/such") == "(missing)");
  CHECK(disk.make_directory("d").ok());
  CHECK(disk.make_directory("d").ok());
  put(disk, "a", "one");
  put(disk, "a", "two");
  put(disk, "d/z", "last");
  put(disk, "d/b", "first");
  CHECK(content_of(disk, "a") == "onetwo");
  CHECK(*disk.list("") == std::vector<std::string>{"a", "d"});
  CHECK(*disk.list("d") == std::vector<std::string>{"b", "z"});
  CHECK(disk.list("missing").error().name == "disk_failed");
  CHECK(disk.read("a", 5).error().os_errno == EFBIG);

  auto file = disk.open("a");
  REQUIRE(file.ok());
  CHECK((*file)->size() == 6);
  CHECK(text_of(*(*file)->read(3, 100)) == "two");
  CHECK((*file)->read(6, 1)->empty());
  CHECK((*file)->sync().ok());
  CHECK((*file)->truncate(4).ok());
  CHECK((*file)->append(view_of("!")).ok());
  CHECK(content_of(disk, "a") == "onet!");

  CHECK(disk.rename("a", "d/b").ok());
  CHECK(content_of(disk, "a") == "(missing)");
  CHECK(content_of(disk, "d/b") == "onet!");
  CHECK(disk.rename("a", "c").error().name == "disk_failed");
  CHECK(disk.remove("d/b").ok());
  CHECK(disk.remove("d/b").ok());
  CHECK(*disk.list("d") == std::vector<std::string>{"z"});
  CHECK(disk.sync_directory("d").ok());
  CHECK(disk.sync_directory("").ok());
  CHECK(disk.open("missing/file").error().name == "disk_failed");
  CHECK(disk.open("d").error().name == "disk_failed");
  CHECK(disk.make_directory("d/z").error().name == "disk_failed");

  CHECK(replace_file(disk, "d/new", view_of("1")).ok());
  CHECK(replace_file(disk, "d/new", view_of("2")).ok());
  CHECK(content_of(disk, "d/new") == "2");
  CHECK(*disk.list("d") == std::vector<std::string>{"new", "z"});
}

TEST_CASE("the fake disk does what every disk promises") {
  CrashDisk disk;
  check_promises(disk);
}

TEST_CASE("the system's disk does what every disk promises") {
  ScratchDirectory scratch;
  auto disk = SystemDisk::open_directory(scratch.path());
  REQUIRE(disk.ok());
  check_promises(**disk);
}

TEST_CASE("files of the system's disk are for their owner alone") {
  ScratchDirectory scratch;
  auto disk = SystemDisk::open_directory(scratch.path());
  REQUIRE(disk.ok());
  put(**disk, "secret", "x");
  REQUIRE((*disk)->make_directory("inner").ok());
  struct stat found {};
  REQUIRE(::stat((scratch.path() + "/secret").c_str(), &found) == 0);
  CHECK((found.st_mode & 07777) == 0600);
  REQUIRE(::stat((scratch.path() + "/inner").c_str(), &found) == 0);
  CHECK((found.st_mode & 07777) == 0700);
}

TEST_CASE("a state directory that others may enter is refused by name") {
  ScratchDirectory scratch;
  for (unsigned mode : {0701U, 0710U, 0755U, 0777U}) {
    REQUIRE(::chmod(scratch.path().c_str(), mode) == 0);
    CHECK(SystemDisk::open_directory(scratch.path()).error().name == "state_permissions");
  }
  REQUIRE(::chmod(scratch.path().c_str(), 0700) == 0);
  CHECK(SystemDisk::open_directory(scratch.path()).ok());
  // Only root can give a directory away; for anybody else "/" is one that is not theirs.
  if (::geteuid() == 0) REQUIRE(::chown(scratch.path().c_str(), 65'534, 65'534) == 0);
  std::string foreign = ::geteuid() == 0 ? scratch.path() : "/";
  CHECK(SystemDisk::open_directory(foreign).error().name == "state_permissions");
}

TEST_CASE("a missing state directory is refused by name") {
  ScratchDirectory scratch;
  auto missing = SystemDisk::open_directory(scratch.path() + "/none");
  CHECK(missing.error().name == "state_missing");
  CHECK(missing.error().os_errno == ENOENT);
}

TEST_CASE("the system's disk follows no link and reads no FIFO") {
  ScratchDirectory scratch;
  auto disk = SystemDisk::open_directory(scratch.path());
  REQUIRE(disk.ok());
  put(**disk, "target", "kept");
  REQUIRE((*disk)->make_directory("inner").ok());
  put(**disk, "inner/file", "kept");
  REQUIRE(::symlink("target", (scratch.path() + "/link").c_str()) == 0);
  REQUIRE(::symlink("inner", (scratch.path() + "/way").c_str()) == 0);
  REQUIRE(::mkfifo((scratch.path() + "/pipe").c_str(), 0600) == 0);
  for (std::string_view name : {"link", "way/file", "pipe"}) {
    CAPTURE(name);
    CHECK((*disk)->open(name).error().name == "disk_failed");
    CHECK((*disk)->read(name, 100).error().name == "disk_failed");
  }
  CHECK((*disk)->list("way").error().name == "disk_failed");
  CHECK((*disk)->make_directory("way").error().name == "disk_failed");
  CHECK((*disk)->remove("way/file").error().name == "disk_failed");
  CHECK((*disk)->rename("way/file", "stolen").error().name == "disk_failed");
  CHECK(content_of(**disk, "target") == "kept");
  CHECK(content_of(**disk, "inner/file") == "kept");
}

TEST_CASE("a name longer than the system allows is an error, not a mistake of the program") {
  ScratchDirectory scratch;
  auto disk = SystemDisk::open_directory(scratch.path());
  REQUIRE(disk.ok());
  CHECK((*disk)->open(std::string(300, 'n')).error().os_errno == ENAMETOOLONG);
  CHECK((*disk)->read(std::string(300, 'n'), 1).error().name == "disk_failed");
}

TEST_CASE("a full disk has a name of its own") {
  CrashDisk disk;
  disk.fail(CrashDisk::Call::append, 1, ENOSPC);
  disk.fail(CrashDisk::Call::append, 2, EDQUOT);
  disk.fail(CrashDisk::Call::append, 3, EIO);
  auto file = disk.open("f");
  REQUIRE(file.ok());
  CHECK((*file)->append(view_of("x")).error().name == "disk_full");
  CHECK((*file)->append(view_of("x")).error().name == "disk_full");
  CHECK((*file)->append(view_of("x")).error().name == "disk_failed");
  CHECK((*file)->append(view_of("x")).ok());
  CHECK(disk.faults_fired() == 3);
}

TEST_CASE("a failed replacement leaves the old file, whichever step fails") {
  using Call = CrashDisk::Call;
  for (Call call : {Call::open, Call::append, Call::sync, Call::rename}) {
    CrashDisk disk;
    REQUIRE(replace_file(disk, "f", view_of("old")).ok());
    disk.fail(call, 1, ENOSPC);
    CHECK(replace_file(disk, "f", view_of("new")).error().name == "disk_full");
    CHECK(disk.faults_fired() == 1);
    CHECK(content_of(disk, "f") == "old");
    CHECK(*disk.list("") == std::vector<std::string>{"f"});
    CHECK(replace_file(disk, "f", view_of("new")).ok());
    CHECK(content_of(disk, "f") == "new");
  }
}

TEST_CASE("a power cut at any step of a replacement leaves the old file or the new one") {
  const std::string old_text(700, 'o');
  const std::string new_text(900, 'n');
  std::uint64_t old_seen = 0;
  std::uint64_t new_seen = 0;
  std::uint64_t cuts = 0;
  for (std::uint64_t step = 0; step < 6; ++step) {
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
      CrashDisk disk;
      REQUIRE(replace_file(disk, "f", view_of(old_text)).ok());
      disk.cut_power_after(step);
      bool done = replace_file(disk, "f", view_of(new_text)).ok();
      cuts += disk.power_is_cut() ? 1 : 0;
      auto after = disk.crash(seed);
      auto left = content_of(*after, "f");
      bool is_new = left == new_text;
      CHECK((is_new || (left == old_text && !done)));
      (is_new ? new_seen : old_seen) += 1;
      CHECK(replace_file(*after, "f", view_of("next")).ok());
      CHECK(content_of(*after, "f") == "next");
    }
  }
  CHECK(cuts >= 250);
  CHECK(old_seen > 50);
  CHECK(new_seen > 50);
}

}  // namespace
}  // namespace reeve
