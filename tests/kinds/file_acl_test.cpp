#include "tests/kinds/rules.h"

namespace reeve {

namespace {

FakeHost host_with_etc() {
  FakeHost host;
  host.add_directory("/etc");
  host.add_directory("/home");
  host.add_directory("/home/bob", 0755, 1000, 1000);
  host.add_user("bob", 1000);
  host.add_user("backup", 34);
  host.add_group("adm", 4);
  return host;
}

Value list(std::initializer_list<std::string_view> entries) {
  Value::Array out;
  for (std::string_view entry : entries) out.emplace_back(entry);
  return out;
}

const Value shared =
    list({"user::rw-", "user:backup:r--", "group::r--", "mask::r--", "other::---"});
const Value none = list({"none"});

Acl shared_acl(std::uint32_t uid = 34) {
  return {{AclTag::owner, 0, 6},
          {AclTag::user, uid, 4},
          {AclTag::owning_group, 0, 4},
          {AclTag::mask, 0, 4},
          {AclTag::other, 0, 0}};
}

Acl acl_at(const FakeHost& host, const std::string& path, AclUse use = AclUse::access) {
  return **host.acl(path, use);
}

std::string problem(Value::Map fields) { return refusal_of(std::move(fields)).name; }

}  // namespace

TEST_CASE("a list as the rule wants it holds, in whatever order it is written") {
  FakeHost host = host_with_etc();
  host.add_file("/etc/key", 0640);
  host.set_list("/etc/key", AclUse::access, shared_acl());
  auto rule = bound({{"path", "/etc/key"}, {"acl", shared}});
  CHECK(checked(*rule, host).holds());
  auto other_way = bound(
      {{"path", "/etc/key"}, {"acl", list({"o::---", "m::r--", "g::r--", "u:34:r--", "u::rw-"})}});
  CHECK(checked(*other_way, host).holds());
  CHECK(host.acts().empty());
}

TEST_CASE("a wrong list is found in words with names, set with its mode at once, and holds") {
  FakeHost host = host_with_etc();
  host.add_file("/etc/key", 0666);
  host.set_list("/etc/key", AclUse::access, shared_acl(1000));
  auto rule = bound({{"path", "/etc/key"}, {"mode", "0640"}, {"acl", shared}});
  Deviation found = only_deviation(*rule, host);
  CHECK(found.desired ==
        "mode 0640, acl user::rw-,user:backup:r--,group::r--,mask::r--,other::---");
  CHECK(found.found == "mode 0640, acl user::rw-,user:bob:r--,group::r--,mask::r--,other::---");
  CHECK(rule->fix(found, host, host).ok());
  CHECK(host.acts() == Objects{"set_acl /etc/key"});
  CHECK(acl_at(host, "/etc/key") == shared_acl());
  CHECK(checked(*rule, host).holds());
}

TEST_CASE("the owner comes before the list, and the list before what it cannot say") {
  FakeHost host = host_with_etc();
  host.add_file("/etc/tool", 0777, 1000, 1000);
  auto rule = bound({{"path", "/etc/tool"}, {"owner", "root"}, {"mode", "2640"}, {"acl", shared}});
  CHECK(rule->fix(only_deviation(*rule, host), host, host).ok());
  CHECK(host.acts() == Objects{"set_mode /etc/tool 0640", "set_owner /etc/tool 0:-",
                               "set_acl /etc/tool", "set_mode /etc/tool 2640"});
  CHECK(checked(*rule, host).holds());
}

TEST_CASE("none takes a list off, and the group gets no more than the mask had left it") {
  FakeHost host = host_with_etc();
  host.add_file("/etc/key", 0644);
  Acl acl = shared_acl();
  acl[2].bits = 6;
  host.set_list("/etc/key", AclUse::access, acl);
  auto rule = bound({{"path", "/etc/key"}, {"acl", none}});
  Deviation found = only_deviation(*rule, host);
  CHECK(found.desired == "acl none");
  CHECK(rule->fix(found, host, host).ok());
  CHECK(acl_at(host, "/etc/key") == acl_of_mode(0640));
  CHECK(checked(*rule, host).holds());
}

TEST_CASE("none with a mode sets both in one step") {
  FakeHost host = host_with_etc();
  host.add_file("/etc/key", 0644);
  host.set_list("/etc/key", AclUse::access, shared_acl());
  auto rule = bound({{"path", "/etc/key"}, {"mode", "0600"}, {"acl", none}});
  CHECK(rule->fix(only_deviation(*rule, host), host, host).ok());
  CHECK(host.acts() == Objects{"set_acl /etc/key"});
  CHECK(host.at("/etc/key").mode == 0600);
}

TEST_CASE("a rule that says nothing of lists looks at none and leaves them alone") {
  FakeHost host = host_with_etc();
  host.add_file("/etc/key", 0640);
  host.set_list("/etc/key", AclUse::access, shared_acl());
  host.refuse("acl", "/etc/key", Error{"check_failed", "acl /etc/key"});
  auto rule = bound({{"path", "/etc/key"}, {"mode", "0600"}});
  CHECK(rule->fix(only_deviation(*rule, host), host, host).ok());
  host.allow_all();
  CHECK(acl_at(host, "/etc/key") == acl_with_mode(shared_acl(), 0600));
}

TEST_CASE("a directory's default list is set, and taken off by none") {
  FakeHost host = host_with_etc();
  auto rule = bound({{"path", "/etc"}, {"default_acl", shared}});
  Deviation found = only_deviation(*rule, host);
  CHECK(found.found == "default acl none");
  CHECK(rule->fix(found, host, host).ok());
  CHECK(host.acts() == Objects{"set_default_acl /etc"});
  CHECK(acl_at(host, "/etc", AclUse::inheritance) == shared_acl());
  auto off = bound({{"path", "/etc"}, {"default_acl", none}});
  CHECK(off->fix(only_deviation(*off, host), host, host).ok());
  CHECK(checked(*off, host).holds());
  CHECK(acl_at(host, "/etc") == acl_of_mode(0755));
}

TEST_CASE("a default list speaks of directories: alone by path, of those in a tree or pattern") {
  FakeHost host = host_with_etc();
  host.add_file("/etc/x");
  host.add_directory("/etc/d");
  auto by_path = bound({{"path", "/etc/x"}, {"default_acl", none}});
  CHECK(only_deviation(*by_path, host).refusal == "wrong_type");
  auto tree = bound({{"tree", "/etc"}, {"default_acl", shared}});
  CHECK(deviating(*tree, host) == Objects{"/etc", "/etc/d"});
  auto glob = bound({{"glob", "/etc/*"}, {"default_acl", shared}});
  CHECK(deviating(*glob, host) == Objects{"/etc/d"});
  for (const Deviation& one : checked(*tree, host).deviations)
    CHECK(tree->fix(one, host, host).ok());
  CHECK(checked(*tree, host).holds());
}

TEST_CASE("a user of the list that this host does not have is a deviation whose fix says so") {
  FakeHost host = host_with_etc();
  host.add_file("/etc/key", 0640);
  auto entries = [](std::string_view one, std::string_view two) {
    return list({"user::rw-", one, two, "group::r--", "mask::r--", "other::---"});
  };
  auto ghost = bound({{"path", "/etc/key"}, {"acl", entries("user:ghost:r--", "group:adm:r--")}});
  Status status = ghost->fix(only_deviation(*ghost, host), host, host);
  CHECK(status.error().detail == "unknown_user: this host has no user ghost");
  auto twice = bound({{"path", "/etc/key"}, {"acl", entries("user:bob:r--", "user:1000:rw-")}});
  status = twice->fix(only_deviation(*twice, host), host, host);
  CHECK(status.error().name == "fix_failed");
  CHECK(status.error().detail.starts_with("invalid_acl"));
  CHECK(host.acts().empty());
}

TEST_CASE("a host that refuses lists fails check and fix by name, and none needs nothing of it") {
  FakeHost host = host_with_etc();
  host.add_file("/etc/key", 0640);
  auto rule = bound({{"path", "/etc/key"}, {"acl", shared}});
  Deviation found = only_deviation(*rule, host);
  host.refuse("set_acl", "/etc/key", Error{"fix_failed", "set_acl /etc/key"});
  CHECK(rule->fix(found, host, host).error().name == "fix_failed");
  host.refuse("acl", "/etc/key", Error{"acl_unsupported", "acl /etc/key"});
  CHECK(rule->check(host, Scope{}).error().name == "acl_unsupported");
  auto off = bound({{"path", "/etc/key"}, {"acl", none}});
  CHECK(checked(*off, host).holds());
}

TEST_CASE("a list that cannot be looked at in a tree is that object's finding alone") {
  FakeHost host = host_with_etc();
  host.add_directory("/etc/d");
  host.refuse("acl", "/etc/d", Error{"check_failed", "acl /etc/d"});
  auto rule = bound({{"tree", "/etc"}, {"default_acl", none}});
  CHECK(deviating(*rule, host) == Objects{"/etc/d check_failed"});
}

TEST_CASE("a name among several has its list changed in a trusted place only") {
  FakeHost host = host_with_etc();
  host.add_file("/home/bob/x", 0640, 1000);
  host.add_hard_link("/home/bob/x", "/home/bob/y");
  auto rule = bound({{"path", "/home/bob/x"}, {"acl", shared}});
  CHECK(only_deviation(*rule, host).refusal == "unsafe_path");
  host.add_file("/etc/x");
  host.add_hard_link("/etc/x", "/etc/y");
  auto safe = bound({{"path", "/etc/x"}, {"acl", shared}});
  CHECK(safe->fix(only_deviation(*safe, host), host, host).ok());
}

TEST_CASE("a list on what is neither file nor directory needs the type named") {
  FakeHost host = host_with_etc();
  host.add("/etc/pipe", FileType::fifo, 0640);
  auto vague = bound({{"path", "/etc/pipe"}, {"acl", shared}});
  CHECK(only_deviation(*vague, host).refusal == "wrong_type");
  auto exact = bound({{"path", "/etc/pipe"}, {"acl", shared}, {"type", "fifo"}});
  CHECK(exact->fix(only_deviation(*exact, host), host, host).ok());
  CHECK(checked(*exact, host).holds());
}

TEST_CASE("a mode that contradicts the list is refused: its group bits are the mask's") {
  auto with = [&](std::string_view field, std::string_view mode) {
    return problem({{"path", "/x"}, {"acl", shared}, {std::string(field), mode}});
  };
  CHECK(with("mode", "0640") == "");
  CHECK(with("mode", "6640") == "");
  CHECK(with("mode", "0660") == "invalid_rule");
  CHECK(with("mode", "0600") == "invalid_rule");
  CHECK(with("mode_at_most", "0640") == "");
  CHECK(with("mode_at_most", "0750") == "");
  CHECK(with("mode_at_most", "0600") == "invalid_rule");
}

TEST_CASE("lists of the wrong form or in the wrong place are refused") {
  auto refused = [](Value acl) { return problem({{"path", "/x"}, {"acl", std::move(acl)}}); };
  for (std::string_view entry :
       {"user:bob:rwz", "user:bob:wr-", "user:bob:7", "user:bob:rw", "user:bob", "bob:r--",
        "users:bob:r--", "mask:bob:r--", "other:bob:r--", "default:user:bob:r--", "user:a/b:r--",
        "none", "u:bob:r--,u:backup:r--"})
    CHECK_MESSAGE(refused(list({"user::rw-", entry, "group::r--", "mask::r--", "other::---"})) ==
                      "invalid_rule",
                  entry);
  CHECK(refused(list({"user::rw-", "group::r--"})) == "invalid_rule");
  CHECK(refused(list({"user::rw-", "user::rw-", "group::r--", "other::---"})) == "invalid_rule");
  CHECK(refused(list({"user::rw-", "user:bob:r--", "group::r--", "other::---"})) == "invalid_rule");
  CHECK(refused(list({"user::rw-", "user:bob:r--", "user:bob:rw-", "group::r--", "mask::rw-",
                      "other::---"})) == "invalid_rule");
  CHECK(refused(list({})) == "invalid_rule");
  CHECK(problem({{"tree", "/x"}, {"acl", none}}) == "invalid_rule");
  CHECK(problem({{"path", "/x"}, {"acl", none}, {"type", "link"}}) == "invalid_rule");
  CHECK(problem({{"path", "/x"}, {"acl", none}, {"absent", true}}) == "invalid_rule");
  CHECK(problem({{"path", "/x"}, {"default_acl", none}, {"type", "file"}}) == "invalid_rule");
  CHECK(problem({{"glob", "/x*"}, {"default_acl", none}, {"type", "file"}}) == "invalid_rule");
  CHECK(problem({{"tree", "/x"}, {"default_acl", none}, {"type", "file"}}) == "");
}

}  // namespace reeve
