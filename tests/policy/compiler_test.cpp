#include "controller/policy/compiler.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "common/limits.h"
#include "controller/policy/bundle_diff.h"
#include "tests/golden.h"
#include "tests/policy/policy_fixture.h"

using namespace reeve;
using fixture::rule_source;

namespace {

std::string one_rule(std::string_view policy, std::string_view id) {
  return fmt::format(
      "policy: {}\nrules:\n  - {{id: {}, title: T, owner: ops, file: {{path: /a, mode: 600}}}}\n",
      policy, id);
}

CompileOutcome compile_two(const std::string& first, const std::string& second) {
  return compile_policy({{"one.yaml", first}, {"two.yaml", second}}, fixture::kinds());
}

}  // namespace

TEST_CASE("Silence means medium, audit, the documented breaker, plain intent, digests only") {
  const auto outcome = fixture::compile(one_rule("web", "a"));
  REQUIRE(outcome.bundle.has_value());
  const Rule& rule = outcome.bundle->rules.at(0);
  CHECK(rule.severity == Severity::medium);
  CHECK(rule.mode == Mode::audit);
  CHECK(rule.breaker == Breaker{});
  CHECK_FALSE(rule.durable_intent);
  CHECK_FALSE(rule.show_content);
  CHECK_FALSE(rule.keep_content);
  CHECK(rule.owner_pause_minutes == 60);
  CHECK(rule.kind == "file");
  CHECK(rule.fields == Value(Value::Map{{"path", "/a"}, {"mode", "0600"}}));
}

TEST_CASE("Every key of a rule gets into the bundle") {
  const auto outcome = fixture::compile(rule_source(
      "id: ssh.keys\ntitle: Host keys are secret\nseverity: critical\nowner: platform\n"
      "controls: [CIS 5.1.2]\nmode: enforce\nrationale: They prove who we are.\n"
      "breaker: {fixes_first_minute: 1, fixes_per_hour: 2, ceiling_per_second: 3,\n"
      "  agent_fixes_per_minute: 4, rule_share_percent: 5}\n"
      "intent: durable\nshow_content: true\nkeep_content: true\nowner_pause_minutes: 30\n"
      "file: {mode: 600, glob: /etc/ssh/*_key, owner: 0}"));
  REQUIRE(outcome.bundle.has_value());
  CHECK(outcome.bundle->policy == "web");
  CHECK(outcome.bundle->rules.at(0) ==
        Rule{.id = "ssh.keys",
             .title = "Host keys are secret",
             .severity = Severity::critical,
             .owner = "platform",
             .controls = {"CIS 5.1.2"},
             .mode = Mode::enforce,
             .rationale = "They prove who we are.",
             .breaker = {1, 2, 3, 4, 5},
             .durable_intent = true,
             .show_content = true,
             .keep_content = true,
             .owner_pause_minutes = 30,
             .kind = "file",
             .fields =
                 Value(Value::Map{{"glob", "/etc/ssh/*_key"}, {"owner", "0"}, {"mode", "0600"}})});
}

TEST_CASE("A host's owner may pause a critical rule only where policy says so") {
  const auto minutes = [](std::string_view defaults, std::string_view rule) {
    const auto outcome = fixture::compile(
        fmt::format("policy: web\ndefaults: {{owner: ops{}}}\n"
                    "rules:\n  - {{id: a, title: A, file: {{path: /a, mode: 600}}{}}}\n",
                    defaults, rule));
    REQUIRE(outcome.bundle.has_value());
    return outcome.bundle->rules.at(0).owner_pause_minutes;
  };
  CHECK(minutes("", ", severity: high") == 60);
  CHECK(minutes("", ", severity: critical") == 0);
  CHECK(minutes(", owner_pause_minutes: 5", ", severity: critical") == 5);
  CHECK(minutes(", owner_pause_minutes: 5", ", owner_pause_minutes: 0") == 0);
}

TEST_CASE("Defaults fill what a rule is silent about, figure by figure") {
  const auto outcome = fixture::compile(
      "policy: web\n"
      "defaults: {owner: ops, severity: high, mode: enforce, breaker: {fixes_per_hour: 7,\n"
      "  ceiling_per_second: 2}}\n"
      "rules:\n"
      "  - {id: a, title: A, file: {path: /a, mode: 600}}\n"
      "  - {id: b, title: B, owner: b, severity: low, mode: audit, breaker: {fixes_per_hour: 9},\n"
      "     file: {path: /b, mode: 600}}\n");
  REQUIRE(outcome.bundle.has_value());
  const Rule& silent = outcome.bundle->rules.at(0);
  CHECK(silent.owner == "ops");
  CHECK(silent.severity == Severity::high);
  CHECK(silent.mode == Mode::enforce);
  CHECK(silent.breaker == Breaker{.fixes_per_hour = 7, .ceiling_per_second = 2});
  const Rule& loud = outcome.bundle->rules.at(1);
  CHECK(loud.owner == "b");
  CHECK(loud.severity == Severity::low);
  CHECK(loud.mode == Mode::audit);
  CHECK(loud.breaker == Breaker{.fixes_per_hour = 9, .ceiling_per_second = 2});
}

TEST_CASE("The order of keys, comments, quotes and file names do not show in the bytes") {
  const auto first = compile_policy(
      {{"a.yaml", rule_source("id: a\ntitle: A\nowner: o\nfile: {path: /a, mode: 0600}")}},
      fixture::kinds());
  const auto second = compile_policy({{"/elsewhere/b.yml",
                                       "rules:\n# why\n- file:\n    mode: '600'\n    path: \"/a\"\n"
                                       "  owner: o\n  title: A\n  id: a\npolicy: web\n"}},
                                     fixture::kinds());
  REQUIRE(first.bundle.has_value());
  REQUIRE(second.bundle.has_value());
  CHECK(encode_bundle(*first.bundle) == encode_bundle(*second.bundle));
}

TEST_CASE("The sample policy compiles to the golden bundle") {
  const auto outcome = compile_policy(
      {{"sample.yaml", fixture::read_source_file("tests/golden/sample_policy.yaml")}},
      fixture::kinds());
  REQUIRE(outcome.errors.empty());
  check_golden("sample_policy.bin", encode_bundle(*outcome.bundle));
  CHECK(*decode_bundle(golden("sample_policy.bin")) == *outcome.bundle);
}

TEST_CASE("Files of one policy are joined in the order given") {
  const auto outcome = compile_two(one_rule("web", "z"), one_rule("web", "a"));
  REQUIRE(outcome.bundle.has_value());
  REQUIRE(outcome.bundle->rules.size() == 2);
  CHECK(outcome.bundle->rules[0].id == "z");
  CHECK(outcome.bundle->rules[1].id == "a");
}

TEST_CASE("One id in two files is refused at the second and names the first") {
  const auto errors = compile_two(one_rule("web", "a"), one_rule("web", "a")).errors;
  REQUIRE(errors.size() == 1);
  CHECK(describe(errors[0]) ==
        "two.yaml:3:10: rule \"a\" a second time; expected another id; one.yaml:3 has this one "
        "[duplicate_rule]");
}

TEST_CASE("Files of two policies do not make one bundle, but are linted side by side") {
  const auto errors = compile_two(one_rule("web", "a"), one_rule("mail", "a")).errors;
  REQUIRE(errors.size() == 1);
  CHECK(describe(errors[0]) ==
        "two.yaml:1:9: policy \"mail\"; expected \"web\", as in one.yaml: one bundle holds one "
        "policy [policy_mismatch]");
  const auto linted = lint_policies(
      {{"one.yaml", one_rule("web", "a")}, {"two.yaml", one_rule("mail", "a")}}, fixture::kinds());
  REQUIRE(linted.size() == 2);
  CHECK(linted[0].errors.empty());
  CHECK(linted[1].errors.empty());
  CHECK(linted[1].policy == "mail");
  CHECK(linted[1].rules == 1);
}

TEST_CASE("Errors of all files are told in one run") {
  const auto errors = compile_two("policy: web\n", "rules: {}\n").errors;
  REQUIRE(errors.size() == 3);
  CHECK(errors[0].file == "one.yaml");
  CHECK(errors[1].file == "two.yaml");
}

TEST_CASE("No file is an error and no bundle") {
  const auto outcome = compile_policy({}, fixture::kinds());
  CHECK_FALSE(outcome.bundle.has_value());
  REQUIRE(outcome.errors.size() == 1);
  CHECK(outcome.errors[0].name == "no_source");
}

TEST_CASE("Two files with more rules than a bundle may hold are refused at the first too many") {
  const auto many = [](char prefix, std::size_t count) {
    std::string source = "policy: web\ndefaults: {owner: o}\nrules:\n";
    for (std::size_t i = 0; i < count; ++i) {
      source += fmt::format("- {{id: {}{}, title: T, file: {{path: /a, mode: 600}}}}\n", prefix, i);
    }
    return source;
  };
  const auto fits = compile_two(many('a', limits::bundle_rules_max - 1), many('b', 1));
  CHECK(fits.bundle.has_value());
  const auto errors = compile_two(many('a', limits::bundle_rules_max), many('b', 2)).errors;
  REQUIRE(errors.size() == 1);
  CHECK(errors[0].file == "two.yaml");
  CHECK(errors[0].at == Position{4, 8});
  CHECK(errors[0].name == "too_many_rules");
}

TEST_CASE("An error as JSON is one valid line whatever the file is called") {
  const SourceError error{.file = "a\"\n.yaml",
                          .at = {3, 5},
                          .name = "bad_value",
                          .found = "\"x\"",
                          .expected = "y",
                          .suggestion = "z"};
  CHECK(to_json_line(error) ==
        "{\"file\":\"a\\\"\\n.yaml\",\"line\":3,\"column\":5,\"name\":\"bad_value\",\"found\":"
        "\"\\\"x\\\"\",\"expected\":\"y\",\"did_you_mean\":\"z\"}");
  CHECK(describe(error).find('\n') == std::string::npos);
}

TEST_CASE("Kinds that the build hands over wrongly are refused by name") {
  CHECK(parse_kinds("not json").error().name == "malformed_kinds");
  CHECK(parse_kinds(R"([{"name": "x", "fields": [{"name": "y", "type": "z"}]}])").error().name ==
        "malformed_kinds");
  CHECK(embedded_kinds().size() >= 1);
}

TEST_CASE("A diff tells added, removed and changed rules, field by field") {
  const auto old_bundle = fixture::compile(
      "policy: web\ndefaults: {owner: o}\nrules:\n"
      "- {id: gone, title: G, file: {path: /g, mode: 600}}\n"
      "- {id: kept, title: K, file: {path: /k, mode: 600}}\n"
      "- {id: moved, title: M, file: {path: /m, mode: 640, owner: root}}\n");
  const auto new_bundle = fixture::compile(
      "policy: web\ndefaults: {owner: o}\nrules:\n"
      "- {id: moved, title: M, mode: enforce, file: {path: /m, mode: 600, group: root}}\n"
      "- {id: kept, title: K, file: {path: /k, mode: 600}}\n"
      "- {id: fresh, title: F, port: {protocol: tcp, port: 22}}\n");
  REQUIRE(old_bundle.bundle.has_value());
  REQUIRE(new_bundle.bundle.has_value());
  const BundleDiff diff = diff_bundles(*old_bundle.bundle, *new_bundle.bundle);
  CHECK(diff.unchanged == 1);
  CHECK(diff.rules == std::vector<RuleChange>{{RuleChangeKind::removed, "gone", "G", {}},
                                              {RuleChangeKind::changed,
                                               "moved",
                                               "M",
                                               {{"mode", "audit", "enforce"},
                                                {"file.owner", "root", ""},
                                                {"file.mode", "0640", "0600"},
                                                {"file.group", "", "root"}}},
                                              {RuleChangeKind::added, "fresh", "F", {}}});
}

TEST_CASE("A diff shows lists and rows in one line") {
  const auto wall = [](std::string_view fields) {
    return fixture::compile(
        rule_source(fmt::format("id: a\ntitle: A\nowner: o\nwall: {{{}}}", fields)));
  };
  const auto before = wall("allow: [{protocol: tcp, ports: 22}], names: a");
  const auto after = wall("allow: [{protocol: tcp, ports: [22, 80-90]}], names: [a, b]");
  const BundleDiff diff = diff_bundles(*before.bundle, *after.bundle);
  REQUIRE(diff.rules.size() == 1);
  CHECK(diff.rules[0].fields ==
        std::vector<FieldChange>{{"wall.allow", "[{protocol: tcp, ports: [22]}]",
                                  "[{protocol: tcp, ports: [22, 80-90]}]"},
                                 {"wall.names", "[a]", "[a, b]"}});
}

TEST_CASE("A diff of a bundle with itself is empty") {
  const auto outcome = fixture::compile(one_rule("web", "a"));
  const BundleDiff diff = diff_bundles(*outcome.bundle, *outcome.bundle);
  CHECK(diff.rules.empty());
  CHECK(diff.unchanged == 1);
}

TEST_CASE("A rule that changes its kind shows all fields of both") {
  const auto file = fixture::compile(one_rule("web", "a"));
  const auto port =
      fixture::compile(rule_source("id: a\ntitle: T\nowner: ops\nport: {protocol: tcp, port: 22}"));
  const BundleDiff diff = diff_bundles(*file.bundle, *port.bundle);
  REQUIRE(diff.rules.size() == 1);
  CHECK(diff.rules[0].fields == std::vector<FieldChange>{{"file.path", "/a", ""},
                                                         {"file.mode", "0600", ""},
                                                         {"port.protocol", "", "tcp"},
                                                         {"port.port", "", "22"}});
}
