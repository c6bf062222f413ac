#include <fmt/format.h>

#include "agent/kind_limits.h"
#include "tests/kinds/rules.h"

namespace reeve {

namespace {

FakeHost host_with_homes() {
  FakeHost host;
  host.add_directory("/home");
  for (std::string name : {"ann", "bob"}) {
    std::uint32_t uid = name == "ann" ? 1001 : 1000;
    host.add_directory("/home/" + name, 0755, uid);
    host.add_directory("/home/" + name + "/.ssh", 0700, uid);
    host.add_file("/home/" + name + "/.ssh/id_rsa", 0600, uid);
  }
  return host;
}

FakeHost host_with_tree() {
  FakeHost host;
  host.add_directory("/srv");
  host.add_directory("/srv/data");
  host.add_directory("/srv/data/deep");
  host.add_file("/srv/data/a");
  host.add_file("/srv/data/deep/b");
  return host;
}

}  // namespace

TEST_CASE("a glob judges each of its matches and names them as its objects") {
  FakeHost host = host_with_homes();
  auto rule = bound({{"glob", "/home/*/.ssh/id_*"}, {"mode_at_most", "0600"}});
  CHECK(checked(*rule, host).objects == 2);
  CHECK(checked(*rule, host).holds());
  host.add_file("/home/bob/.ssh/id_new", 0644, 1000);
  CHECK(deviating(*rule, host) == Objects{"/home/bob/.ssh/id_new"});
  CHECK(rule->fix(only_deviation(*rule, host), host, host).ok());
  CHECK(checked(*rule, host).holds());
}

TEST_CASE("a glob that matches nothing is not applicable unless a match must exist") {
  FakeHost host = host_with_homes();
  auto lenient = bound({{"glob", "/opt/*"}, {"mode", "0600"}});
  CHECK_FALSE(checked(*lenient, host).applicable);
  auto strict = bound({{"glob", "/opt/*"}, {"must_exist", true}});
  CHECK(deviating(*strict, host) == Objects{"/opt/* nothing_to_create_from"});
  CHECK(deviating(*strict, host, "/opt/*") == Objects{"/opt/* nothing_to_create_from"});
}

TEST_CASE("one user's swapped directory is that user's deviation and hides no other") {
  FakeHost host = host_with_homes();
  host.add_link("/home/ann/.ssh", "/home/bob/.ssh", 1001);
  host.add_file("/home/bob/.ssh/id_rsa", 0644, 1000);
  auto rule = bound({{"glob", "/home/*/.ssh/id_*"}, {"mode", "0600"}});
  CHECK(deviating(*rule, host) == Objects{"/home/ann/.ssh unsafe_path", "/home/bob/.ssh/id_rsa"});
  CHECK(deviating(*rule, host, "/home/ann/.ssh") == Objects{"/home/ann/.ssh unsafe_path"});
  host.erase("/home/ann/.ssh");
  CHECK(deviating(*rule, host, "/home/ann/.ssh").empty());
}

TEST_CASE("a match that cannot be looked at stops no other") {
  FakeHost host = host_with_homes();
  host.refuse("look", "/home/ann/.ssh/id_rsa", Error{"check_failed", "permission denied"});
  host.add_file("/home/bob/.ssh/id_rsa", 0644, 1000);
  auto rule = bound({{"glob", "/home/*/.ssh/id_*"}, {"mode", "0600"}});
  CHECK(deviating(*rule, host) ==
        Objects{"/home/ann/.ssh/id_rsa check_failed", "/home/bob/.ssh/id_rsa"});
}

TEST_CASE("a glob without a type speaks of files and directories only") {
  FakeHost host = host_with_homes();
  host.add("/home/pipe", FileType::fifo, 0666);
  auto rule = bound({{"glob", "/home/p*"}, {"mode", "0600"}});
  CHECK(checked(*rule, host).holds());
  auto typed = bound({{"glob", "/home/p*"}, {"type", "file"}});
  CHECK(deviating(*typed, host) == Objects{"/home/pipe wrong_type"});
}

TEST_CASE("every match of a glob that must be absent is removed") {
  FakeHost host = host_with_homes();
  host.add_file("/home/bob/.rhosts", 0644, 1000);
  host.add_file("/home/ann/.rhosts", 0644, 1001);
  auto rule = bound({{"glob", "/home/*/.rhosts"}, {"absent", true}});
  for (const Deviation& one : checked(*rule, host).deviations)
    CHECK(rule->fix(one, host, host).ok());
  CHECK(host.acts().size() == 2);
  CHECK(checked(*rule, host).holds());
}

TEST_CASE("a tree has one mode for files and one for directories") {
  FakeHost host = host_with_tree();
  auto rule = bound({{"tree", "/srv/data"}, {"mode", "0640"}, {"dir_mode", "0750"}});
  CHECK(deviating(*rule, host) ==
        Objects{"/srv/data", "/srv/data/a", "/srv/data/deep", "/srv/data/deep/b"});
  for (const Deviation& one : checked(*rule, host).deviations)
    CHECK(rule->fix(one, host, host).ok());
  CHECK(checked(*rule, host).holds());
  CHECK(checked(*rule, host).objects == 4);
  CHECK(host.at("/srv/data/deep").mode == 0750);
  CHECK(host.at("/srv/data/deep/b").mode == 0640);
}

TEST_CASE("links below a tree are neither followed nor judged unless a type is named") {
  FakeHost host = host_with_tree();
  host.add_directory("/etc");
  host.add_file("/etc/shadow", 0600);
  host.add_link("/srv/data/etc", "/etc");
  auto rule = bound({{"tree", "/srv/data"}, {"mode", "0644"}});
  CHECK(checked(*rule, host).holds());
  CHECK(deviating(*rule, host, "/srv/data/etc/shadow").empty());
  auto typed = bound({{"tree", "/srv/data"}, {"type", "file"}});
  CHECK(deviating(*typed, host) == Objects{"/srv/data/etc wrong_type"});
}

TEST_CASE("a tree whose top is root's link keeps the rule's spelling of its objects") {
  FakeHost host = host_with_tree();
  host.add_link("/data", "srv/data");
  host.add_file("/srv/data/a", 0666);
  auto rule = bound({{"tree", "/data"}, {"mode", "0644"}});
  CHECK(deviating(*rule, host) == Objects{"/data/a"});
  CHECK(deviating(*rule, host, "/data/a") == Objects{"/data/a"});
  CHECK(rule->fix(only_deviation(*rule, host), host, host).ok());
  CHECK(checked(*rule, host).holds());
}

TEST_CASE("a tree's top that is no directory or must be made is said so") {
  FakeHost host = host_with_tree();
  auto file = bound({{"tree", "/srv/data/a"}, {"mode", "0644"}});
  CHECK(deviating(*file, host) == Objects{"/srv/data/a wrong_type"});
  auto missing = bound({{"tree", "/srv/new"}, {"dir_mode", "0750"}, {"must_exist", true}});
  CHECK(missing->fix(only_deviation(*missing, host), host, host).ok());
  CHECK(host.acts() == Objects{"make_directory /srv/new", "set_mode /srv/new 0750"});
}

TEST_CASE("a scoped check looks at one object, however many the rule has") {
  FakeHost host = host_with_tree();
  for (int i = 0; i < 500; ++i) host.add_file(fmt::format("/srv/data/f{}", i), 0666);
  auto tree = bound({{"tree", "/srv/data"}, {"mode", "0644"}});
  CHECK(deviating(*tree, host, "/srv/data/f7") == Objects{"/srv/data/f7"});
  CHECK(host.looks() <= 3);
  auto glob = bound({{"glob", "/srv/data/f*"}, {"mode", "0644"}});
  std::size_t before = host.looks();
  CHECK(deviating(*glob, host, "/srv/data/f7") == Objects{"/srv/data/f7"});
  CHECK(host.looks() - before <= 3);
  CHECK(deviating(*glob, host, "/srv/data/a").empty());
  CHECK(deviating(*tree, host, "/srv/elsewhere").empty());
  CHECK(deviating(*tree, host, "/srv/data/../../etc").empty());
}

TEST_CASE("one check hands over a bounded number of deviations") {
  FakeHost host = host_with_tree();
  for (std::size_t i = 0; i < limits::check_deviations_max + 50; ++i)
    host.add_file(fmt::format("/srv/data/deep/f{}", i), 0666);
  auto tree = bound({{"tree", "/srv/data"}, {"mode", "0644"}});
  const CheckResult result = checked(*tree, host);
  CHECK(result.deviations.size() == limits::check_fixable_max);
  CHECK(result.has_more);
  CHECK(result.is_partial);
}

TEST_CASE("what is known to wait takes no room from what is new") {
  FakeHost host = host_with_tree();
  for (std::size_t i = 0; i < limits::check_deviations_max + 50; ++i)
    host.add_file(fmt::format("/srv/data/deep/f{:04}", i), 0666);
  auto tree = bound({{"tree", "/srv/data"}, {"mode", "0644"}});
  Scope scope;
  scope.is_known = [](const Deviation& one) { return one.object < "/srv/data/deep/f0500"; };
  const auto result = tree->check(host, scope);
  REQUIRE(result.ok());
  CHECK(result->deviations.size() == limits::check_deviations_max + 50 - 500);
  CHECK(!result->has_more);
  CHECK(!result->is_partial);
}

TEST_CASE("many that cannot be put right hide none that can") {
  for (const char* field : {"tree", "glob"}) {
    FakeHost host = host_with_tree();
    for (std::size_t i = 0; i < 2 * limits::check_deviations_max; ++i)
      host.add(fmt::format("/srv/data/deep/fifo{}", i), FileType::fifo, 0666);
    host.add_file("/srv/data/deep/z", 0666);
    const std::string path = field == std::string("tree") ? "/srv/data" : "/srv/data/deep/*";
    auto rule = bound({{field, path}, {"mode", "0644"}, {"type", "file"}});
    const CheckResult result = checked(*rule, host);
    CHECK(result.deviations.size() == limits::check_refused_max + 1);
    CHECK(result.deviations.back().object == "/srv/data/deep/z");
    CHECK(result.is_partial);
    CHECK(!result.has_more);
    const Deviation& last_refused = result.deviations[limits::check_refused_max - 1];
    CHECK(last_refused.refusal == "wrong_type");
    CHECK(last_refused.refusal_detail.ends_with(
        "; 1900 more that cannot be put right are not named"));
  }
}

TEST_CASE(
    "a directory that cannot be counted is that directory's finding, and the rest is judged") {
  FakeHost host = host_with_tree();
  Error too_many{"too_many_objects", "list /srv/data/deep"};
  host.refuse("list", "/srv/data/deep", too_many);
  host.add_file("/srv/data/z", 0666);
  auto tree = bound({{"tree", "/srv/data"}, {"mode", "0644"}});
  const CheckResult found = checked(*tree, host);
  CHECK(found.is_partial);
  CHECK(deviating(*tree, host) == Objects{"/srv/data/z", "/srv/data/deep too_many_objects"});
  auto glob = bound({{"glob", "/srv/data/*/*"}, {"mode", "0644"}});
  CHECK(deviating(*glob, host) == Objects{"/srv/data/deep too_many_objects"});
}

TEST_CASE("more objects than a check may look at discard nothing that was found") {
  FakeHost host = host_with_tree();
  host.add_directory("/srv/data/a-many");
  host.add_directory("/srv/data/b");
  host.add_file("/srv/data/b/x", 0666);
  for (std::size_t i = 0; i <= limits::rule_objects_max; ++i)
    host.add_link(fmt::format("/srv/data/a-many/{}", i), "x");
  for (const auto& [field, path] :
       {std::pair{"tree", "/srv/data"}, std::pair{"glob", "/srv/data/*/*"}}) {
    auto rule = bound({{field, path}, {"mode", "0644"}});
    const CheckResult result = checked(*rule, host);
    REQUIRE(result.unseen);
    CHECK(result.unseen->name == "too_many_objects");
    CHECK(result.is_partial);
    // A tree enters what is very large last.
    if (field == std::string("tree")) CHECK(result.deviations.size() == 1);
  }
}

TEST_CASE("a look that fails is an error of its object and does not mean that it holds") {
  FakeHost host = host_with_tree();
  host.add_file("/srv/data/deep/x", 0666);
  auto tree = bound({{"tree", "/srv/data"}, {"mode", "0644"}});
  REQUIRE(deviating(*tree, host, "/srv/data/deep/x") == Objects{"/srv/data/deep/x"});
  for (const char* broken : {"/srv/data", "/srv/data/deep"}) {
    host.refuse("resolve", broken, Error{"check_failed", "EIO"});
    CHECK(tree->check(host, Scope{"/srv/data/deep/x"}).error().name == "check_failed");
    host.allow_all();
  }
  host.refuse("resolve", "/srv/data", Error{"check_failed", "EIO"});
  CHECK(tree->check(host, Scope{}).error().name == "check_failed");
  // Of a top that others may redirect there is a finding, and nothing is said of what is below it.
  host.allow_all();
  host.refuse("look", "/srv/data", Error{"unsafe_path", "others may change it"});
  host.refuse("resolve", "/srv/data", Error{"unsafe_path", "others may change it"});
  CHECK(deviating(*tree, host) == Objects{"/srv/data unsafe_path"});
  CHECK(checked(*tree, host).is_partial);
  CHECK(tree->check(host, Scope{"/srv/data/deep/x"}).error().name == "unsafe_path");
}

TEST_CASE("watches say what the sensors must see") {
  auto path = bound({{"path", "/etc/x"}, {"mode", "0600"}})->watches();
  REQUIRE(path.size() == 1);
  CHECK(path[0].path == "/etc/x");
  CHECK_FALSE(path[0].recursive);
  CHECK_FALSE(path[0].pattern);
  CHECK(bound({{"tree", "/srv"}, {"mode", "0600"}})->watches()[0].recursive);
  CHECK(bound({{"glob", "/srv/*"}, {"mode", "0600"}})->watches()[0].pattern);
}

}  // namespace reeve
