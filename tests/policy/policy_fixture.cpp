#include "tests/policy/policy_fixture.h"

#include <fmt/format.h>

#include <cstdio>
#include <memory>

namespace reeve::fixture {
namespace {

constexpr std::string_view kinds_json = R"([
 {"name": "file", "summary": "Files.", "fields": [
   {"name": "path", "type": "path", "required": false, "help": "One file."},
   {"name": "glob", "type": "pattern", "required": false, "help": "Many files."},
   {"name": "owner", "type": "user", "required": false, "help": "Its owner."},
   {"name": "group", "type": "group", "required": false, "help": "Its group."},
   {"name": "mode", "type": "mode", "required": false, "help": "Exactly these bits."},
   {"name": "mode_at_most", "type": "mode", "required": false, "help": "No other bits."},
   {"name": "type", "type": "choice", "required": false, "help": "What it is.",
    "choices": ["file", "directory", "link"]},
   {"name": "absent", "type": "boolean", "required": false, "help": "Must not exist."}],
  "groups": [
   {"fields": ["path", "glob"], "at_most_one": true, "at_least_one": true},
   {"fields": ["mode", "mode_at_most"], "at_most_one": true, "at_least_one": false},
   {"fields": ["owner", "group", "mode", "mode_at_most", "type", "absent"],
    "at_most_one": false, "at_least_one": true}]},
 {"name": "port", "summary": "Listeners.", "fields": [
   {"name": "protocol", "type": "choice", "required": true, "help": "Which.",
    "choices": ["tcp", "udp"]},
   {"name": "port", "type": "number", "required": true, "help": "Where.", "min": 1, "max": 65535},
   {"name": "note", "type": "text", "required": false, "help": "Why."}],
  "groups": []},
 {"name": "wall", "summary": "Everything that is a list or long.", "fields": [
   {"name": "allow", "type": "rows", "help": "What may pass.", "min": 1, "max": 3, "columns": [
     {"name": "protocol", "type": "choice", "required": true, "help": "Which.",
      "choices": ["tcp", "udp"]},
     {"name": "ports", "type": "ports", "required": true, "help": "Where.", "min": 1,
      "many": true},
     {"name": "from", "type": "network", "help": "Whence.", "many": true}]},
   {"name": "deny", "type": "rows", "help": "What may not.", "columns": [
     {"name": "ports", "type": "ports", "help": "Where."}]},
   {"name": "networks", "type": "network", "help": "Two or more.", "min": 2, "many": true},
   {"name": "names", "type": "text", "help": "As many as you like.", "many": true},
   {"name": "protocols", "type": "choice", "help": "Some.", "many": true,
    "choices": ["tcp", "udp"]},
   {"name": "body", "type": "body", "help": "Long text."},
   {"name": "sha256", "type": "digest", "help": "A digest."}],
  "groups": [{"fields": ["body", "sha256"], "at_most_one": true, "at_least_one": false}]}
])";

}  // namespace

std::vector<KeySpec> kinds() {
  auto parsed = parse_kinds(kinds_json);
  REQUIRE(parsed.ok());
  return *parsed;
}

std::string rule_source(std::string_view rule_lines) {
  std::string out = "policy: web\nrules:\n";
  bool is_first = true;
  while (!rule_lines.empty()) {
    const auto end = std::min(rule_lines.find('\n'), rule_lines.size());
    out += fmt::format("{}{}\n", is_first ? "  - " : "    ", rule_lines.substr(0, end));
    rule_lines.remove_prefix(std::min(end + 1, rule_lines.size()));
    is_first = false;
  }
  return out;
}

CompileOutcome compile(std::string_view source) {
  return compile_policy({{"web.yaml", std::string(source)}}, kinds());
}

std::vector<std::string> errors(std::string_view source) {
  std::vector<std::string> out;
  for (const SourceError& error : compile(source).errors) {
    out.push_back(fmt::format("{}:{} {}", error.at.line, error.at.column, error.name));
  }
  return out;
}

std::string only_error(std::string_view source) {
  const auto outcome = compile(source);
  REQUIRE(outcome.errors.size() == 1);
  return describe(outcome.errors[0]);
}

std::string read_source_file(std::string_view path) {
  const std::string full = fmt::format("{}/{}", REEVE_SOURCE_ROOT, path);
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(full.c_str(), "rbe"),
                                                             std::fclose);
  REQUIRE_MESSAGE(file != nullptr, full);
  std::string out;
  for (int byte = std::fgetc(file.get()); byte != EOF; byte = std::fgetc(file.get())) {
    out += static_cast<char>(byte);
  }
  return out;
}

}  // namespace reeve::fixture
