#include <doctest/doctest.h>

#include "controller/cli/child.h"
#include "controller/cli/files.h"
#include "controller/cli/push_sources.h"
#include "tests/fakes/temporary_directory.h"

using namespace reeve;
using namespace reeve::cli;

namespace {

Bundle bundle_named(const std::string& policy) {
  Rule rule;
  rule.id = "secret-mode";
  rule.owner = "security@example.org";
  rule.kind = "file";
  return {policy, {rule}};
}

std::string written(const TemporaryDirectory& where, const std::string& name, ByteView content) {
  const std::string path = where.path() + "/" + name;
  REQUIRE(write_file(path, content).ok());
  return path;
}

void run(const std::vector<std::string>& words) {
  const auto outcome = run_child(words, Errors::dropped);
  REQUIRE(outcome.ok());
  REQUIRE(outcome->exit_code == 0);
}

}  // namespace

TEST_CASE("a selector is one alternative in which a repeated label allows several values") {
  CHECK(*parse_selector("") == Selector{});
  CHECK(*parse_selector("role=web,role=db,zone=a") ==
        Selector{{{"role", {"web", "db"}}, {"zone", {"a"}}}});
  for (const char* wrong : {"role", "=web", "role=", "role=web,,zone=a", "a b=c"}) {
    CAPTURE(wrong);
    CHECK(parse_selector(wrong).error().name == "usage");
  }
}

TEST_CASE("compiled bundles are taken as they are, sorted by policy") {
  const TemporaryDirectory where;
  const Bytes zeta = encode_bundle(bundle_named("zeta"));
  const Bytes alpha = encode_bundle(bundle_named("alpha"));
  const auto built = build_bundles(
      std::vector{written(where, "z.bundle", zeta), written(where, "a.bundle", alpha)});
  REQUIRE(built.has_value());
  REQUIRE(built->size() == 2);
  CHECK((*built)[0].policy == "alpha");
  CHECK((*built)[0].bytes == alpha);
  CHECK((*built)[0].digest == sha256(alpha));
  CHECK((*built)[0].rules == 1);
  CHECK((*built)[1].policy == "zeta");
}

TEST_CASE("a damaged bundle, one policy twice and a missing file make no bundles at all") {
  const TemporaryDirectory where;
  const Bytes good = encode_bundle(bundle_named("p"));
  const std::string path = written(where, "p.bundle", good);
  const std::string cut = written(where, "cut.bundle", ByteView(good).first(good.size() - 1));
  CHECK(build_bundles(std::vector{path}).has_value());
  CHECK_FALSE(build_bundles(std::vector{path, cut}).has_value());
  CHECK_FALSE(build_bundles(std::vector{path, path}).has_value());
  CHECK_FALSE(build_bundles(std::vector{path, where.path() + "/none.yaml"}).has_value());
}

TEST_CASE("files of one policy make one bundle, files of two make two") {
  const TemporaryDirectory where;
  const auto source = [](const std::string& policy, const std::string& id) {
    return bytes_of("policy: " + policy + "\nrules:\n  - id: " + id +
                    "\n    title: T\n    severity: high\n    owner: o@example.org\n"
                    "    file: {path: /etc/" +
                    id + ", mode: \"0600\"}\n");
  };
  const std::vector<std::string> paths = {written(where, "1.yaml", source("base", "one")),
                                          written(where, "2.yaml", source("web", "two")),
                                          written(where, "3.yaml", source("base", "three"))};
  const auto built = build_bundles(paths);
  REQUIRE(built.has_value());
  REQUIRE(built->size() == 2);
  CHECK((*built)[0].policy == "base");
  CHECK((*built)[0].rules == 2);
  CHECK((*built)[1].rules == 1);
}

TEST_CASE("the revision of a checkout is its commit, with a plus when files differ") {
  const TemporaryDirectory where;
  const std::string path = written(where, "p.yaml", bytes_of("a"));
  CHECK(source_revision(path).empty());
  const std::vector<std::string> git = {"git",         "-C", where.path(),  "-c",
                                        "user.name=n", "-c", "user.email=e"};
  if (!run_child({"git", "--version"}, Errors::dropped).ok()) return;
  const auto in_git = [&](std::vector<std::string> words) {
    words.insert(words.begin(), git.begin(), git.end());
    run(words);
  };
  in_git({"init", "-q"});
  in_git({"add", "p.yaml"});
  in_git({"commit", "-q", "-m", "one"});
  const std::string clean = source_revision(path);
  CHECK(clean.size() == 40);
  REQUIRE(write_file(path, bytes_of("b")).ok());
  CHECK(source_revision(path) == clean + "+");
}

TEST_CASE("a child's output and exit code come back, and one that cannot start is an error") {
  const auto outcome = run_child({"sh", "-c", "echo out; exit 3"}, Errors::dropped);
  REQUIRE(outcome.ok());
  CHECK(outcome->output == "out\n");
  CHECK(outcome->exit_code == 3);
  CHECK(run_child({"sh", "-c", "kill -9 $$"}, Errors::dropped)->exit_code == 137);
  CHECK(run_child({"/nowhere/at/all"}, Errors::dropped).error().name == "child_failed");
}
