#include "tests/kinds/rules.h"

namespace reeve {

namespace {

FakeHost host_with_etc() {
  FakeHost host;
  host.add_directory("/etc");
  host.add_directory("/home");
  host.add_directory("/home/bob", 0755, 1000, 1000);
  host.add_user("bob", 1000);
  host.add_group("adm", 4);
  return host;
}

}  // namespace

TEST_CASE("a file as the rule wants it holds, and looking changes nothing") {
  FakeHost host = host_with_etc();
  host.add_file("/etc/shadow", 0640, 0, 4);
  auto rule =
      bound({{"path", "/etc/shadow"}, {"owner", "root"}, {"group", "adm"}, {"mode", "0640"}});
  CheckResult result = checked(*rule, host);
  CHECK(result.holds());
  CHECK(result.objects == 1);
  CHECK(result.applicable);
  CHECK(host.acts().empty());
}

TEST_CASE("a wrong mode is found in words, fixed, and holds again") {
  FakeHost host = host_with_etc();
  host.add_file("/etc/key", 0644);
  auto rule = bound({{"path", "/etc/key"}, {"owner", "root"}, {"mode", "0600"}});
  Deviation found = only_deviation(*rule, host);
  CHECK(found.object == "/etc/key");
  CHECK(found.desired == "owner root, mode 0600");
  CHECK(found.found == "owner root, mode 0644");
  CHECK(found.refusal.empty());
  CHECK(found.reference.facts == host.at("/etc/key"));
  CHECK(rule->fix(found, host, host).ok());
  CHECK(host.acts() == Objects{"set_mode /etc/key 0600"});
  CHECK(checked(*rule, host).holds());
}

TEST_CASE("the owner is set before the mode, so that setuid survives") {
  FakeHost host = host_with_etc();
  host.add_file("/etc/tool", 04755, 1000, 1000);
  auto rule = bound({{"path", "/etc/tool"}, {"owner", "0"}, {"group", "adm"}, {"mode", "4755"}});
  Deviation found = only_deviation(*rule, host);
  CHECK(found.found == "owner 1000, group 1000, mode 4755");
  CHECK(rule->fix(found, host, host).ok());
  CHECK(host.acts() == Objects{"set_owner /etc/tool 0:4", "set_mode /etc/tool 4755"});
  CHECK(checked(*rule, host).holds());
}

TEST_CASE("bits that the new owner's group shall not have are gone before it is the owner") {
  FakeHost host = host_with_etc();
  host.add_file("/etc/key", 0666, 1000, 1000);
  auto rule = bound({{"path", "/etc/key"}, {"owner", "0"}, {"group", "adm"}, {"mode", "4640"}});
  CHECK(rule->fix(only_deviation(*rule, host), host, host).ok());
  CHECK(host.acts() ==
        Objects{"set_mode /etc/key 0640", "set_owner /etc/key 0:4", "set_mode /etc/key 4640"});
  CHECK(checked(*rule, host).holds());
}

TEST_CASE("a rule that speaks of the owner only never gives setuid back") {
  FakeHost host = host_with_etc();
  host.add_file("/etc/tool", 04755, 1000);
  auto rule = bound({{"path", "/etc/tool"}, {"owner", "root"}});
  CHECK(rule->fix(only_deviation(*rule, host), host, host).ok());
  CHECK(host.at("/etc/tool").mode == 0755);
}

TEST_CASE("mode_at_most clears the extra bits and no other") {
  FakeHost host = host_with_etc();
  host.add_file("/etc/key", 0466);
  auto rule = bound({{"path", "/etc/key"}, {"mode_at_most", "0640"}});
  Deviation found = only_deviation(*rule, host);
  CHECK(found.desired == "mode at most 0640");
  CHECK(found.found == "mode 0466");
  CHECK(rule->fix(found, host, host).ok());
  CHECK(host.at("/etc/key").mode == 0440);
  CHECK(checked(*rule, host).holds());
}

TEST_CASE("a missing file is not there unless it must exist") {
  FakeHost host = host_with_etc();
  auto lenient = bound({{"path", "/etc/none"}, {"mode", "0600"}});
  CHECK(checked(*lenient, host).holds());
  CHECK_FALSE(checked(*lenient, host).applicable);
  auto strict = bound({{"path", "/etc/none"}, {"mode", "0600"}, {"must_exist", true}});
  Deviation found = only_deviation(*strict, host);
  CHECK(found.refusal == "nothing_to_create_from");
  CHECK(found.found == "nothing there");
}

TEST_CASE("a missing directory that must exist is made with owner and mode") {
  FakeHost host = host_with_etc();
  auto rule = bound({{"path", "/etc/spool"},
                     {"type", "directory"},
                     {"owner", "bob"},
                     {"mode", "0750"},
                     {"must_exist", true}});
  CHECK(rule->fix(only_deviation(*rule, host), host, host).ok());
  CHECK(host.acts() == Objects{"make_directory /etc/spool", "set_owner /etc/spool 1000:-",
                               "set_mode /etc/spool 0750"});
  CHECK(checked(*rule, host).holds());
}

TEST_CASE("an object of another type is reported and never touched") {
  FakeHost host = host_with_etc();
  host.add("/etc/pipe", FileType::fifo, 0666);
  auto rule = bound({{"path", "/etc/pipe"}, {"type", "file"}, {"mode", "0600"}});
  Deviation found = only_deviation(*rule, host);
  CHECK(found.refusal == "wrong_type");
  CHECK(found.desired == "type file");
  CHECK(found.found == "type fifo");
  CHECK(rule->fix(found, host, host).error().name == "wrong_type");
  CHECK(host.acts().empty());
}

TEST_CASE("only files and directories get a mode unless the rule names the type") {
  FakeHost host = host_with_etc();
  host.add("/etc/pipe", FileType::fifo, 0666);
  auto vague = bound({{"path", "/etc/pipe"}, {"mode", "0600"}});
  CHECK(only_deviation(*vague, host).refusal == "wrong_type");
  auto exact = bound({{"path", "/etc/pipe"}, {"mode", "0600"}, {"type", "fifo"}});
  CHECK(exact->fix(only_deviation(*exact, host), host, host).ok());
  CHECK(host.at("/etc/pipe").mode == 0600);
}

TEST_CASE("what must be absent is removed, a directory only when it is empty") {
  FakeHost host = host_with_etc();
  host.add_file("/etc/old");
  auto file = bound({{"path", "/etc/old"}, {"absent", true}});
  CHECK(file->fix(only_deviation(*file, host), host, host).ok());
  CHECK(checked(*file, host).holds());
  CHECK(checked(*file, host).applicable);
  host.add_directory("/etc/old");
  host.add_file("/etc/old/more");
  CHECK(only_deviation(*file, host).refusal == "directory_not_empty");
  host.erase("/etc/old/more");
  CHECK(file->fix(only_deviation(*file, host), host, host).ok());
  CHECK(host.acts() == Objects{"remove /etc/old", "remove /etc/old"});
}

TEST_CASE("absent speaks of the link itself and leaves its target alone") {
  FakeHost host = host_with_etc();
  host.add_file("/etc/real");
  host.add_link("/etc/link", "real");
  auto rule = bound({{"path", "/etc/link"}, {"absent", true}});
  CHECK(rule->fix(only_deviation(*rule, host), host, host).ok());
  CHECK(host.at("/etc/real").type == FileType::file);
  CHECK(checked(*rule, host).holds());
}

TEST_CASE("absent with a type leaves other types alone") {
  FakeHost host = host_with_etc();
  host.add_file("/etc/thing");
  auto rule = bound({{"path", "/etc/thing"}, {"absent", true}, {"type", "link"}});
  CHECK(only_deviation(*rule, host).refusal == "wrong_type");
}

TEST_CASE("a final link that only root can change is followed to what it leads to") {
  FakeHost host = host_with_etc();
  host.add_directory("/run");
  host.add_file("/run/resolv.conf", 0666);
  host.add_link("/etc/resolv.conf", "../run/resolv.conf");
  auto rule = bound({{"path", "/etc/resolv.conf"}, {"mode", "0644"}, {"type", "file"}});
  Deviation found = only_deviation(*rule, host);
  CHECK(found.object == "/etc/resolv.conf");
  CHECK(rule->fix(found, host, host).ok());
  CHECK(host.acts() == Objects{"set_mode /run/resolv.conf 0644"});
  host.erase("/run/resolv.conf");
  CHECK(checked(*rule, host).holds());
  CHECK_FALSE(checked(*rule, host).applicable);
}

TEST_CASE("a link that others may change is an unsafe path, final or on the way") {
  FakeHost host = host_with_etc();
  host.add_file("/etc/shadow", 0640);
  host.add_link("/home/bob/.netrc", "/etc/shadow", 1000);
  auto final_link = bound({{"path", "/home/bob/.netrc"}, {"mode", "0600"}});
  Deviation found = only_deviation(*final_link, host);
  CHECK(found.refusal == "unsafe_path");
  CHECK(found.desired == "mode 0600");
  CHECK_FALSE(found.refusal_detail.empty());
  host.add_link("/home/bob/.ssh", "/etc", 1000);
  auto on_the_way = bound({{"path", "/home/bob/.ssh/shadow"}, {"absent", true}});
  CHECK(only_deviation(*on_the_way, host).refusal == "unsafe_path");
  // root's link in a directory of another is no better: the other may swap it.
  host.add_link("/home/bob/.netrc", "/etc/shadow", 0);
  CHECK(only_deviation(*final_link, host).refusal == "unsafe_path");
  CHECK(host.acts().empty());
}

TEST_CASE("a rule of type link speaks of the link itself") {
  FakeHost host = host_with_etc();
  host.add_file("/etc/real", 0666, 1000);
  host.add_link("/etc/link", "real", 1000);
  auto rule = bound({{"path", "/etc/link"}, {"type", "link"}, {"owner", "root"}});
  CHECK(rule->fix(only_deviation(*rule, host), host, host).ok());
  CHECK(host.at("/etc/link").uid == 0);
  CHECK(host.at("/etc/real").uid == 1000);
}

TEST_CASE("a file with several names is changed where only root could have put it") {
  FakeHost host = host_with_etc();
  host.add_file("/etc/one", 0666, 1000);
  host.add_hard_link("/etc/one", "/etc/two");
  auto rule = bound({{"path", "/etc/one"}, {"owner", "root"}, {"mode", "0644"}});
  CHECK(rule->fix(only_deviation(*rule, host), host, host).ok());
  CHECK(checked(*rule, host).holds());
}

TEST_CASE("elsewhere a file with several names is only tightened, and only its owner's") {
  FakeHost host = host_with_etc();
  host.add_file("/etc/shadow", 0640);
  host.add_hard_link("/etc/shadow", "/home/bob/key");
  auto mode = bound({{"path", "/home/bob/key"}, {"mode", "0600"}});
  CHECK(only_deviation(*mode, host).refusal == "unsafe_path");
  auto owner = bound({{"path", "/home/bob/key"}, {"owner", "bob"}});
  CHECK(only_deviation(*owner, host).refusal == "unsafe_path");

  host.add_file("/home/bob/own", 0644, 1000);
  host.add_hard_link("/home/bob/own", "/home/bob/again");
  auto tighter = bound({{"path", "/home/bob/own"}, {"mode", "0600"}});
  CHECK(tighter->fix(only_deviation(*tighter, host), host, host).ok());
  auto wider = bound({{"path", "/home/bob/own"}, {"mode", "0644"}});
  CHECK(only_deviation(*wider, host).refusal == "unsafe_path");
}

TEST_CASE("a name of a file with several may be removed anywhere") {
  FakeHost host = host_with_etc();
  host.add_file("/home/bob/.rhosts", 0644, 1000);
  host.add_hard_link("/home/bob/.rhosts", "/home/bob/copy");
  auto rule = bound({{"path", "/home/bob/.rhosts"}, {"absent", true}});
  CHECK(rule->fix(only_deviation(*rule, host), host, host).ok());
  CHECK(host.at("/home/bob/copy").links == 1);
}

TEST_CASE("a user or group that this host does not have is a deviation whose fix says so") {
  FakeHost host = host_with_etc();
  host.add_file("/etc/x", 0666);
  auto user = bound({{"path", "/etc/x"}, {"owner", "ghost"}, {"mode", "0600"}});
  Deviation found = only_deviation(*user, host);
  CHECK(found.desired == "owner ghost, mode 0600");
  Status status = user->fix(found, host, host);
  CHECK(status.error().name == "fix_failed");
  CHECK(status.error().detail == "unknown_user: this host has no user ghost");
  auto group = bound({{"path", "/etc/x"}, {"group", "ghosts"}});
  Status other = group->fix(only_deviation(*group, host), host, host);
  CHECK(other.error().detail == "unknown_group: this host has no group ghosts");
  CHECK(host.acts().empty());
}

TEST_CASE("a fix that the host refuses passes the host's error on") {
  FakeHost host = host_with_etc();
  host.add_file("/etc/x", 0666);
  auto rule = bound({{"path", "/etc/x"}, {"mode", "0600"}});
  host.refuse("set_mode", "/etc/x", Error{"fix_failed", "chmod /etc/x: read-only file system"});
  CHECK(rule->fix(only_deviation(*rule, host), host, host).error().name == "fix_failed");
  CHECK_FALSE(checked(*rule, host).holds());
}

TEST_CASE("an object that was swapped since the check is not touched") {
  FakeHost host = host_with_etc();
  host.add_file("/etc/x", 0666);
  auto rule = bound({{"path", "/etc/x"}, {"mode", "0600"}});
  Deviation found = only_deviation(*rule, host);
  host.add_file("/etc/x", 0666);
  CHECK(rule->fix(found, host, host).error().name == "object_changed");
  auto absent = bound({{"path", "/etc/x"}, {"absent", true}});
  CHECK(absent->fix(found, host, host).error().name == "object_changed");
  CHECK(host.acts().empty());
}

TEST_CASE("a path that cannot be looked at fails the check by name") {
  FakeHost host = host_with_etc();
  host.refuse("look", "/etc/x", Error{"check_failed", "look at /etc/x: input/output error"});
  auto rule = bound({{"path", "/etc/x"}, {"mode", "0600"}});
  CHECK(rule->check(host, Scope{}).error().name == "check_failed");
}

TEST_CASE("an object outside the rule gives nothing and is not looked at") {
  FakeHost host = host_with_etc();
  host.add_file("/etc/x", 0666);
  auto rule = bound({{"path", "/etc/x"}, {"mode", "0600"}});
  CHECK(checked(*rule, host, "/etc/y").holds());
  CHECK(host.looks() == 0);
  CHECK(deviating(*rule, host, "/etc/x") == Objects{"/etc/x"});
}

TEST_CASE("rules that contradict themselves or ask nothing are refused") {
  auto refused = [](Value::Map fields) { return refusal_of(std::move(fields)).name; };
  CHECK(refused({{"path", "/x"}}) == "invalid_rule");
  CHECK(refused({{"mode", "0600"}}) == "invalid_rule");
  CHECK(refused({{"path", "/x"}, {"glob", "/x*"}, {"mode", "0600"}}) == "invalid_rule");
  CHECK(refused({{"path", "/x"}, {"mode", "0600"}, {"mode_at_most", "0600"}}) == "invalid_rule");
  CHECK(refused({{"path", "/x"}, {"absent", true}, {"mode", "0600"}}) == "invalid_rule");
  CHECK(refused({{"path", "/x"}, {"absent", true}, {"must_exist", true}}) == "invalid_rule");
  CHECK(refused({{"tree", "/x"}, {"absent", true}}) == "invalid_rule");
  CHECK(refused({{"path", "/x"}, {"dir_mode", "0700"}}) == "invalid_rule");
  CHECK(refused({{"path", "/x"}, {"type", "link"}, {"mode", "0600"}}) == "invalid_rule");
  CHECK(refused({{"tree", "/x"}, {"type", "directory"}}) == "invalid_rule");
  CHECK(refused({{"path", "/x"}, {"absent", false}, {"must_exist", false}}) == "invalid_rule");
}

TEST_CASE("fields of the wrong form are refused by name") {
  auto refused = [](Value::Map fields) { return refusal_of(std::move(fields)).name; };
  for (std::string_view path : {"x", "", "/x/", "//x", "/x/../y", "/./x"})
    CHECK(refused({{"path", path}, {"mode", "0600"}}) == "invalid_rule");
  for (std::string_view mode : {"600x", "0888", "77777", "7", "-600", "u=rw"})
    CHECK(refused({{"path", "/x"}, {"mode", mode}}) == "invalid_rule");
  CHECK(refused({{"path", "/x"}, {"mode", 600}}) == "invalid_rule");
  CHECK(refused({{"path", "/x"}, {"absent", "yes"}}) == "invalid_rule");
  CHECK(refused({{"path", "/x"}, {"type", "pipe"}}) == "invalid_rule");
  CHECK(refused({{"path", "/x"}, {"owner", "a:b"}}) == "invalid_rule");
  CHECK(refused({{"path", "/x"}, {"owner", ""}}) == "invalid_rule");
  CHECK(refused({{"glob", "/x/[ab"}, {"mode", "0600"}}) == "invalid_rule");
}

}  // namespace reeve
