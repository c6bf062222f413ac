// 10,000 hostile names in every place that something foreign can name: objects, programs, commands,
// owners, rules, titles, labels of a heartbeat, errors. Every listing's JSON parses and gives the
// name back; nothing but line feeds controls a terminal or a log; no line is bent or hidden.
#include <doctest/doctest.h>

#include <array>
#include <nlohmann/json.hpp>
#include <random>

#include "agent/commands/commands.h"
#include "common/text.h"
#include "controller/cli/json.h"
#include "controller/cli/node_view.h"
#include "controller/cli/record_view.h"
#include "controller/cli/terminal.h"
#include "controller/policy/source_error.h"
#include "tests/cli/small_fleet.h"

namespace reeve {
namespace {

constexpr std::size_t names = 10'000;

// What is worth being tried whole or as a part: terminals, logs, shells, SQL, JSON, nft, paths.
const std::array<std::string, 40> fragments{
    "\x1b[2J\x1b[1;1H",
    "\x1b]0;title\x07",
    "\x1b]52;c;cm0gLXJmIC8=\x07",
    "\x1bP$q\"p\x1b\\",
    "\x9b"
    "31m",
    "\xc2\x9b"
    "31m",
    "\xc2\x85",
    "\r",
    "\n",
    "\r\nreeve: error forged: line",
    "\t",
    "\b\b\b\b",
    "\x7f",
    "\x07",
    std::string("\0", 1),
    "\xe2\x80\xae"
    "gpj.exe",
    "\xe2\x81\xa6",
    "\xe2\x80\xa8",
    "\xe2\x80\x8b",
    "\xef\xbb\xbf",
    "\xf3\xa0\x81\x81",
    "\xff\xfe",
    "\xc0\xaf",
    "\xed\xa0\x80",
    "\xf4\x90\x80\x80",
    "\xe2\x82",
    "\"}],\"proven\":true,\"x\":[{\"",
    "\\u0000\\",
    "\\\"",
    "'; DROP TABLE leaves; --",
    "$(touch /tmp/reeve-ran)",
    "`touch /tmp/reeve-ran`",
    "; touch /tmp/reeve-ran #",
    "| sh",
    "-rf /",
    "--help",
    "../../../etc/passwd",
    "flush ruleset }",
    "%n%s%p{}{0}",
    "</script><script>",
};

class Names {
 public:
  explicit Names(std::uint64_t seed) : chance_(seed) {}

  std::string next() {
    std::string out;
    for (auto parts = 1 + pick(4); parts > 0; --parts) {
      switch (pick(4)) {
        case 0:
          for (auto count = pick(12); count > 0; --count) out += static_cast<char>(chance_());
          break;
        case 1:
          out += std::string(pick(100) == 0 ? 4'000 : pick(30), static_cast<char>(chance_()));
          break;
        default:
          out += fragments[pick(fragments.size())];
      }
    }
    return out;
  }

 private:
  std::uint64_t pick(std::uint64_t below) { return chance_() % below; }
  std::mt19937_64 chance_;
};

// Characters that reach a terminal: none but line feeds may do anything there.
void check_shown(const std::string& text) {
  if (is_utf8(text) && is_printable_lines(text) && text.find('\t') == text.npos) return;
  CAPTURE(printable(text));
  FAIL("a raw control reached a terminal");
}

nlohmann::json check_line(const std::string& line) {
  REQUIRE(line.ends_with('\n'));
  check_shown(line);
  REQUIRE(line.find('\n') == line.size() - 1);
  auto parsed = nlohmann::json::parse(line, nullptr, false);
  REQUIRE_FALSE(parsed.is_discarded());
  return parsed;
}

// What JSON keeps of bytes: all of them where they are UTF-8.
void check_kept(const nlohmann::json& parsed, const char* key, const std::string& name) {
  REQUIRE(parsed.contains(key));
  if (is_utf8(name)) CHECK(parsed.at(key).get<std::string>() == name);
}

Receipt receipt_named(const std::string& name) {
  Receipt out;
  for (std::string* text : {&out.rule, &out.title, &out.kind, &out.object, &out.owner, &out.desired,
                            &out.found, &out.left, &out.reason, &out.detail, &out.outcome})
    *text = name;
  out.controls = {name, name};
  out.cause.program = out.cause.command = out.cause.via = name;
  out.cause.pid = 7;
  out.policy.name = name;
  return out;
}

cli::SeenRecord seen(const Record& record, const std::string& name) {
  cli::SeenRecord out;
  out.record = record;
  out.node = out.name = name;
  out.unproven = "?" + name;
  return out;
}

void check_record(const Record& record, const std::string& name, const char* key,
                  const std::string& kept) {
  const auto one = seen(record, name);
  const auto parsed = check_line(cli::record_json(one));
  check_kept(parsed, "node", name);
  check_kept(parsed, key, kept);
  CHECK(parsed.at("proven") == false);
  check_shown(cli::record_line(one, 80));
  check_shown(cli::record_page(one, Root{}));
}

Record decoded(const Bytes& bytes) {
  auto record = decode_record(bytes);
  REQUIRE(record.ok());
  return *record;
}

TEST_CASE("10,000 names in receipts: each listing is valid JSON or printable text") {
  Names names_made(20'261'125);
  for (std::size_t i = 0; i < names; ++i) {
    const std::string name = names_made.next();
    const Receipt receipt = receipt_named(name);
    // As the agent's own commands show it, never sealed.
    check_kept(check_line(receipt_json(receipt)), "object", name);
    check_shown(receipt_text(receipt));
    // As it comes out of the ledger: sealing keeps at most so many bytes of it.
    const Record record = decoded(encode_receipt(receipt, {1, 1}));
    const auto kept = decode_receipt(record);
    REQUIRE(kept.ok());
    const std::string object = kept->object;
    check_record(record, name, "rule", kept->rule);
    check_kept(check_line(cli::record_json(seen(record, name))), "object", object);
  }
}

TEST_CASE("10,000 names in records that nobody knows, as keys too") {
  Names names_made(7);
  for (std::size_t i = 0; i < names; ++i) {
    const std::string name = names_made.next();
    Value::Map inner{{name, name}};
    Record record;
    record.type = name;
    record.sealed = {1, 1};
    record.body = Value::Map{{"given", name}, {name, Value(inner)}, {"proven", true}};
    check_record(record, name, "given", name);
  }
}

TEST_CASE("10,000 names in heartbeats and in a controller's word on nodes") {
  SmallFleet fleet;
  const SmallNode node = fleet.node("web1");
  Names names_made(11);
  for (std::size_t i = 0; i < names; ++i) {
    const std::string name = names_made.next();
    cli::SeenNode one;
    one.certificate = node.certificate;
    one.heartbeat = healthy_heartbeat(node);
    one.heartbeat->refused = one.heartbeat->isolation = one.heartbeat->agent_version = name;
    one.heartbeat->sensors = one.heartbeat->blind_spots = {name};
    one.unproven = name;
    one.flags = {name};
    const auto parsed = check_line(cli::node_json(one, std::nullopt, SmallFleet::now_ns));
    check_kept(parsed, "refused", name);
    check_kept(parsed, "isolation", name);
    check_shown(cli::node_line(one, std::nullopt, SmallFleet::now_ns));
    check_shown(cli::node_page(one, std::nullopt, SmallFleet::now_ns));
  }
}

TEST_CASE("10,000 names in errors, labels and policy sources") {
  Names names_made(13);
  for (std::size_t i = 0; i < names; ++i) {
    const std::string name = names_made.next();
    check_shown(cli::error_text({name, name, name}));
    check_shown(cli::labels_text({{name, name}}));
    check_shown(cli::field_lines("label", printable(name)));
    const SourceError error{name, {1, 1}, name, name, name, name};
    check_shown(describe(error));
    const auto parsed = check_line(to_json_line(error) + "\n");
    CHECK(parsed.is_object());
  }
}

TEST_CASE("names that look like another: what cannot be seen is shown as an escape") {
  for (const char* hidden : {"\xe2\x80\x8b", "\xe2\x80\x8d", "\xef\xbb\xbf", "\xe2\x81\xa0",
                             "\xf3\xa0\x81\x81", "\xef\xbf\xb9", "\xc2\xad"}) {
    const std::string name = std::string("/etc/shadow") + hidden;
    CHECK(printable(name) != name);
    CHECK(json_quote(name) != "\"" + name + "\"");
    CHECK(nlohmann::json::parse(json_quote(name)).get<std::string>() == name);
  }
}

}  // namespace
}  // namespace reeve
