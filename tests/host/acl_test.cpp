#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>

#include "agent/linux_host.h"
#include "agent/sandbox.h"
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

// Of a named user, with a mask.
Acl shared_with(std::uint32_t uid, std::uint32_t bits, std::uint32_t mask) {
  return {{AclTag::owner, 0, 6},
          {AclTag::user, uid, bits},
          {AclTag::owning_group, 0, 4},
          {AclTag::mask, 0, mask},
          {AclTag::other, 0, 0}};
}

Acl list_of(const LinuxHost& host, const std::string& path, AclUse use = AclUse::access) {
  auto found = host.acl(path, use);
  REQUIRE_MESSAGE(found.ok(), (found.ok() ? "" : found.error().detail));
  REQUIRE(found->has_value());
  return **found;
}

}  // namespace

TEST_CASE("a list and a mode say the same of owner, mask and others") {
  Acl shared = shared_with(7, 6, 5);
  CHECK(is_valid_acl(shared));
  CHECK(is_extended_acl(shared));
  CHECK(mode_of_acl(shared) == 0650);
  CHECK(acl_without_extension(shared) == acl_of_mode(0640));
  CHECK(mode_of_acl(acl_with_mode(shared, 0711)) == 0711);
  CHECK(acl_with_mode(shared, 0711)[2].bits == 4);
  CHECK_FALSE(is_extended_acl(acl_of_mode(0777)));
  Acl unmasked = shared;
  unmasked.erase(unmasked.begin() + 3);
  CHECK_FALSE(is_valid_acl(unmasked));
  CHECK_FALSE(is_valid_acl({shared[1], shared[0], shared[2], shared[3], shared[4]}));
  CHECK_FALSE(is_valid_acl({shared[0], shared[1], shared[1], shared[2], shared[3], shared[4]}));
  CHECK_FALSE(is_valid_acl({}));
}

TEST_CASE("an object without a list of its own has the one that its mode stands for") {
  TemporaryTree tree;
  tree.add_file("/x", 04750);
  tree.add_fifo("/pipe");
  tree.add_directory("/d", 0711);
  auto host = host_of(tree);
  CHECK(list_of(*host, "/x") == acl_of_mode(0750));
  CHECK(list_of(*host, "/pipe") == acl_of_mode(tree.facts("/pipe").mode));
  CHECK(list_of(*host, "/d", AclUse::inheritance).empty());
  CHECK_FALSE(host->acl("/none", AclUse::access)->has_value());
}

TEST_CASE("a list is set exactly, with the bits of the mode, and taken off again") {
  TemporaryTree tree;
  tree.add_file("/x", 01777);
  auto host = host_of(tree);
  Acl shared = shared_with(4242, 7, 4);
  REQUIRE(host->set_acl(seen(tree, "/x"), AclUse::access, shared).ok());
  CHECK(list_of(*host, "/x") == shared);
  CHECK(tree.facts("/x").mode == 01640);
  REQUIRE(host->set_mode(seen(tree, "/x"), 0600).ok());
  CHECK(list_of(*host, "/x") == acl_with_mode(shared, 0600));
  REQUIRE(host->set_acl(seen(tree, "/x"), AclUse::access, acl_of_mode(0640)).ok());
  CHECK(list_of(*host, "/x") == acl_of_mode(0640));
  CHECK(host->set_acl(seen(tree, "/x"), AclUse::access, {}).error().name == "fix_failed");
}

TEST_CASE("a directory's default list is set and removed, and files have none") {
  TemporaryTree tree;
  tree.add_directory("/d", 0700);
  tree.add_file("/x");
  auto host = host_of(tree);
  Acl shared = shared_with(4242, 4, 7);
  REQUIRE(host->set_acl(seen(tree, "/d"), AclUse::inheritance, shared).ok());
  CHECK(list_of(*host, "/d", AclUse::inheritance) == shared);
  CHECK(tree.facts("/d").mode == 0700);
  REQUIRE(host->set_acl(seen(tree, "/d"), AclUse::inheritance, {}).ok());
  CHECK(list_of(*host, "/d", AclUse::inheritance).empty());
  CHECK_FALSE(host->set_acl(seen(tree, "/x"), AclUse::inheritance, shared).ok());
}

TEST_CASE("a list is not set through a link, on another object, or for a name among several") {
  TemporaryTree tree;
  tree.add_file("/x", 0600);
  tree.add_link("/link", "x");
  tree.add_directory("/open", 0777);
  tree.add_file("/other", 0600);
  tree.add_hard_link("/other", "/open/other");
  auto host = host_of(tree);
  Acl shared = shared_with(4242, 4, 4);
  auto set = [&](const FileReference& object) {
    Status status = host->set_acl(object, AclUse::access, shared);
    return status.ok() ? "" : status.error().name;
  };
  CHECK(set(seen(tree, "/link")) == "fix_failed");
  CHECK(set({"/link", tree.facts("/x")}) == "object_changed");
  CHECK(set({"/x", tree.facts("/other")}) == "object_changed");
  CHECK(set(seen(tree, "/open/other")) == "unsafe_path");
  CHECK(tree.facts("/x").mode == 0600);
  CHECK(tree.facts("/other").mode == 0600);
  CHECK(set(seen(tree, "/other")) == "");
}

TEST_CASE("a filesystem without lists says so by name") {
  auto host = LinuxHost::open("/proc");
  REQUIRE(host.ok());
  CHECK((*host)->acl("/version", AclUse::access).error().name == "acl_unsupported");
}

TEST_CASE("lists and content are looked at and put right inside the sandbox") {
  TemporaryTree tree;
  tree.add_file("/x", 0644, "old");
  auto host = host_of(tree);
  FileReference object = seen(tree, "/x");
  pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    if (!seal_deciding_process().ok()) _exit(1);
    Acl shared = shared_with(4242, 4, 4);
    if (!host->set_acl(object, AclUse::access, shared).ok()) _exit(2);
    if (!host->put_file(object, {"new", {}, {}, 0640, {}}).ok()) _exit(3);
    auto list = host->acl("/x", AclUse::access);
    if (!list.ok() || **list != shared) _exit(4);
    auto content = host->content("/x");
    _exit(content.ok() && (*content)->size == 3 ? 0 : 5);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
  CHECK(tree.facts("/x").inode != object.facts.inode);
}

}  // namespace reeve
