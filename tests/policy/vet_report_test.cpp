#include "controller/policy/vet_report.h"

#include <doctest/doctest.h>

#include "tests/policy/policy_fixture.h"

using namespace reeve;

namespace {

constexpr std::string_view report =
    R"({"rule":"a","verdict":"refused","error":"ruleset_refused","detail":"line 2: no"}
{"rule":"b","verdict":"untried","error":"scratch_failed","detail":"no namespace"}
)";

}  // namespace

TEST_CASE("A report of the kinds is read line by line") {
  CHECK(parse_verdicts("")->empty());
  CHECK(*parse_verdicts(report) ==
        std::vector<Verdict>{{"a", true, "ruleset_refused", "line 2: no"},
                             {"b", false, "scratch_failed", "no namespace"}});
}

TEST_CASE("A report that is none is refused by name") {
  for (const char* lines :
       {"\n", "[]", "{}", "x", "{\"rule\":1}", "{\"rule\":\"a\",\"verdict\":\"refused\"}"}) {
    const auto verdicts = parse_verdicts(lines);
    REQUIRE_MESSAGE(!verdicts.ok(), lines);
    CHECK(verdicts.error().name == "vet_failed");
  }
}

TEST_CASE("A refused rule is an error at its id in its file, in characters") {
  const std::vector<SourceFile> files = {
      {"one.yaml",
       "policy: web\ndefaults: {owner: o}\nrules:\n"
       "  - {id: b, title: B, file: {path: /b, mode: 600}}\n"},
      {"two.yaml",
       "policy: web\ndefaults: {owner: o}\nrules:\n"
       "  - {title: \xC3\xBC, id: a, file: {path: /a, mode: 600}}\n"}};
  const auto outcome = compile_policy(files, fixture::kinds());
  REQUIRE(outcome.bundle.has_value());
  const auto errors = errors_of_verdicts(files, outcome, *parse_verdicts(report));
  REQUIRE(errors.size() == 2);
  CHECK(errors[0].empty());
  REQUIRE(errors[1].size() == 1);
  CHECK(describe(errors[1][0]) ==
        "two.yaml:4:20: line 2: no; expected a rule that its kind accepts [ruleset_refused]");
}

TEST_CASE("A verdict about a rule that nobody wrote is left out") {
  const std::vector<SourceFile> files = {
      {"one.yaml",
       "policy: web\nrules: [{id: c, title: C, owner: o, file: {path: /b, mode: 600}}]\n"}};
  const auto outcome = compile_policy(files, fixture::kinds());
  REQUIRE(outcome.bundle.has_value());
  const auto errors = errors_of_verdicts(files, outcome, *parse_verdicts(report));
  REQUIRE(errors.size() == 1);
  CHECK(errors[0].empty());
}
