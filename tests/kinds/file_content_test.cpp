#include <fmt/format.h>

#include "agent/kind_limits.h"
#include "common/limits.h"
#include "common/seal.h"
#include "common/text.h"
#include "tests/kinds/rules.h"

namespace reeve {

namespace {

FakeHost host_with(const std::string& content, std::uint32_t mode = 0644) {
  FakeHost host;
  host.add_directory("/etc");
  host.add_directory("/home");
  host.add_directory("/home/bob", 0755, 1000, 1000);
  host.add_user("bob", 1000);
  host.add_file("/etc/motd", mode);
  host.set_content("/etc/motd", content);
  return host;
}

std::string digest_of(std::string_view text) { return hex(sha256(view_of(text)).view()); }

std::string problem(Value::Map fields) { return refusal_of(std::move(fields)).name; }

}  // namespace

TEST_CASE("a file that holds what the rule wants holds, and is read once a check") {
  FakeHost host = host_with("welcome\n");
  auto rule = bound({{"path", "/etc/motd"}, {"content", "welcome\n"}});
  CHECK(checked(*rule, host).holds());
  CHECK(host.readings() == 1);
  CHECK(host.acts().empty());
}

TEST_CASE("rules that do not ask for content never read a file") {
  FakeHost host = host_with("welcome\n");
  auto rule = bound({{"path", "/etc/motd"}, {"mode", "0600"}});
  CHECK(rule->fix(only_deviation(*rule, host), host, host).ok());
  CHECK(host.readings() == 0);
}

TEST_CASE("other content is found by digests alone, replaced with owner and mode, and holds") {
  FakeHost host = host_with("h4cked\n");
  std::uint64_t inode = host.at("/etc/motd").inode;
  auto rule = bound({{"path", "/etc/motd"}, {"content", "welcome\n"}});
  Deviation found = only_deviation(*rule, host);
  CHECK(found.refusal.empty());
  CHECK(found.desired == fmt::format("content sha256 {}, 8 bytes", digest_of("welcome\n")));
  CHECK(found.found == fmt::format("content sha256 {}, 7 bytes", digest_of("h4cked\n")));
  CHECK(rule->fix(found, host, host).ok());
  CHECK(host.acts() == Objects{"put_file /etc/motd -:- 0644 8 bytes"});
  CHECK(host.content_at("/etc/motd") == "welcome\n");
  CHECK(host.at("/etc/motd").inode != inode);
  CHECK(checked(*rule, host).holds());
}

TEST_CASE("owner, mode and list come with the content and never before it") {
  FakeHost host = host_with("evil", 04777);
  host.add_file("/etc/motd", 04777, 1000, 1000);
  host.set_content("/etc/motd", "evil");
  auto rule = bound({{"path", "/etc/motd"},
                     {"content", "good"},
                     {"owner", "root"},
                     {"group", "root"},
                     {"mode", "0640"},
                     {"acl", Value::Array{"none"}}});
  CHECK(rule->fix(only_deviation(*rule, host), host, host).ok());
  CHECK(host.acts() == Objects{"put_file /etc/motd 0:0 0640 4 bytes"});
  CHECK(checked(*rule, host).holds());
}

TEST_CASE("setuid stays with its owner and does not pass to another") {
  FakeHost host = host_with("evil", 04755);
  auto same = bound({{"path", "/etc/motd"}, {"content", "good"}, {"owner", "root"}});
  CHECK(same->fix(only_deviation(*same, host), host, host).ok());
  CHECK(host.at("/etc/motd").mode == 04755);
  auto other = bound({{"path", "/etc/motd"}, {"content", "better"}, {"owner", "bob"}});
  CHECK(other->fix(only_deviation(*other, host), host, host).ok());
  CHECK(host.at("/etc/motd").mode == 0755);
}

TEST_CASE("right content with a wrong mode is left in place and only its mode is set") {
  FakeHost host = host_with("welcome\n", 0666);
  auto rule = bound({{"path", "/etc/motd"}, {"content", "welcome\n"}, {"mode", "0644"}});
  CHECK(rule->fix(only_deviation(*rule, host), host, host).ok());
  CHECK(host.acts() == Objects{"set_mode /etc/motd 0644"});
}

TEST_CASE("a missing file is made, root's alone unless the rule says otherwise") {
  FakeHost host = host_with("x");
  auto plain = bound({{"path", "/etc/a"}, {"content", "a"}});
  Deviation found = only_deviation(*plain, host);
  CHECK(found.found == "nothing there");
  CHECK(found.desired ==
        fmt::format("exists, type file, content sha256 {}, 1 bytes", digest_of("a")));
  CHECK(plain->fix(found, host, host).ok());
  CHECK(checked(*plain, host).holds());
  auto full = bound({{"path", "/etc/b"}, {"content", ""}, {"owner", "bob"}, {"mode", "0644"}});
  CHECK(full->fix(only_deviation(*full, host), host, host).ok());
  auto limited = bound({{"path", "/etc/c"}, {"content", "c"}, {"mode_at_most", "0440"}});
  CHECK(limited->fix(only_deviation(*limited, host), host, host).ok());
  CHECK(host.acts() == Objects{"put_file /etc/a -:- 0600 1 bytes",
                               "put_file /etc/b 1000:- 0644 0 bytes",
                               "put_file /etc/c -:- 0400 1 bytes"});
  CHECK(checked(*full, host).holds());
  auto lenient = bound({{"path", "/etc/d"}, {"content", "d"}, {"must_exist", false}});
  CHECK(checked(*lenient, host).holds());
  auto nowhere = bound({{"path", "/none/x"}, {"content", "x"}});
  CHECK(nowhere->fix(only_deviation(*nowhere, host), host, host).error().name == "fix_failed");
}

TEST_CASE("a digest finds what nobody can restore, and says so") {
  FakeHost host = host_with("h4cked", 0666);
  auto rule = bound({{"path", "/etc/motd"}, {"sha256", digest_of("welcome")}, {"mode", "0644"}});
  Deviation both = only_deviation(*rule, host);
  CHECK(both.refusal.empty());
  CHECK(rule->fix(both, host, host).error().name == "content_unknown");
  CHECK(host.acts() == Objects{"set_mode /etc/motd 0644"});
  Deviation left = only_deviation(*rule, host);
  CHECK(left.refusal == "content_unknown");
  CHECK(left.desired == fmt::format("mode 0644, content sha256 {}", digest_of("welcome")));
  CHECK(rule->fix(left, host, host).error().name == "content_unknown");
  host.set_content("/etc/motd", "welcome");
  CHECK(checked(*rule, host).holds());
  host.erase("/etc/motd");
  CHECK_FALSE(checked(*rule, host).applicable);
}

TEST_CASE("content is shown where the rule lets it be, cut and printable") {
  FakeHost host = host_with("a\x1b[2Jb");
  Rule asked = rule_of({{"path", "/etc/motd"}, {"content", "good"}});
  asked.show_content = true;
  auto rule = bind_rule(asked);
  REQUIRE(rule.ok());
  Deviation found = only_deviation(**rule, host);
  CHECK(found.desired.ends_with(", 4 bytes: \"good\""));
  CHECK(found.found.ends_with(", 6 bytes: \"" + printable("a\x1b[2Jb") + "\""));
  host.set_content("/etc/motd", std::string(40'000, 'x'));
  CHECK(only_deviation(**rule, host).found.size() < limits::content_shown_bytes_max + 200);
}

TEST_CASE("what was made too large to be digested is replaced all the same") {
  FakeHost host = host_with(std::string(limits::digested_bytes_max + 1, 'x'));
  host.refuse("content", "/etc/motd", Error{"too_large", "content /etc/motd"});
  auto exact = bound({{"path", "/etc/motd"}, {"content", "good"}});
  Deviation found = only_deviation(*exact, host);
  CHECK(found.found == fmt::format("content of {} bytes", limits::digested_bytes_max + 1));
  auto digest = bound({{"path", "/etc/motd"}, {"sha256", digest_of("good")}});
  CHECK(only_deviation(*digest, host).refusal == "too_large");
  CHECK(exact->fix(found, host, host).ok());
  host.allow_all();
  CHECK(checked(*exact, host).holds());
}

TEST_CASE(
    "content that cannot be read differs, and keeps neither it nor the rest from being fixed") {
  for (const char* name : {"check_failed", "too_large"}) {
    FakeHost host = host_with("welcome\n", 0666);
    host.refuse("content", "/etc/motd", Error{name, "read /etc/motd: another's lease"});
    auto rule = bound({{"path", "/etc/motd"}, {"content", "welcome\n"}, {"mode", "0644"}});
    const Deviation found = only_deviation(*rule, host);
    CHECK(found.refusal.empty());
    CHECK(found.found ==
          "mode 0666, content of 8 bytes that cannot be read: read /etc/motd: another's lease");
    CHECK(rule->fix(found, host, host).ok());
    CHECK(host.acts() == Objects{"put_file /etc/motd -:- 0644 8 bytes"});

    host = host_with("welcome\n", 0666);
    host.refuse("content", "/etc/motd", Error{name, "another's lease"});
    auto known =
        bound({{"path", "/etc/motd"}, {"sha256", digest_of("welcome\n")}, {"mode", "0644"}});
    CHECK(only_deviation(*known, host).refusal.empty());
    CHECK(known->fix(only_deviation(*known, host), host, host).error().name == "content_unknown");
    CHECK(host.at("/etc/motd").mode == 0644);
    const Deviation rest = only_deviation(*known, host);
    CHECK(rest.refusal == name);
    CHECK(rest.refusal_detail == "another's lease");
  }
}

TEST_CASE("what is no file is reported and never read or replaced") {
  FakeHost host = host_with("x");
  for (FileType type : {FileType::fifo, FileType::directory, FileType::socket}) {
    host.add("/etc/motd", type, 0644);
    auto rule = bound({{"path", "/etc/motd"}, {"content", "good"}});
    CHECK(only_deviation(*rule, host).refusal == "wrong_type");
  }
  CHECK(host.readings() == 0);
  CHECK(host.acts().empty());
}

TEST_CASE("a safe final link has its target replaced, an unsafe one is refused") {
  FakeHost host = host_with("old");
  host.add_link("/etc/link", "motd");
  auto safe = bound({{"path", "/etc/link"}, {"content", "new"}});
  CHECK(safe->fix(only_deviation(*safe, host), host, host).ok());
  CHECK(host.content_at("/etc/motd") == "new");
  CHECK(host.at("/etc/link").type == FileType::link);
  host.add_link("/home/bob/link", "/etc/motd", 1000);
  auto unsafe = bound({{"path", "/home/bob/link"}, {"content", "worse"}});
  CHECK(only_deviation(*unsafe, host).refusal == "unsafe_path");
  host.add_link("/etc/dangling", "none");
  auto dangling = bound({{"path", "/etc/dangling"}, {"content", "new"}});
  CHECK(dangling->fix(only_deviation(*dangling, host), host, host).error().name == "fix_failed");
}

TEST_CASE("names of one file are parted in a trusted place only") {
  FakeHost host = host_with("old");
  host.add_hard_link("/etc/motd", "/etc/other");
  auto safe = bound({{"path", "/etc/motd"}, {"content", "new"}});
  CHECK(safe->fix(only_deviation(*safe, host), host, host).ok());
  CHECK(host.content_at("/etc/other") == "old");
  host.add_file("/home/bob/x", 0644, 1000);
  host.add_hard_link("/home/bob/x", "/home/bob/y");
  auto open = bound({{"path", "/home/bob/x"}, {"content", "new"}});
  CHECK(only_deviation(*open, host).refusal == "unsafe_path");
}

TEST_CASE("a file that was swapped since the check is not replaced") {
  FakeHost host = host_with("old");
  auto rule = bound({{"path", "/etc/motd"}, {"content", "new"}});
  Deviation found = only_deviation(*rule, host);
  host.add_file("/etc/motd");
  CHECK(rule->fix(found, host, host).error().name == "object_changed");
  Deviation again = only_deviation(*rule, host);
  host.refuse("put_file", "/etc/motd", Error{"fix_failed", "put_file: no space left"});
  CHECK(rule->fix(again, host, host).error().name == "fix_failed");
  CHECK(host.acts().empty());
}

TEST_CASE("content in the wrong place or form is refused") {
  std::string digest = digest_of("x");
  CHECK(problem({{"glob", "/x*"}, {"content", "x"}}) == "invalid_rule");
  CHECK(problem({{"tree", "/x"}, {"content", "x"}}) == "invalid_rule");
  CHECK(problem({{"tree", "/x"}, {"sha256", digest}}) == "invalid_rule");
  CHECK(problem({{"path", "/x"}, {"content", "x"}, {"sha256", digest}}) == "invalid_rule");
  CHECK(problem({{"path", "/x"}, {"content", "x"}, {"absent", true}}) == "invalid_rule");
  CHECK(problem({{"path", "/x"}, {"content", "x"}, {"type", "directory"}}) == "invalid_rule");
  CHECK(problem({{"path", "/x"}, {"sha256", digest}, {"default_acl", Value::Array{"none"}}}) ==
        "invalid_rule");
  CHECK(problem({{"path", "/x"}, {"sha256", "12ab"}}) == "invalid_rule");
  CHECK(problem({{"path", "/x"}, {"content", "x"}, {"type", "file"}}) == "");
  CHECK(problem({{"path", "/x"}, {"content", std::string(limits::body_bytes_max, 'x')}}) == "");
  CHECK(problem({{"path", "/x"}, {"content", std::string(limits::body_bytes_max + 1, 'x')}}) ==
        "invalid_rule");
}

}  // namespace reeve
