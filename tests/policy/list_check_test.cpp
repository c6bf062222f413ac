// Lists, rows, ports, networks, digests and bodies of a kind, on the made-up kind `wall`.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include "common/limits.h"
#include "tests/policy/policy_fixture.h"

using namespace reeve;
using fixture::errors;
using fixture::only_error;
using fixture::rule_source;
using Errors = std::vector<std::string>;

namespace {

// The rule's resource begins in line 6.
std::string source_of(std::string_view resource) {
  return rule_source("id: a\ntitle: A\nowner: ops\n" + std::string(resource));
}

Errors resource_errors(std::string_view resource) { return errors(source_of(resource)); }
std::string resource_error(std::string_view resource) { return only_error(source_of(resource)); }

Value fields_of(std::string_view resource) {
  const auto outcome = fixture::compile(source_of(resource));
  for (const SourceError& error : outcome.errors) FAIL_CHECK(describe(error));
  REQUIRE(outcome.bundle.has_value());
  return outcome.bundle->rules[0].fields;
}

std::string rows(std::string_view ports) {
  return fmt::format("wall: {{allow: [{{protocol: tcp, ports: {}}}]}}", ports);
}

}  // namespace

TEST_CASE("Rows are an array of maps, their columns in table order") {
  CHECK(fields_of("wall:\n"
                  "  allow:\n"
                  "    - ports: [22, 8000-8100]\n"
                  "      protocol: tcp\n"
                  "    - {protocol: udp, ports: 53, from: \"2001:db8::/32\"}\n") ==
        Value(Value::Map{
            {"allow", Value::Array{Value::Map{{"protocol", "tcp"},
                                              {"ports", Value::Array{"22", "8000-8100"}}},
                                   Value::Map{{"protocol", "udp"},
                                              {"ports", Value::Array{"53"}},
                                              {"from", Value::Array{"2001:db8::/32"}}}}}}));
}

TEST_CASE("A rule whose resource holds nothing but lists of maps still has its kind") {
  const auto outcome = fixture::compile(
      source_of("breaker: {fixes_per_hour: 2}\nwall: {deny: [{ports: 1}], allow: [{protocol: udp, "
                "ports: 2}]}"));
  REQUIRE(outcome.bundle.has_value());
  CHECK(outcome.bundle->rules[0].kind == "wall");
  CHECK(outcome.bundle->rules[0].breaker.fixes_per_hour == 2);
  CHECK(outcome.bundle->rules[0].fields.map()->size() == 2);
}

TEST_CASE("One value alone is a list of one, and the list is what the bundle holds") {
  const Value one(Value::Map{{"names", Value::Array{"x"}}});
  CHECK(fields_of("wall: {names: x}") == one);
  CHECK(fields_of("wall: {names: [x]}") == one);
  CHECK(fields_of("wall: {names: []}") == Value(Value::Map{{"names", Value::Array{}}}));
  CHECK(fields_of("wall: {protocols: udp}") ==
        Value(Value::Map{{"protocols", Value::Array{"udp"}}}));
}

TEST_CASE("A misspelt column gets its position and the column that was meant") {
  CHECK(resource_error("wall:\n  allow:\n    - {protocol: tcp, port: 22}") ==
        "web.yaml:8:27: unknown key \"port\"; expected protocol, ports or from; did you mean "
        "\"ports\"? [unknown_key]");
  CHECK(resource_errors("wall: {allow: [{protocol: tcp, colour: red, ports: 1}]}") ==
        Errors{"6:36 unknown_key"});
}

TEST_CASE("Columns that are missing, wrong or there twice are told where they are") {
  CHECK(resource_error("wall: {allow: [{protocol: tcp, ports: 1}, {protocol: udp}]}") ==
        "web.yaml:6:47: no key \"ports\"; expected ports: a port or a range such as 22 or "
        "8000-8100, or a list of such [missing_key]");
  CHECK(resource_error("wall: {allow: [{protocol: tpc, ports: 1}]}") ==
        "web.yaml:6:31: \"tpc\"; expected tcp or udp; did you mean \"tcp\"? [unknown_choice]");
  CHECK(resource_errors("wall: {allow: [{protocol: tcp, protocol: udp, ports: 1}]}") ==
        Errors{"6:36 duplicate_key"});
  CHECK(resource_errors("wall: {allow: [{protocol: tcp, ports: [1, 0, x]}]}") ==
        Errors{"6:47 bad_value", "6:50 bad_value"});
}

TEST_CASE("Rows are always a list, and their items maps") {
  CHECK(resource_error("wall: {allow: {protocol: tcp, ports: 1}}") ==
        "web.yaml:6:19: a map; expected a list of maps, each behind \"- \" [wrong_type]");
  CHECK(resource_error("wall: {allow: [tcp]}") ==
        "web.yaml:6:20: \"tcp\"; expected a map of keys and values [wrong_type]");
  CHECK(resource_errors("wall: {allow: }") == Errors{"6:12 missing_value"});
}

TEST_CASE("Maps, nothing and lists in lists are no items") {
  CHECK(resource_error("wall: {names: {a: b}}") ==
        "web.yaml:6:19: a map; expected text of at most 4096 bytes, or a list of such "
        "[wrong_type]");
  CHECK(resource_errors("wall: {names: ~}") == Errors{"6:12 missing_value"});
  CHECK(resource_errors("wall: {names: [a, [b], ~, {c: d}]}") ==
        Errors{"6:23 wrong_type", "6:28 missing_value", "6:31 wrong_type"});
}

TEST_CASE("Lists keep to the numbers of their rows in the table") {
  const std::string row = "{protocol: tcp, ports: 1}";
  CHECK(resource_error("wall: {allow: []}") ==
        "web.yaml:6:19: no allow; expected at least one [empty_list]");
  CHECK(resource_errors(rows("[]")) == Errors{"6:43 empty_list"});
  CHECK(resource_errors(fmt::format("wall: {{allow: [{0}, {0}, {0}]}}", row)).empty());
  CHECK(resource_error(fmt::format("wall: {{allow: [{0}, {0}, {0}, {0}]}}", row)) ==
        "web.yaml:6:19: 4 items; expected at most 3 [too_many_items]");
  CHECK(resource_error("wall: {networks: [\"::1\"]}") ==
        "web.yaml:6:22: 1 items; expected at least 2 [too_few_items]");
  CHECK(resource_errors("wall: {networks: 10.0.0.1}") == Errors{"6:22 wrong_type"});
  std::string many = "wall: {names: [";
  for (std::size_t i = 0; i < limits::field_items_max; ++i) many += "a,";
  CHECK(resource_errors(many + "]}").empty());
  CHECK(resource_errors(many + "a]}") == Errors{"6:19 too_many_items"});
}

TEST_CASE("Ports are from 1 to 65535, ranges ascend, and a refusal says why") {
  for (const char* ports : {"22", "\"22\"", "8000-8100", "1-65535", "[22, 80-90]"}) {
    CHECK_MESSAGE(resource_errors(rows(ports)).empty(), ports);
  }
  for (const char* ports : {"0", "65536", "ssh", "022", "\"\"", "2.5", "-22", "80-", "90-80"}) {
    CHECK_MESSAGE(resource_errors(rows(ports)) == Errors{"6:43 bad_value"}, ports);
  }
  CHECK(resource_error(rows("90-80")) ==
        "web.yaml:6:43: \"90-80\", whose first port is not below its last; expected a port or a "
        "range such as 22 or 8000-8100 [bad_value]");
}

TEST_CASE("Networks are of either family, and bits beyond a prefix are an error with advice") {
  const auto from = [](std::string_view networks) {
    return fmt::format("wall: {{allow: [{{protocol: tcp, ports: 1, from: {}}}]}}", networks);
  };
  CHECK(resource_errors(from("10.0.0.0/8")).empty());
  CHECK(resource_errors(from("[192.0.2.7, \"2001:db8::/32\", \"::1\"]")).empty());
  CHECK(resource_error(from("10.1.2.3/8")) ==
        "web.yaml:6:52: \"10.1.2.3/8\", which has bits set behind its prefix; expected an IPv4 or "
        "IPv6 address or network such as 10.0.0.0/8 or 2001:db8::/32; did you mean "
        "\"10.0.0.0/8\"? [bad_value]");
  for (const char* network : {"any", "10", "10.0.0.0/33", "\"::/129\"", "example.org"}) {
    CHECK_MESSAGE(resource_errors(from(network)) == Errors{"6:52 bad_value"}, network);
  }
}

TEST_CASE("A body keeps its text exactly: lines, tabs, spaces at their ends and characters") {
  CHECK(fields_of("wall:\n  body: |\n    chain in {\n    \ttype filter hook input priority 0; # "
                  "\xC3\xBC \n\n    }\n") ==
        Value(Value::Map{
            {"body", "chain in {\n\ttype filter hook input priority 0; # \xC3\xBC \n\n}\n"}}));
  CHECK(fields_of("wall:\n  body: |-\n    one\n    two\n") ==
        Value(Value::Map{{"body", "one\ntwo"}}));
  CHECK(fields_of("wall: {body: \"a\\tb\\n\"}") == Value(Value::Map{{"body", "a\tb\n"}}));
  CHECK(fields_of("wall: {body: \"\"}") == Value(Value::Map{{"body", ""}}));
  CHECK(fields_of("wall: {body: 1.50}") == Value(Value::Map{{"body", "1.50"}}));
}

TEST_CASE("A body of CRLF lines gets line feeds, as YAML has it") {
  CHECK(fields_of("wall:\r\n  body: |\r\n    one\r\n    two\r\n") ==
        Value(Value::Map{{"body", "one\ntwo\n"}}));
}

TEST_CASE("A body has its limit and holds nothing that a terminal would obey") {
  const std::string most(limits::body_bytes_max, 'x');
  CHECK(resource_errors("wall: {body: " + most + "}").empty());
  CHECK(resource_errors("wall: {body: " + most + "x}") == Errors{"6:18 text_too_long"});
  for (const char* body : {"\\e[2J", "a\\rb", "\\0", "\\u202E"}) {
    CHECK_MESSAGE(resource_errors(fmt::format("wall: {{body: \"{}\"}}", body)) ==
                      Errors{"6:18 unprintable_text"},
                  body);
  }
  CHECK(resource_errors("wall: {body: [a]}") == Errors{"6:18 wrong_type"});
}

TEST_CASE("Digests come out in lower case") {
  const std::string digest = "E3B0C44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
  CHECK(*fields_of("wall: {sha256: " + digest + "}").find("sha256")->text() ==
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  const std::string zeros(64, '0');
  CHECK(*fields_of("wall: {sha256: " + zeros + "}").find("sha256")->text() == zeros);
  for (const std::string& wrong : {digest + "0", digest.substr(1), "g" + digest.substr(1),
                                   std::string("\"\""), std::string("sha256:") + digest}) {
    CHECK(resource_errors("wall: {sha256: " + wrong + "}") == Errors{"6:20 bad_value"});
  }
}

TEST_CASE("A rule beyond what an agent decodes is refused at its own place") {
  const std::string text(limits::text_bytes_max, 'x');
  std::string names;
  for (int i = 0; i < 10; ++i) names += text + ",";
  const auto rule = [](std::string_view id, std::string_view wall) {
    return fmt::format("  - {{id: {}, title: T, owner: o, wall: {{{}}}}}\n", id, wall);
  };
  const std::string big = fmt::format("names: [{}], body: {}", names, std::string(30'000, 'x'));
  CHECK(errors("policy: web\nrules:\n" + rule("a", "names: x") + rule("b", big) +
               rule("c", "names: y") + rule("d", big)) ==
        Errors{"4:10 limit_exceeded", "6:10 limit_exceeded"});
}
