#include "controller/policy/source_check.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "common/limits.h"
#include "controller/policy/source_limits.h"
#include "tests/policy/policy_fixture.h"

using namespace reeve;
using fixture::errors;
using fixture::only_error;
using fixture::rule_source;
using Errors = std::vector<std::string>;

namespace {

const std::string head = "id: a\ntitle: A\nowner: ops\n";

// Errors of a rule whose resource is this, in line 6 of its source.
Errors resource_errors(std::string_view resource) {
  return errors(rule_source(head + std::string(resource)));
}

std::string resource_error(std::string_view resource) {
  return only_error(rule_source(head + std::string(resource)));
}

}  // namespace

TEST_CASE("A misspelt key gets its position and the key that was meant") {
  CHECK(only_error(rule_source("id: a\ntitle: A\nowner: ops\nrationalle: x\nfile: {path: /a, "
                               "mode: 600}"))
            .starts_with("web.yaml:6:5: unknown key \"rationalle\"; expected id, title, "));
  CHECK(only_error("policy: web\ndefault: {}\nrules: [{id: a, title: A, owner: o, file: {path: "
                   "/a, mode: 600}}]\n") ==
        "web.yaml:2:1: unknown key \"default\"; expected policy, description, defaults or rules; "
        "did you mean \"defaults\"? [unknown_key]");
}

TEST_CASE("An unknown kind is named as a kind, with the one that was meant") {
  CHECK(
      resource_error("fiel: {path: /a, mode: 600}") ==
      "web.yaml:6:5: unknown kind of resource \"fiel\"; expected file, port or wall; did you mean "
      "\"file\"? [unknown_kind]");
}

TEST_CASE("A rule has exactly one resource") {
  CHECK(errors(rule_source("id: a\ntitle: A\nowner: ops")) == Errors{"3:5 no_resource"});
  CHECK(resource_errors("file: {path: /a, mode: 600}\nport: {protocol: tcp, port: 1}") ==
        Errors{"7:5 two_resources"});
}

TEST_CASE("Required keys are missed where their map begins") {
  CHECK(errors(rule_source("rationale: x\nfile: {path: /a, mode: 600}")) ==
        Errors{"3:5 missing_key", "3:5 missing_key", "3:5 missing_owner"});
  CHECK(errors("rules: []\n") == Errors{"1:1 missing_key", "1:8 empty_list"});
  CHECK(resource_errors("port: {protocol: tcp}") == Errors{"6:5 missing_key"});
}

TEST_CASE("A misspelt owner or title is one error") {
  CHECK(errors(rule_source("id: a\ntilte: A\nowners: ops\nfile: {path: /a, mode: 600}")) ==
        Errors{"4:5 unknown_key", "5:5 unknown_key"});
}

TEST_CASE("Groups of keys are kept") {
  CHECK(resource_errors("file: {mode: 600}") == Errors{"6:5 missing_key"});
  CHECK(resource_errors("file: {path: /a}") == Errors{"6:5 missing_key"});
  CHECK(resource_errors("file: {path: /a, glob: /b, mode: 600}") ==
        Errors{"6:22 conflicting_keys"});
  CHECK(resource_error("file: {path: /a, mode: 600, mode_at_most: 600}") ==
        "web.yaml:6:33: mode_at_most besides mode; expected at most one of mode or mode_at_most "
        "[conflicting_keys]");
}

TEST_CASE("A misspelt key is one error even where its group then misses it") {
  CHECK(resource_errors("file: {pth: /a, mode: 600}") == Errors{"6:12 unknown_key"});
}

TEST_CASE("Modes are octal text, quoted or not") {
  for (const char* mode : {"0640", "\"0640\"", "640", "'640'"}) {
    const auto outcome =
        fixture::compile(rule_source(head + fmt::format("file: {{path: /a, mode: {}}}", mode)));
    REQUIRE_MESSAGE(outcome.bundle.has_value(), mode);
    CHECK(*outcome.bundle->rules[0].fields.find("mode")->text() == "0640");
  }
  for (const char* mode : {"0689", "64", "06400", "u=rw", "0o640", "-640", "\"\"", "6 40"}) {
    CHECK_MESSAGE(resource_errors(fmt::format("file: {{path: /a, mode: {}}}", mode)) ==
                      Errors{"6:28 bad_value"},
                  mode);
  }
}

TEST_CASE("Paths are absolute and plain") {
  for (const char* path : {"etc/shadow", "/etc/../shadow", "/etc/./shadow", "/etc//shadow",
                           "/etc/shadow/", "\"\"", "//"}) {
    CHECK_MESSAGE(resource_errors(fmt::format("file: {{path: {}, mode: 600}}", path)) ==
                      Errors{"6:18 bad_value"},
                  path);
  }
  CHECK(resource_errors("file: {path: /, mode: 755}").empty());
  CHECK(resource_errors("file: {path: /etc/..hidden, mode: 755}").empty());
  CHECK(resource_error("file: {path: /etc/, mode: 755}") ==
        "web.yaml:6:18: \"/etc/\", which ends in \"/\"; expected an absolute path such as "
        "/etc/passwd [bad_value]");
}

TEST_CASE("Patterns close their brackets within a component") {
  CHECK(resource_errors("file: {glob: \"/etc/ssh/ssh_host_*_key\", mode: 600}").empty());
  CHECK(resource_errors("file: {glob: \"/etc/[!a-c]*\", mode: 600}").empty());
  CHECK(resource_errors("file: {glob: \"/etc/[]]*\", mode: 600}").empty());
  CHECK(resource_errors("file: {glob: \"/etc/[ab\", mode: 600}") == Errors{"6:18 bad_value"});
  CHECK(resource_errors("file: {glob: \"/etc/[a/b]\", mode: 600}") == Errors{"6:18 bad_value"});
}

TEST_CASE("Users and groups are names or numbers") {
  for (const char* owner : {"root", "0", "4294967294", "_apt", "systemd-network", "\"null\""}) {
    CHECK_MESSAGE(resource_errors(fmt::format("file: {{path: /a, owner: {}}}", owner)).empty(),
                  owner);
  }
  for (const char* owner : {"-1", "4294967295", "a:b", "\"a b\"", "007", "\"\"", "a/b"}) {
    CHECK_MESSAGE(resource_errors(fmt::format("file: {{path: /a, owner: {}}}", owner)) ==
                      Errors{"6:29 bad_value"},
                  owner);
  }
}

TEST_CASE("Choices are exact and come with a suggestion") {
  CHECK(resource_error("file: {path: /a, type: direcotry}") ==
        "web.yaml:6:28: \"direcotry\"; expected file, directory or link; did you mean "
        "\"directory\"? [unknown_choice]");
  CHECK(errors(rule_source(head + "severity: High\nfile: {path: /a, mode: 600}")) ==
        Errors{"6:15 unknown_choice"});
}

TEST_CASE("Booleans are true and false, without quotes") {
  CHECK(resource_errors("file: {path: /a, absent: true}").empty());
  for (const char* claim : {"yes", "\"true\"", "on", "1", "True"}) {
    CHECK_MESSAGE(resource_errors(fmt::format("file: {{path: /a, absent: {}}}", claim)) ==
                      Errors{"6:30 bad_value"},
                  claim);
  }
}

TEST_CASE("Numbers are whole, plain and within their bounds") {
  CHECK(resource_errors("port: {protocol: tcp, port: 65535}").empty());
  for (const char* port :
       {"0", "65536", "22.0", "0x16", "\"22\"", "022", "+22", "99999999999999999999"}) {
    CHECK_MESSAGE(resource_errors(fmt::format("port: {{protocol: tcp, port: {}}}", port)) ==
                      Errors{"6:33 bad_value"},
                  port);
  }
}

TEST_CASE("Ids and titles hold nothing that a terminal would obey") {
  CHECK(errors(rule_source("id: \"a\\e[31m\"\ntitle: A\nowner: o\nfile: {path: /a, mode: 600}")) ==
        Errors{"3:9 bad_value"});
  CHECK(errors(rule_source("id: a\ntitle: \"x\\ny\"\nowner: o\nfile: {path: /a, mode: 600}")) ==
        Errors{"4:12 unprintable_text"});
  const auto bent = only_error(
      rule_source("id: a\ntitle: \"x\xE2\x80\xAEy\"\nowner: o\nfile: {path: /a, mode: 600}"));
  CHECK(bent.find("\xE2\x80\xAE") == std::string::npos);
  CHECK(errors(rule_source("id: a b\ntitle: A\nowner: o\nfile: {path: /a, mode: 600}")) ==
        Errors{"3:9 bad_value"});
  CHECK(resource_errors("file: {path: \"/a\\nb\", mode: 600}") == Errors{"6:18 unprintable_text"});
}

TEST_CASE("A rationale may have lines, a title has its limit") {
  CHECK(errors(rule_source(head + "rationale: |\n  One.\n  Two.\nfile: {path: /a, mode: 600}"))
            .empty());
  CHECK(errors(rule_source("id: a\nowner: o\nfile: {path: /a, mode: 600}\ntitle: " +
                           std::string(limits::text_bytes_max + 1, 'x'))) ==
        Errors{"6:12 text_too_long"});
}

TEST_CASE("Nothing is not a value") {
  CHECK(errors("policy:\nrules:\n") == Errors{"1:1 missing_value", "2:1 missing_value"});
  CHECK(errors(rule_source("id: ~\ntitle: A\nowner: o\nfile: {path: /a, mode: 600}")) ==
        Errors{"3:5 missing_value"});
}

TEST_CASE("Lists and maps in the place of text are named as what they are") {
  CHECK(only_error(rule_source(head + "rationale: [a]\nfile: {path: /a, mode: 600}")) ==
        "web.yaml:6:16: a list; expected text of at most 4096 bytes [wrong_type]");
  CHECK(resource_errors("file: /etc/shadow") == Errors{"6:11 wrong_type"});
  CHECK(errors(rule_source(head + "controls: CIS 1\nfile: {path: /a, mode: 600}")) ==
        Errors{"6:15 wrong_type"});
}

TEST_CASE("Controls are texts as written, so many and no more") {
  const auto outcome = fixture::compile(
      rule_source(head + "controls: [6.10, \"CIS 7.1.5\", AC-6(1)]\nfile: {path: /a, mode: 600}"));
  REQUIRE(outcome.bundle.has_value());
  CHECK(outcome.bundle->rules[0].controls ==
        std::vector<std::string>{"6.10", "CIS 7.1.5", "AC-6(1)"});
  std::string many = "controls: [";
  for (std::size_t i = 0; i <= limits::rule_controls_max; ++i) many += "a,";
  CHECK(errors(rule_source(head + many + "]\nfile: {path: /a, mode: 600}")) ==
        Errors{"6:15 too_many_items"});
}

TEST_CASE("Breaker figures have bounds and known names") {
  CHECK(errors(rule_source(head + "breaker: {rule_share_percent: 101, fixes_per_hour: 0}\n"
                                  "file: {path: /a, mode: 600}")) ==
        Errors{"6:35 bad_value", "6:56 bad_value"});
  CHECK(errors(rule_source(head + "breaker: {fixes_per_day: 1}\nfile: {path: /a, mode: 600}")) ==
        Errors{"6:15 unknown_key"});
}

TEST_CASE("All errors of a file are told in one run, in the order of their positions") {
  CHECK(errors("policy: my policy\n"
               "colour: red\n"
               "defaults: {severity: urgent}\n"
               "rules:\n"
               "  - id: a\n"
               "    titel: A\n"
               "    mode: enforced\n"
               "    file: {path: etc/passwd, mode: 0999}\n"
               "  - id: a\n"
               "    title: B\n"
               "    owner: ops\n"
               "  - just text\n") ==
        Errors{"1:9 bad_value", "2:1 unknown_key", "3:22 unknown_choice", "5:5 missing_owner",
               "6:5 unknown_key", "7:11 unknown_choice", "8:18 bad_value", "8:36 bad_value",
               "9:5 no_resource", "9:9 duplicate_rule", "12:5 wrong_type"});
}

TEST_CASE("Errors beyond all measure end with one that says so") {
  std::string source = "policy: web\nrules:\n";
  for (std::size_t i = 0; i < limits::policy_errors_max + 10; ++i) source += "- x\n";
  const auto found = fixture::compile(source).errors;
  REQUIRE(found.size() == limits::policy_errors_max + 1);
  CHECK(found.back().name == "too_many_errors");
}

TEST_CASE("More rules than a bundle may hold are refused at the list") {
  std::string source = "policy: web\nrules: [";
  for (std::size_t i = 0; i <= limits::bundle_rules_max; ++i) source += "x,";
  CHECK(errors(source + "]\n") == Errors{"2:8 too_many_rules"});
}
