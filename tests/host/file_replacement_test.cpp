#include <doctest/doctest.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <filesystem>
#include <functional>

#include "agent/kind_limits.h"
#include "agent/linux_host.h"
#include "common/limits.h"
#include "common/paths.h"
#include "common/seal.h"
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

FileReference nothing(const std::string& path) { return {path, {}}; }

NewFile with(std::string_view content, std::uint32_t mode = 0644) {
  return {content, {}, {}, mode, {}};
}

std::string text(const LinuxHost& host, const std::string& path) {
  return std::string(text_of(*host.read_head(path, limits::body_bytes_max + 1)));
}

std::string problem(const Status& status) { return status.ok() ? "" : status.error().name; }

using Names = std::vector<std::string>;

// What becomes of a child that runs `body`: its exit code, or -1 where a signal ended it. Asked
// before the tests begin as well, so it asserts nothing by doctest.
int in_child(const std::function<int()>& body) {
  pid_t child = fork();
  REEVE_ASSERT(child >= 0);
  if (child == 0) _exit(body());
  int status = 0;
  REEVE_ASSERT(waitpid(child, &status, 0) == child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

// From here on this process dies at its first call of that name, before the call.
bool die_at(const char* call) {
  scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
  int number = seccomp_syscall_resolve_name(call);
  return seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS, number, 0) == 0 &&
         seccomp_load(filter) == 0;
}

bool write_text(const char* path, const std::string& text) {
  Fd file(open(path, O_WRONLY | O_CLOEXEC));
  return write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

bool map_own_ids(uid_t uid, gid_t gid) {
  return write_text("/proc/self/setgroups", "deny") &&
         write_text("/proc/self/uid_map", fmt::format("{0} {0} 1", uid)) &&
         write_text("/proc/self/gid_map", fmt::format("{0} {0} 1", gid));
}

// 0 where the child may mount in a namespace of its own; an ordinary user may in a user namespace.
int enter_own_mounts() {
  const uid_t uid = geteuid();
  const gid_t gid = getegid();
  if (unshare((uid == 0 ? 0 : CLONE_NEWUSER) | CLONE_NEWNS) != 0) return 1;
  if (uid != 0 && !map_own_ids(uid, gid)) return 2;
  return mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 ? 0 : 3;
}

bool can_mount() { return in_child(enter_own_mounts) == 0; }

const std::string old_text(40'000, 'a');
const std::string new_text(40'000, 'b');

}  // namespace

TEST_CASE("new content takes the name whole, with mode, attributes and list of the old file") {
  TemporaryTree tree;
  tree.add_file("/x", 0640, "old");
  const Acl shared = {{AclTag::owner, 0, 6},
                      {AclTag::user, 4242, 4},
                      {AclTag::owning_group, 0, 0},
                      {AclTag::mask, 0, 4},
                      {AclTag::other, 0, 0}};
  auto host = host_of(tree);
  REQUIRE(host->set_acl(seen(tree, "/x"), AclUse::access, shared).ok());
  std::string path = tree.at("/x");
  REQUIRE(setxattr(path.c_str(), "user.origin", "abc", 3, 0) == 0);
  FileFacts old = tree.facts("/x");
  REQUIRE(host->put_file(seen(tree, "/x"), with(new_text, 0640)).ok());
  CHECK((text(*host, "/x") == new_text));
  FileFacts now = tree.facts("/x");
  CHECK(now.inode != old.inode);
  CHECK(now.mode == old.mode);
  CHECK(now.uid == old.uid);
  CHECK(now.gid == old.gid);
  CHECK(**host->acl("/x", AclUse::access) == shared);
  std::string value(8, '\0');
  CHECK(getxattr(path.c_str(), "user.origin", value.data(), value.size()) == 3);
  CHECK(*host->list("/") == Names{"x"});
}

TEST_CASE("owner, group, setuid and capabilities: kept, kept, as told, dropped" *
          doctest::skip(!can_change_users())) {
  TemporaryTree tree;
  tree.add_file("/x", 0644, "old");
  tree.set_owner("/x", 65534);
  tree.set_mode("/x", 04755);
  std::string path = tree.at("/x");
  // Revision 2 of capabilities(7): permitted CAP_NET_RAW, taken at exec.
  const std::uint8_t capability[20] = {1, 0, 0, 2, 0, 0x20};
  bool given = setxattr(path.c_str(), "security.capability", capability, 20, 0) == 0;
  auto host = host_of(tree);
  REQUIRE(host->put_file(seen(tree, "/x"), with("new", 04755)).ok());
  CHECK(tree.facts("/x").uid == 65534);
  CHECK(tree.facts("/x").gid == 65534);
  CHECK(tree.facts("/x").mode == 04755);
  if (given) CHECK(getxattr(path.c_str(), "security.capability", nullptr, 0) == -1);
  NewFile other = with("newer", 0600);
  other.uid = 0;
  other.gid = 4;
  REQUIRE(host->put_file(seen(tree, "/x"), other).ok());
  CHECK(tree.facts("/x").uid == 0);
  CHECK(tree.facts("/x").gid == 4);
}

TEST_CASE("a file is made where nothing was, as it is told to be and not as its directory says") {
  TemporaryTree tree;
  tree.add_directory("/d", 0755);
  auto host = host_of(tree);
  const Acl generous = {{AclTag::owner, 0, 7},
                        {AclTag::user, 4242, 7},
                        {AclTag::owning_group, 0, 7},
                        {AclTag::mask, 0, 7},
                        {AclTag::other, 0, 7}};
  REQUIRE(host->set_acl(seen(tree, "/d"), AclUse::inheritance, generous).ok());
  const std::string longest = "/d/" + std::string(limits::file_name_bytes_max, 'n');
  for (const std::string& path : {std::string("/d/x"), longest}) {
    REQUIRE(host->put_file(nothing(path), with("", 0640)).ok());
    CHECK(tree.facts(path).mode == 0640);
    CHECK(tree.facts(path).uid == geteuid());
    CHECK(tree.facts(path).gid == getegid());
    CHECK(**host->acl(path, AclUse::access) == acl_of_mode(0640));
    CHECK(text(*host, path).empty());
  }
  CHECK(host->list("/d")->size() == 2);
  CHECK(problem(host->put_file(nothing("/none/x"), with("x"))) == "fix_failed");
}

TEST_CASE("nothing that took the name since is written through or replaced") {
  TemporaryTree tree;
  tree.add_file("/x", 0644, "old");
  tree.add_file("/target", 0644, "target");
  tree.add_directory("/full");
  tree.add_file("/full/y");
  auto host = host_of(tree);
  FileReference stale = seen(tree, "/x");
  auto put = [&](const FileReference& object) {
    return problem(host->put_file(object, with("new")));
  };
  CHECK(put(nothing("/x")) == "fix_failed");
  tree.remove("/x");
  CHECK(put(stale) == "object_changed");
  tree.add_link("/x", "target");
  CHECK(put(stale) == "object_changed");
  CHECK(put(seen(tree, "/x")) == "object_changed");
  CHECK(put(nothing("/x")) == "fix_failed");
  tree.remove("/x");
  tree.add_fifo("/x");
  CHECK(put(stale) == "object_changed");
  CHECK(put(seen(tree, "/x")) == "object_changed");
  CHECK(put(seen(tree, "/full")) == "object_changed");
  CHECK(text(*host, "/target") == "target");
  CHECK(*host->list("/") == Names{"full", "target", "x"});
}

TEST_CASE("names of one file are parted in a trusted place only") {
  TemporaryTree tree;
  tree.add_directory("/open", 0777);
  tree.add_file("/x", 0644, "old");
  tree.add_hard_link("/x", "/open/x");
  auto host = host_of(tree);
  CHECK(problem(host->put_file(seen(tree, "/open/x"), with("new"))) == "unsafe_path");
  CHECK(text(*host, "/x") == "old");
  CHECK(host->put_file(seen(tree, "/x"), with("new")).ok());
  CHECK(text(*host, "/x") == "new");
  CHECK(text(*host, "/open/x") == "old");
}

TEST_CASE("a kill at any step leaves the old file or the new one, and the next fix cleans up") {
  TemporaryTree tree;
  tree.add_directory("/d");
  tree.add_file("/d/x", 0640, old_text);
  tree.add_file("/d/.reeve-not-a-draft.new", 0600);
  auto host = host_of(tree);
  std::string path = tree.at("/d/x");
  REQUIRE(setxattr(path.c_str(), "user.origin", "abc", 3, 0) == 0);
  // renameat2(2) without flags is renameat(2) to the C library.
  for (std::string call : {"write", "fsetxattr", "fchmod", "fsync", "renameat"}) {
    CAPTURE(call);
    FileReference object = seen(tree, "/d/x");
    CHECK(in_child([&] {
            if (!die_at(call.c_str())) return 1;
            return host->put_file(object, with(new_text, 0640)).ok() ? 2 : 3;
          }) == -1);
    CHECK((text(*host, "/d/x") == old_text));
    Names names = *host->list("/d");
    REQUIRE(names.size() == 3);
    CHECK(names[1].starts_with(paths::replacement_prefix));
    if (call == "write") CHECK(tree.facts("/d/" + names[0]).mode == 0600);
    REQUIRE(host->put_file(object, with(old_text, 0640)).ok());
    CHECK(*host->list("/d") == Names{".reeve-not-a-draft.new", "x"});
  }
}

TEST_CASE("a full disk leaves the old file whole and no draft" * doctest::skip(!can_mount())) {
  TemporaryTree tree;
  tree.add_directory("/small");
  CHECK(in_child([&] {
          if (enter_own_mounts() != 0) return 1;
          std::string where = tree.at("/small");
          if (mount("none", where.c_str(), "tmpfs", 0, "size=16k") != 0) return 2;
          tree.add_file("/small/x", 0644, "old");
          auto host = LinuxHost::open(tree.root());
          Status put = (*host)->put_file(seen(tree, "/small/x"), with(new_text));
          if (put.ok() || put.error().os_errno != ENOSPC) return 3;
          if (text(**host, "/small/x") != "old") return 4;
          return *(*host)->list("/small") == Names{"x"} ? 0 : 5;
        }) == 0);
}

TEST_CASE("more attributes than can be handed on do not keep a file from being replaced") {
  TemporaryTree tree;
  tree.add_file("/x", 0644, "old");
  std::string path = tree.at("/x");
  const std::string large(60'000, 'v');
  for (int i = 0; i < 20; ++i)
    static_cast<void>(
        setxattr(path.c_str(), fmt::format("user.{}", i).c_str(), large.data(), large.size(), 0));
  auto host = host_of(tree);
  CHECK(host->put_file(seen(tree, "/x"), with("new")).ok());
  CHECK(text(*host, "/x") == "new");
  // ext4 holds a few kilobytes only; then all of them are handed on.
  const ssize_t kept = listxattr(path.c_str(), nullptr, 0);
  CHECK(kept <= static_cast<ssize_t>(18 * std::string("user.17").size() + 18));
}

}  // namespace reeve
