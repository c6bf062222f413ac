#include "agent/linux_host.h"

#include <doctest/doctest.h>
#include <seccomp.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "agent/change_mode.h"
#include "tests/host/temporary_tree.h"

namespace reeve {

namespace {

std::unique_ptr<LinuxHost> host_of(const TemporaryTree& tree) {
  auto host = LinuxHost::open(tree.root());
  REQUIRE(host.ok());
  return std::move(*host);
}

FileReference seen(const TemporaryTree& tree, const std::string& path) {
  return {path, tree.facts(path)};
}

using Names = std::vector<std::string>;

// From here on this process finds fchmodat2(2) as older kernels and foreign sandboxes answer it.
bool refuse_change_mode(int os_errno) {
  scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
  const auto answer = SCMP_ACT_ERRNO(static_cast<std::uint16_t>(os_errno));
  return seccomp_rule_add(filter, answer, change_mode_call, 0) == 0 && seccomp_load(filter) == 0;
}

}  // namespace

TEST_CASE("a look says what an object is, and never what its final link leads to") {
  TemporaryTree tree;
  tree.add_directory("/etc");
  tree.add_file("/etc/x", 0640, "text");
  tree.add_link("/etc/link", "x");
  tree.add_fifo("/etc/pipe");
  auto host = host_of(tree);
  auto file = host->look("/etc/x");
  REQUIRE((file.ok() && *file));
  CHECK((*file)->type == FileType::file);
  CHECK((*file)->mode == 0640);
  CHECK((*file)->uid == geteuid());
  CHECK((*file)->size == 4);
  CHECK((*file)->links == 1);
  CHECK((*host->look("/etc/link"))->type == FileType::link);
  CHECK((*host->look("/etc/pipe"))->type == FileType::fifo);
  CHECK((*host->look("/"))->type == FileType::directory);
  CHECK_FALSE(host->look("/etc/none")->has_value());
  CHECK(**host->resolve("/etc/link") == "/etc/x");
}

TEST_CASE("a listing is sorted, and empty for what is no directory") {
  TemporaryTree tree;
  for (std::string name : {"/b", "/a", "/.c"}) tree.add_file(name);
  tree.add_directory("/d");
  tree.add_link("/e", "d");
  tree.add_file("/d/x");
  auto host = host_of(tree);
  CHECK(*host->list("/") == Names{".c", "a", "b", "d", "e"});
  CHECK(*host->list("/e") == Names{"x"});
  CHECK(host->list("/a")->empty());
  CHECK(host->list("/none")->empty());
}

TEST_CASE("a mode is set on the object that was looked at") {
  TemporaryTree tree;
  tree.add_file("/x", 0644);
  tree.add_fifo("/pipe");
  tree.add_directory("/d");
  auto host = host_of(tree);
  CHECK(host->set_mode(seen(tree, "/x"), 04711).ok());
  CHECK(tree.facts("/x").mode == 04711);
  CHECK(host->set_mode(seen(tree, "/pipe"), 0600).ok());
  CHECK(tree.facts("/pipe").mode == 0600);
  CHECK(host->set_mode(seen(tree, "/d"), 01700).ok());
  CHECK(tree.facts("/d").mode == 01700);
}

TEST_CASE("an object that took the name since is not touched by any act") {
  TemporaryTree tree;
  tree.add_file("/x", 0644);
  tree.add_file("/other", 0644);
  auto host = host_of(tree);
  FileReference stale = seen(tree, "/x");
  tree.rename("/other", "/x");
  CHECK(host->set_mode(stale, 0600).error().name == "object_changed");
  CHECK(host->set_owner(stale, geteuid(), {}).error().name == "object_changed");
  CHECK(host->remove(stale).error().name == "object_changed");
  CHECK(tree.facts("/x").mode == 0644);
  tree.remove("/x");
  CHECK(host->set_mode(stale, 0600).error().name == "object_changed");
  CHECK(host->remove(stale).error().name == "object_changed");
}

TEST_CASE("links have no mode, and an owner of their own") {
  TemporaryTree tree;
  tree.add_file("/target", 0644);
  tree.add_link("/link", "target");
  auto host = host_of(tree);
  CHECK(host->set_mode(seen(tree, "/link"), 0600).error().name == "fix_failed");
  CHECK(host->set_owner(seen(tree, "/link"), geteuid(), getegid()).ok());
  CHECK(tree.facts("/target").mode == 0644);
}

TEST_CASE("owner and group are set, the absent one stays" * doctest::skip(!can_change_users())) {
  TemporaryTree tree;
  tree.add_file("/x");
  auto host = host_of(tree);
  CHECK(host->set_owner(seen(tree, "/x"), 65534, {}).ok());
  CHECK(tree.facts("/x").uid == 65534);
  CHECK(tree.facts("/x").gid == getegid());
  CHECK(host->set_owner(seen(tree, "/x"), {}, 65534).ok());
  CHECK(tree.facts("/x").uid == 65534);
  CHECK(tree.facts("/x").gid == 65534);
}

TEST_CASE("files, links and empty directories are removed, full ones are not") {
  TemporaryTree tree;
  tree.add_file("/x");
  tree.add_link("/link", "x");
  tree.add_directory("/d");
  tree.add_file("/d/y");
  auto host = host_of(tree);
  CHECK(host->remove(seen(tree, "/d")).error().name == "directory_not_empty");
  CHECK(host->remove(seen(tree, "/link")).ok());
  CHECK(tree.exists("/x"));
  CHECK(host->remove(seen(tree, "/d/y")).ok());
  CHECK(host->remove(seen(tree, "/d")).ok());
  CHECK(host->remove(seen(tree, "/x")).ok());
  CHECK(host->remove(seen(tree, "/")).error().name == "fix_failed");
}

TEST_CASE("a directory is made private and in an existing one only") {
  TemporaryTree tree;
  auto host = host_of(tree);
  auto made = host->make_directory("/new");
  REQUIRE(made.ok());
  CHECK(made->facts.inode == tree.facts("/new").inode);
  CHECK(tree.facts("/new").mode == 0700);
  CHECK(host->make_directory("/new").error().name == "fix_failed");
  CHECK(host->make_directory("/none/new").error().name == "fix_failed");
}

TEST_CASE("a file with other names is changed in a trusted place only, or tightened") {
  TemporaryTree tree;
  tree.add_directory("/safe");
  tree.add_directory("/open", 0777);
  tree.add_file("/safe/x", 0644);
  tree.add_hard_link("/safe/x", "/open/x");
  auto host = host_of(tree);
  CHECK(host->set_mode(seen(tree, "/open/x"), 0666).error().name == "unsafe_path");
  CHECK(host->set_owner(seen(tree, "/open/x"), geteuid(), {}).error().name == "unsafe_path");
  CHECK(host->set_mode(seen(tree, "/open/x"), 0600).ok());
  CHECK(host->set_mode(seen(tree, "/safe/x"), 0664).ok());
  CHECK(host->set_owner(seen(tree, "/safe/x"), geteuid(), {}).ok());
  CHECK(host->remove(seen(tree, "/open/x")).ok());
  CHECK(tree.exists("/safe/x"));
}

TEST_CASE("another's hard link to root's file is not even tightened" *
          doctest::skip(!can_change_users())) {
  TemporaryTree tree;
  tree.add_directory("/home");
  tree.set_owner("/home", 65534);
  tree.add_file("/shadow", 0640);
  tree.add_hard_link("/shadow", "/home/x");
  auto host = host_of(tree);
  CHECK(host->set_mode(seen(tree, "/home/x"), 0600).error().name == "unsafe_path");
  CHECK(tree.facts("/shadow").mode == 0640);
}

TEST_CASE("users and groups are those of the root") {
  TemporaryTree tree;
  tree.add_directory("/etc");
  tree.add_file("/etc/passwd", 0644, "reeve-test:x:4242:4243::/:\n");
  tree.add_file("/etc/group", 0644, "reeve-group:x:4243:\n");
  auto host = host_of(tree);
  CHECK(host->user_id("reeve-test") == 4242u);
  CHECK(host->group_id("reeve-group") == 4243u);
  CHECK(host->user_name(4242) == "reeve-test");
  CHECK(host->group_name(1) == "1");
  CHECK_FALSE(host->user_id("root"));
}

TEST_CASE("a mode is set where the kernel or a sandbox does not know the call for it") {
  TemporaryTree tree;
  auto host = host_of(tree);
  for (int os_errno : {ENOSYS, EPERM}) {
    CAPTURE(os_errno);
    const std::string path = "/" + std::to_string(os_errno);
    tree.add_file(path, 0666);
    const FileReference object = seen(tree, path);
    const pid_t child = fork();
    if (child == 0)
      _exit(refuse_change_mode(os_errno) && host->set_mode(object, 0600).ok() ? 0 : 1);
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK(status == 0);
    CHECK(tree.facts(object.path).mode == 0600);
  }
}

}  // namespace reeve
