#include "controller/cli/files.h"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <iterator>

#include "tests/fakes/temporary_directory.h"

using namespace reeve;
using namespace reeve::cli;

namespace {

bool exists(const std::string& path) {
  struct stat seen {};
  return ::lstat(path.c_str(), &seen) == 0;
}

mode_t mode_of(const std::string& path) {
  struct stat seen {};
  REQUIRE(::lstat(path.c_str(), &seen) == 0);
  return seen.st_mode & 07777;
}

Bytes content() { return bytes_of("hush"); }

}  // namespace

TEST_CASE("a tree that was kept is there with its modes") {
  const TemporaryDirectory where;
  const std::string path = where.path() + "/tree";
  {
    auto tree = NewTree::create(path + "/");
    REQUIRE(tree.ok());
    REQUIRE(tree->directory("keys", 0700).ok());
    REQUIRE(tree->directory("public", 0755).ok());
    REQUIRE(tree->file("keys/a", content(), 0600).ok());
    REQUIRE(tree->file("public/b", content(), 0644).ok());
    REQUIRE(tree->keep().ok());
  }
  CHECK(mode_of(path) == 0700);
  CHECK(mode_of(path + "/keys/a") == 0600);
  CHECK(mode_of(path + "/public/b") == 0644);
  CHECK(*read_file(path + "/keys/a", 100) == content());
}

TEST_CASE("a tree that was not kept leaves nothing, and an empty directory that was there stays") {
  const TemporaryDirectory where;
  const std::string fresh = where.path() + "/fresh";
  const std::string empty = where.path() + "/empty";
  REQUIRE(::mkdir(empty.c_str(), 0755) == 0);
  for (const std::string& path : {fresh, empty}) {
    auto tree = NewTree::create(path);
    REQUIRE(tree.ok());
    REQUIRE(tree->directory("keys", 0700).ok());
    REQUIRE(tree->file("keys/a", content(), 0600).ok());
    CHECK(exists(path + "/keys/a"));
  }
  CHECK_FALSE(exists(fresh));
  CHECK(exists(empty));
  CHECK_FALSE(exists(empty + "/keys"));
}

TEST_CASE("a directory that holds something is refused and not touched") {
  const TemporaryDirectory where;
  REQUIRE(write_file(where.path() + "/mine", content()).ok());
  CHECK(NewTree::create(where.path()).error().name == "directory_not_empty");
  CHECK(exists(where.path() + "/mine"));
  CHECK(NewTree::create(where.path() + "/mine").error().name == "directory_unusable");
  CHECK(NewTree::create(where.path() + "/no/such").error().name == "directory_unusable");
}

TEST_CASE("a read is bounded, and a missing file has a name of its own") {
  const TemporaryDirectory where;
  const std::string path = where.path() + "/f";
  REQUIRE(write_file(path, content()).ok());
  CHECK(read_file(path, 4).ok());
  CHECK(read_file(path, 3).error().name == "file_too_large");
  CHECK(read_file(path + "x", 3).error().name == "file_missing");
}

TEST_CASE("a file is replaced as a whole and leaves no temporary one") {
  const TemporaryDirectory where;
  const std::string path = where.path() + "/f";
  REQUIRE(write_file(path, content()).ok());
  REQUIRE(write_file(path, bytes_of("new")).ok());
  CHECK(*read_file(path, 100) == bytes_of("new"));
  const auto entries = std::filesystem::directory_iterator(where.path());
  CHECK(std::distance(begin(entries), end(entries)) == 1);
  CHECK(write_file(where.path() + "/no/such", content()).error().name == "file_unwritable");
}

TEST_CASE("a file that somebody has put where the temporary one might be is not written to") {
  const TemporaryDirectory where;
  const std::string path = where.path() + "/f";
  REQUIRE(write_file(where.path() + "/trap", content()).ok());
  std::filesystem::create_hard_link(where.path() + "/trap", path + ".new");
  REQUIRE(write_file(path, bytes_of("mine")).ok());
  CHECK(*read_file(where.path() + "/trap", 100) == content());
}
