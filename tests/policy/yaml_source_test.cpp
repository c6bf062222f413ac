#include "controller/policy/yaml_source.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "controller/policy/source_limits.h"
#include "tests/policy/policy_fixture.h"

using namespace reeve;
using fixture::errors;
using fixture::only_error;
using Errors = std::vector<std::string>;

namespace {

const std::string good_rule =
    "id: a\ntitle: A\nowner: ops\nfile: {path: /etc/shadow, mode: \"0640\"}";

std::string repeated(std::string_view text, std::size_t times) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i) out += text;
  return out;
}

// Each anchor is a list of ten of the one before.
std::string billion_laughs() {
  std::string out = "policy: web\nrules: []\nl0: &l0 lol\n";
  for (int level = 1; level < 10; ++level) {
    out += fmt::format("l{}: &l{} [", level, level);
    for (int i = 0; i < 10; ++i) out += fmt::format("{}*l{}", i == 0 ? "" : ", ", level - 1);
    out += "]\n";
  }
  return out;
}

}  // namespace

TEST_CASE("Aliases that explode are refused where the bomb goes off") {
  const auto outcome = fixture::compile(billion_laughs());
  CHECK_FALSE(outcome.bundle.has_value());
  REQUIRE(outcome.errors.size() == 1);
  CHECK(outcome.errors[0].name == "alias_bomb");
  // l6 weighs 1,111,111 and ten of l5 are in it; the eighth l6 of l7 is beyond two million.
  CHECK(outcome.errors[0].at.line == 10);
}

TEST_CASE("An alias of text is as good as the text") {
  const auto outcome = fixture::compile(
      "policy: web\nrules:\n"
      "- {id: a, title: &t Same, owner: ops, file: &f {path: /a, mode: 0600}}\n"
      "- {id: b, title: *t, owner: ops, file: *f}\n");
  REQUIRE(outcome.bundle.has_value());
  CHECK(outcome.bundle->rules[1].title == "Same");
  CHECK(outcome.bundle->rules[1].fields == outcome.bundle->rules[0].fields);
}

TEST_CASE("An alias inside of its own anchor is refused") {
  CHECK(errors("policy: web\nrules: &r [*r]\n") == Errors{"2:12 recursive_alias"});
}

TEST_CASE("An alias without an anchor is refused where it stands") {
  CHECK(errors("policy: *nowhere\nrules: []\n") == Errors{"1:9 yaml_syntax"});
}

TEST_CASE("Deep nesting is refused at the level that is too deep") {
  CHECK(errors(repeated("[", 64) + repeated("]", 64)) == Errors{"1:1 wrong_type"});
  CHECK(errors(repeated("[", 65) + repeated("]", 65)) == Errors{"1:65 nesting_too_deep"});
  CHECK(errors(repeated("- ", 100)) == Errors{"1:129 nesting_too_deep"});
  CHECK(errors(repeated("{a: ", 65) + repeated("}", 65)) == Errors{"1:257 nesting_too_deep"});
  CHECK(errors(repeated("{a: ", 8'000)).size() == 1);
  CHECK(errors(repeated("? ", 8'000)).size() == 1);
}

TEST_CASE("Eight megabytes of brackets are refused before the parser holds them") {
  CHECK(errors(repeated("[", limits::policy_source_bytes_max)) ==
        Errors{"1:500001 too_many_nodes"});
  CHECK(errors("a: {b: c,\n" + repeated("{", limits::yaml_flow_marks_max)) ==
        Errors{"2:499999 too_many_nodes"});
}

TEST_CASE("More values than a tree may have are refused") {
  CHECK(errors(repeated("-\n", limits::yaml_nodes_max + 1)) == Errors{"2000001:1 too_many_nodes"});
}

TEST_CASE("A file of fifty megabytes is refused at its first byte without being parsed") {
  CHECK(errors(std::string(50'000'000, '[')) == Errors{"1:1 source_too_large"});
}

TEST_CASE("What is not UTF-8 is refused at its first bad byte") {
  CHECK(errors("policy: web\n# \xC3\xA4 \xFF\n") == Errors{"2:5 not_utf8"});
  CHECK(errors("\x7F\x45LF\x02\x01\xFE") == Errors{"1:7 not_utf8"});
  CHECK(errors(std::string("\xFF\xFEp\0", 4)) == Errors{"1:1 not_utf8"});
}

TEST_CASE("Control characters are refused where they stand") {
  CHECK(errors(std::string("policy: w\0b\n", 12)) == Errors{"1:10 control_character"});
  CHECK(errors("policy: web\n\x1B[2J\n") == Errors{"2:1 control_character"});
  CHECK(errors("policy: web\rrules: []\n") == Errors{"1:12 control_character"});
}

TEST_CASE("Byte order mark and carriage returns before line feeds change nothing") {
  const std::string plain = fixture::rule_source(good_rule);
  std::string windows = "\xEF\xBB\xBF";
  for (char c : plain) windows += c == '\n' ? std::string("\r\n") : std::string(1, c);
  const auto expected = fixture::compile(plain);
  REQUIRE(expected.bundle.has_value());
  CHECK(fixture::compile(windows).bundle == expected.bundle);
}

TEST_CASE("Positions behind a byte order mark and carriage returns are exact") {
  CHECK(errors("\xEF\xBB\xBFpolicie: web\r\nrules: []\r\n") ==
        Errors{"1:1 unknown_key", "2:8 empty_list"});
}

TEST_CASE("Columns count characters and not bytes") {
  CHECK(errors("policy: web\nrules: [{id: \"\xC3\xA4\xE2\x82\xAC\", titel: x}]\n") ==
        Errors{"2:9 missing_owner", "2:14 bad_value", "2:20 unknown_key"});
}

TEST_CASE("A tab as indentation is refused with what belongs there") {
  const auto error = only_error("policy: web\nrules:\n\t- id: a\n");
  CHECK(error ==
        "web.yaml:3:2: not valid YAML: illegal block entry; expected spaces for indentation "
        "[yaml_syntax]");
}

TEST_CASE("A duplicate key is refused at the second and names the line of the first") {
  CHECK(only_error(fixture::rule_source(good_rule + "\ntitle: B")) ==
        "web.yaml:7:5: key \"title\" a second time; expected it once; it stands in line 4 already "
        "[duplicate_key]");
}

TEST_CASE("A second document is refused where it begins") {
  const auto found = errors(fixture::rule_source(good_rule) + "---\npolicy: other\n");
  CHECK(found == Errors{"7:1 second_document"});
}

TEST_CASE("Document marks round the one document are allowed") {
  const auto outcome = fixture::compile("---\n" + fixture::rule_source(good_rule) + "...\n");
  CHECK(outcome.bundle.has_value());
}

TEST_CASE("A file without content is refused at 1:1") {
  CHECK(errors("") == Errors{"1:1 empty_source"});
  CHECK(errors("\n# only a comment\n") == Errors{"1:1 empty_source"});
  CHECK(errors("\xEF\xBB\xBF") == Errors{"1:1 empty_source"});
}

TEST_CASE("A document that is no map is refused") {
  CHECK(errors("just text\n") == Errors{"1:1 wrong_type"});
  CHECK(errors("- a\n- b\n") == Errors{"1:1 wrong_type"});
  CHECK(errors("---\n...\n").size() == 1);
}

TEST_CASE("Keys that are not text and tags are refused, and the rest is still read") {
  CHECK(errors("policy: web\nrules: []\n? [a]\n: b\n") ==
        Errors{"2:8 empty_list", "3:3 key_not_text"});
  CHECK(errors("policy: !secret web\nrules: []\n") == Errors{"1:9 yaml_tag", "2:8 empty_list"});
}

TEST_CASE("Syntax errors have the position of the parser and an expectation") {
  CHECK(only_error("policy: web\nrules: [\n") ==
        "web.yaml:3:1: not valid YAML: end of sequence flow not found; expected a \"]\" that "
        "closes the list, and \",\" between items [yaml_syntax]");
  CHECK(errors("policy: a: b\n") == Errors{"1:10 yaml_syntax"});
}

TEST_CASE("A file that is cut off inside of quotes is refused at the quote") {
  CHECK(errors("policy: \"web\n") == Errors{"1:9 yaml_syntax"});
  CHECK(errors("policy: 'it''s\n") == Errors{"1:9 yaml_syntax"});
  CHECK(errors("policy: \"web\\\"\n") == Errors{"1:9 yaml_syntax"});
  CHECK(errors("policy: web\ndescription: 'it''s'\nrules: []") == Errors{"3:8 empty_list"});
  CHECK(errors("rules: []\ndescription: \"\\\"\"\npolicy: \"w\"") == Errors{"1:8 empty_list"});
}
