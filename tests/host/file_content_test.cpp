#include "agent/file_content.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstring>

#include "agent/kind_limits.h"
#include "agent/linux_host.h"
#include "common/seal.h"
#include "tests/host/temporary_tree.h"

namespace reeve {

namespace {

std::int64_t much_later() { return INT64_MAX / 2; }

// While it lives no file can be opened, so that only what is remembered can be told.
class NoDescriptors {
 public:
  NoDescriptors() {
    REQUIRE(getrlimit(RLIMIT_NOFILE, &before_) == 0);
    rlimit none{0, before_.rlim_max};
    REQUIRE(setrlimit(RLIMIT_NOFILE, &none) == 0);
  }
  ~NoDescriptors() { setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

struct Watched {
  TemporaryTree tree;
  Fd fd;

  explicit Watched(const std::string& text) {
    tree.add_file("/x", 0644, text);
    fd = Fd(open(tree.at("/x").c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    REQUIRE(fd.is_open());
  }
  Result<ContentFacts> ask(FileContents& contents) const {
    return contents.facts_of(fd.get(), "/x");
  }
};

ContentFacts facts_of_text(std::string_view text) { return {sha256(view_of(text)), text.size()}; }

}  // namespace

TEST_CASE("content is told by its digest and size, whatever bytes it has") {
  TemporaryTree tree;
  auto host = LinuxHost::open(tree.root());
  REQUIRE(host.ok());
  for (const std::string& text : {std::string(), std::string("text\n"), std::string(40'000, 'x'),
                                  std::string("a\0b\xff", 4)}) {
    tree.add_file("/x", 0644, text);
    auto content = (*host)->content("/x");
    REQUIRE(content.ok());
    CHECK(**content == facts_of_text(text));
    CHECK(text_of(*(*host)->read_head("/x", 3)) == text.substr(0, 3));
  }
  CHECK_FALSE((*host)->content("/none")->has_value());
  CHECK((*host)->read_head("/none", 3)->empty());
}

TEST_CASE("what is no regular file is never opened") {
  TemporaryTree tree;
  tree.add_fifo("/pipe");
  tree.add_directory("/d");
  tree.add_file("/x");
  tree.add_link("/link", "x");
  auto host = LinuxHost::open(tree.root());
  REQUIRE(host.ok());
  for (std::string path : {"/pipe", "/d", "/link"}) {
    CHECK((*host)->content(path).error().name == "check_failed");
    CHECK((*host)->read_head(path, 1).error().name == "check_failed");
  }
}

TEST_CASE("a file beyond the bound is too large and is not read") {
  TemporaryTree tree;
  tree.add_file("/x");
  REQUIRE(truncate(tree.at("/x").c_str(), std::int64_t{limits::digested_bytes_max} + 1) == 0);
  auto host = LinuxHost::open(tree.root());
  REQUIRE(host.ok());
  CHECK((*host)->content("/x").error().name == "too_large");
  CHECK((*host)->read_head("/x", 5)->size() == 5);
}

TEST_CASE("the digest of a file that nobody changed is not computed again") {
  Watched file("text");
  FileContents contents(much_later);
  REQUIRE(file.ask(contents).ok());
  NoDescriptors none;
  auto again = file.ask(contents);
  REQUIRE(again.ok());
  CHECK(*again == facts_of_text("text"));
}

TEST_CASE("a changed file is read again, and so is one that took the inode's place") {
  Watched file("text");
  FileContents contents(much_later);
  REQUIRE(file.ask(contents).ok());
  file.tree.add_file("/x", 0644, "more text");
  CHECK(*file.ask(contents) == facts_of_text("more text"));
}

TEST_CASE("what changed within the grain of the clock is not remembered") {
  Watched file("text");
  struct stat found {};
  REQUIRE(fstat(file.fd.get(), &found) == 0);
  const std::int64_t changed = std::int64_t{found.st_ctim.tv_sec} * 1'000'000'000;
  for (std::int64_t now : {changed + limits::content_settled_ns, changed, std::int64_t{0}}) {
    FileContents contents([now] { return now; });
    REQUIRE(file.ask(contents).ok());
    NoDescriptors none;
    CHECK(file.ask(contents).error().name == "check_failed");
  }
}

TEST_CASE("a writer that leaves no stamp is noticed, as files open for writing are read again") {
  Watched file("text");
  Fd writer(open(file.tree.at("/x").c_str(), O_RDWR | O_CLOEXEC));
  REQUIRE(writer.is_open());
  void* map = mmap(nullptr, 4, PROT_READ | PROT_WRITE, MAP_SHARED, writer.get(), 0);
  REQUIRE(map != MAP_FAILED);
  std::memcpy(map, "TEXT", 4);  // from here on the page is known to be dirty
  struct stat before {};
  REQUIRE(fstat(file.fd.get(), &before) == 0);
  FileContents contents(much_later);
  CHECK(*file.ask(contents) == facts_of_text("TEXT"));
  std::memcpy(map, "evil", 4);
  struct stat after {};
  REQUIRE(fstat(file.fd.get(), &after) == 0);
  CHECK(before.st_ctim.tv_sec == after.st_ctim.tv_sec);
  CHECK(before.st_ctim.tv_nsec == after.st_ctim.tv_nsec);
  CHECK(*file.ask(contents) == facts_of_text("evil"));
  munmap(map, 4);
}

TEST_CASE("reading leaves the time of the last access as it was") {
  Watched file("text");
  const timespec times[2] = {{1'000, 0}, {2'000, 0}};
  REQUIRE(utimensat(AT_FDCWD, file.tree.at("/x").c_str(), times, 0) == 0);
  FileContents contents(much_later);
  REQUIRE(file.ask(contents).ok());
  struct stat found {};
  REQUIRE(fstat(file.fd.get(), &found) == 0);
  CHECK(found.st_atim.tv_sec == 1'000);
}

}  // namespace reeve
