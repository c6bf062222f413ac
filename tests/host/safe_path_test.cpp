#include "agent/safe_path.h"

#include <doctest/doctest.h>

#include "tests/host/temporary_tree.h"

namespace reeve {

namespace {

SafePath paths_of(const TemporaryTree& tree) {
  auto paths = SafePath::open_root(tree.root());
  REQUIRE(paths.ok());
  return std::move(*paths);
}

// Where a path leads, or the name of the error, or "nothing".
std::string followed(const SafePath& paths, const std::string& path) {
  auto reached = paths.walk(path, FinalLink::follow);
  if (!reached.ok()) return reached.error().name;
  return *reached ? (*reached)->path : "nothing";
}

}  // namespace

TEST_CASE("a root that is not there is an error by name") {
  CHECK(SafePath::open_root("/no/such/root").error().name == "root_missing");
}

TEST_CASE("both ways to an object reach the same one") {
  TemporaryTree tree;
  tree.add_directory("/etc");
  tree.add_file("/etc/x");
  SafePath paths = paths_of(tree);
  auto opened = paths.open("/etc/x", FinalLink::keep);
  auto walked = paths.walk("/etc/x", FinalLink::keep);
  REQUIRE((opened.ok() && *opened));
  REQUIRE((walked.ok() && *walked));
  CHECK(*facts_of((*opened)->get(), "x") == tree.facts("/etc/x"));
  CHECK(*facts_of((*walked)->object.get(), "x") == tree.facts("/etc/x"));
  CHECK((*walked)->name == "x");
  CHECK((*walked)->path == "/etc/x");
  CHECK((*walked)->around.trusted);
  CHECK((*walked)->around.directory_uid == tree.facts("/etc").uid);
}

TEST_CASE("what is missing is absent and no error, a file on the way too") {
  TemporaryTree tree;
  tree.add_file("/x");
  SafePath paths = paths_of(tree);
  for (std::string path : {"/none", "/none/deep", "/x/below"}) {
    auto opened = paths.open(path, FinalLink::keep);
    REQUIRE(opened.ok());
    CHECK_FALSE(opened->has_value());
    CHECK(followed(paths, path) == "nothing");
  }
}

TEST_CASE("paths that are not plain are refused") {
  TemporaryTree tree;
  SafePath paths = paths_of(tree);
  for (std::string path : {"", "x", "/..", "/../etc", "//x", "/x/"}) {
    CHECK(paths.open(path, FinalLink::keep).error().name == "check_failed");
    CHECK(paths.walk(path, FinalLink::keep).error().name == "check_failed");
  }
}

TEST_CASE("links are followed inside the root, absolute ones and ones with dots") {
  TemporaryTree tree;
  tree.add_directory("/usr");
  tree.add_directory("/usr/bin");
  tree.add_file("/usr/bin/tool");
  tree.add_link("/bin", "usr/bin");
  tree.add_link("/sbin", "/usr/bin");
  tree.add_link("/usr/up", "../../../../usr/./bin");
  SafePath paths = paths_of(tree);
  for (std::string path : {"/bin/tool", "/sbin/tool", "/usr/up/tool"})
    CHECK(followed(paths, path) == "/usr/bin/tool");
  auto opened = paths.open("/bin/tool", FinalLink::keep);
  REQUIRE((opened.ok() && *opened));
  CHECK(*facts_of((*opened)->get(), "tool") == tree.facts("/usr/bin/tool"));
}

TEST_CASE("an absolute link never leads out of the root") {
  TemporaryTree tree;
  tree.add_link("/passwd", "/etc/passwd");
  tree.add_link("/up", "../../../../etc/passwd");
  SafePath paths = paths_of(tree);
  CHECK(followed(paths, "/passwd") == "nothing");
  CHECK(followed(paths, "/up") == "nothing");
}

TEST_CASE("a final link is kept or followed as asked") {
  TemporaryTree tree;
  tree.add_file("/target");
  tree.add_link("/link", "target");
  SafePath paths = paths_of(tree);
  auto kept = paths.open("/link", FinalLink::keep);
  REQUIRE((kept.ok() && *kept));
  CHECK(facts_of((*kept)->get(), "link")->type == FileType::link);
  auto target = paths.open("/link", FinalLink::follow);
  REQUIRE((target.ok() && *target));
  CHECK(*facts_of((*target)->get(), "link") == tree.facts("/target"));
}

TEST_CASE("a link below a directory that others may write is unsafe, sticky or not") {
  TemporaryTree tree;
  tree.add_file("/target");
  tree.add_directory("/tmp", 01777);
  tree.add_link("/tmp/link", "/target");
  tree.add_directory("/shared", 0775);
  tree.add_directory("/shared/deep");
  tree.add_link("/shared/deep/link", "/target");
  SafePath paths = paths_of(tree);
  for (std::string path : {"/tmp/link", "/tmp/link/x", "/shared/deep/link"})
    CHECK(followed(paths, path) == "unsafe_path");
  CHECK(paths.open("/tmp/link/x", FinalLink::keep).error().name == "unsafe_path");
  CHECK(paths.open_directory("/tmp/link").error().name == "unsafe_path");
  // The link itself may be looked at.
  CHECK(paths.open("/tmp/link", FinalLink::keep).ok());
}

TEST_CASE("links in a circle end with an error") {
  TemporaryTree tree;
  tree.add_link("/a", "b");
  tree.add_link("/b", "a");
  CHECK(followed(paths_of(tree), "/a") == "check_failed");
}

TEST_CASE("surroundings are trusted only where every directory is") {
  TemporaryTree tree;
  tree.add_directory("/open", 0777);
  tree.add_directory("/open/closed");
  tree.add_file("/open/closed/x");
  tree.add_file("/y");
  SafePath paths = paths_of(tree);
  CHECK_FALSE((*paths.walk("/open/closed/x", FinalLink::keep))->around.trusted);
  CHECK_FALSE((*paths.walk("/open/closed", FinalLink::keep))->around.trusted);
  CHECK((*paths.walk("/open", FinalLink::keep))->around.trusted);
  CHECK((*paths.walk("/y", FinalLink::keep))->around.trusted);
  CHECK((*paths.walk("/", FinalLink::keep))->around.trusted);
  CHECK((*paths.walk("/", FinalLink::keep))->path == "/");
}

TEST_CASE("another user's link or directory is never trusted" *
          doctest::skip(!can_change_users())) {
  TemporaryTree tree;
  tree.add_file("/target");
  tree.add_link("/theirs", "target");
  tree.set_owner("/theirs", 65534);
  tree.add_directory("/home");
  tree.add_link("/home/link", "/target");
  SafePath paths = paths_of(tree);
  CHECK(followed(paths, "/theirs") == "unsafe_path");
  CHECK(followed(paths, "/home/link") == "/target");
  tree.set_owner("/home", 65534);
  CHECK(followed(paths, "/home/link") == "unsafe_path");
}

TEST_CASE("a visitor hears of every directory before a name in it is looked up") {
  TemporaryTree tree;
  tree.add_directory("/a");
  tree.add_directory("/b");
  tree.add_link("/a/link", "../b/none");
  std::vector<std::string> names;
  auto reached = paths_of(tree).walk("/a/link/x", FinalLink::keep,
                                     [&](int, const std::string& name) { names.push_back(name); });
  REQUIRE(reached.ok());
  CHECK_FALSE(reached->has_value());
  CHECK(names == std::vector<std::string>{"a", "link", "b", "none"});
}

}  // namespace reeve
