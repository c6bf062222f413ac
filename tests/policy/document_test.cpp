// What we tell users and ship to them is linted, compiled and judged by the schema like theirs.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "controller/policy/schema.h"
#include "tests/policy/policy_fixture.h"
#include "tests/policy/schema_judge.h"

using namespace reeve;

namespace {

// What stands between "```yaml" and "```", each piece with the line that it begins in.
std::vector<SourceFile> yaml_blocks(const std::string& path) {
  std::vector<SourceFile> out;
  const std::string text = fixture::read_source_file(path);
  std::size_t at = 0;
  while ((at = text.find("\n```yaml\n", at)) != std::string::npos) {
    const auto start = at + 9;
    const auto end = text.find("\n```", start);
    REQUIRE(end != std::string::npos);
    const auto line =
        std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(start), '\n');
    out.push_back({fmt::format("{} (block in line {})", path, line + 1),
                   text.substr(start, end + 1 - start)});
    at = end;
  }
  return out;
}

void check_good(const SourceFile& file) {
  const auto outcome = compile_policy({file});
  for (const SourceError& error : outcome.errors) FAIL_CHECK(describe(error));
  CHECK_MESSAGE(outcome.bundle.has_value(), file.name);
  CHECK_MESSAGE(fixture::schema_accepts(policy_schema(), file.content), file.name);
}

void check_help(const std::string& manual, const KeySpec& section) {
  for (const KeySpec& key : section.keys) {
    CHECK_MESSAGE(manual.find(key.help) != std::string::npos, key.name, ": ", key.help);
    check_help(manual, key);
  }
}

void collect_keys(const KeySpec& section, std::set<std::string>& out) {
  for (const KeySpec& key : section.keys) {
    out.insert(key.name);
    collect_keys(key, out);
  }
}

}  // namespace

TEST_CASE("Every YAML block of the manual and of the README compiles and fits the schema") {
  const auto manual = yaml_blocks("docs/policy.md");
  CHECK(manual.size() >= 4);
  for (const SourceFile& block : manual) check_good(block);
  for (const SourceFile& block : yaml_blocks("README.md")) check_good(block);
}

TEST_CASE("Every key of the format has its row in the manual, a kind's its help") {
  const std::string manual = fixture::read_source_file("docs/policy.md");
  std::set<std::string> keys;
  const KeySpec format = policy_format(embedded_kinds());
  collect_keys(format, keys);
  for (const std::string& key : keys) {
    CHECK_MESSAGE(manual.find(fmt::format("\n| `{}` |", key)) != std::string::npos, key);
  }
  for (const KeySpec& kind : embedded_kinds()) {
    CHECK_MESSAGE(manual.find(fmt::format("`{}`", kind.name)) != std::string::npos, kind.name);
    check_help(manual, kind);
  }
}

namespace {

std::vector<Rule> shipped_rules(const std::string& name) {
  const SourceFile file{name, fixture::read_source_file("policies/" + name)};
  check_good(file);
  const auto outcome = compile_policy({file});
  REQUIRE(outcome.bundle.has_value());
  for (const Rule& rule : outcome.bundle->rules) {
    CHECK_MESSAGE(!rule.controls.empty(), rule.id);
    CHECK_MESSAGE(!rule.rationale.empty(), rule.id);
  }
  return outcome.bundle->rules;
}

// Default drop, and listeners that are closed unless a list names them: both end what they forget.
bool could_cut_off(const Rule& rule) {
  if (rule.fields.find("inbound") != nullptr) return true;
  const Value* allow = rule.fields.find("allow");
  return allow != nullptr && !allow->array()->empty();
}

}  // namespace

TEST_CASE("The policies after CIS compile, fit the schema, name a control and only report") {
  for (const char* name : {"debian-12-accounts.yaml", "debian-12-cron.yaml", "debian-12-ssh.yaml",
                           "debian-12-system.yaml"}) {
    for (const Rule& rule : shipped_rules(name)) CHECK_MESSAGE(rule.mode == Mode::audit, rule.id);
  }
}

TEST_CASE("The baseline and each role have rules of every kind, and enforce none that cuts off") {
  for (const char* name :
       {"baseline.yaml", "web-server.yaml", "database-host.yaml", "bastion.yaml"}) {
    std::set<std::string> kinds;
    for (const Rule& rule : shipped_rules(name)) {
      kinds.insert(rule.kind);
      CHECK_MESSAGE((rule.mode == Mode::audit || !could_cut_off(rule)), rule.id);
    }
    const std::set<std::string> every = {"file", "firewall", "port"};
    CHECK_MESSAGE(kinds == every, name);
  }
}
