#include "controller/policy/schema.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "tests/policy/policy_fixture.h"
#include "tests/policy/schema_judge.h"

using namespace reeve;
using fixture::rule_source;

namespace {

enum class SchemaSees { it, nothing };

struct BadPolicy {
  std::string source;
  SchemaSees sees = SchemaSees::it;
};

const std::string head = "id: a\ntitle: A\nowner: o\n";

const std::string digest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const std::string row = "{protocol: tcp, ports: 1}";

std::string with(std::string_view lines) { return rule_source(head + std::string(lines)); }

std::vector<std::string> good_policies() {
  return {
      with("file: {path: /a, mode: 0600}"),
      with("file: {path: /, mode: \"0755\"}"),
      with("file: {path: /a/..b/.c, mode: 600, owner: 0, group: adm}"),
      with("file: {glob: \"/a/[bc]*\", mode_at_most: 4755, type: directory}"),
      with("file: {path: /a, absent: false}"),
      with("severity: critical\nmode: enforce\nintent: durable\nshow_content: true\nkeep_content: "
           "true\n"
           "owner_pause_minutes: 0\n"
           "controls: [a, 6.1, 6.10, true]\nrationale: |\n  Two\n  lines.\n"
           "breaker: {fixes_first_minute: 1, rule_share_percent: 100}\n"
           "port: {protocol: udp, port: 65535, note: x}"),
      with("controls: []\nport: {protocol: tcp, port: 1}"),
      with("wall: {allow: [{protocol: tcp, ports: 22}, {protocol: udp, ports: [\"53\", 80-90], "
           "from: [10.0.0.0/8, \"::1\"]}]}"),
      with("wall: {allow: [{protocol: tcp, ports: [1], from: 10.0.0.1}], deny: [], names: []}"),
      with("wall: {networks: [\"::/0\", 0.0.0.0/0], names: 7, protocols: tcp}"),
      with("wall: {names: [a, 6.10, true], protocols: [tcp, udp], body: \"\"}"),
      with("wall:\n  body: |\n    chain in {\n    \tdrop\n    }"),
      with("wall: {body: 7}"),
      with("wall: {sha256: " + digest + "}"),
      with("wall: {sha256: " + std::string(64, '1') + "}"),
      "policy: 7\ndescription: d\ndefaults: {owner: o, severity: low, mode: audit, breaker: {}}\n"
      "rules: [{id: 1, title: 2, file: {path: /a, owner: root}}]\n",
  };
}

std::vector<BadPolicy> bad_policies() {
  return {
      {"[]"},
      {"policy: web\n"},
      {"policy: web\nrules: []\n"},
      {"policy: web\nrules: {}\n"},
      {"policy: w b\nrules: [{id: a, title: A, owner: o, file: {path: /a, mode: 600}}]\n"},
      {"policy: web\nextra: 1\nrules: [{id: a, title: A, owner: o, file: {path: /a, mode: "
       "600}}]\n"},
      {"policy: web\nrules: [{id: a, title: A, file: {path: /a, mode: 600}}]\n"},
      {with("title2: x\nfile: {path: /a, mode: 600}")},
      {with("severity: urgent\nfile: {path: /a, mode: 600}")},
      {with("mode: on\nfile: {path: /a, mode: 600}")},
      {with("controls: CIS\nfile: {path: /a, mode: 600}")},
      {with("controls: [\"\"]\nfile: {path: /a, mode: 600}")},
      {with("rationale: {}\nfile: {path: /a, mode: 600}")},
      {with("show_content: yes\nfile: {path: /a, mode: 600}")},
      {with("breaker: {fixes_per_hour: 0}\nfile: {path: /a, mode: 600}")},
      {with("breaker: {fixes_per_hour: \"5\"}\nfile: {path: /a, mode: 600}")},
      {with("breaker: {unknown: 5}\nfile: {path: /a, mode: 600}")},
      {with("severity: high")},
      {with("file: {path: /a, mode: 600}\nport: {protocol: tcp, port: 1}")},
      {with("file: /a")},
      {with("file: {mode: 600}")},
      {with("file: {path: /a}")},
      {with("file: {path: /a, glob: /b, mode: 600}")},
      {with("file: {path: /a, mode: 600, mode_at_most: 600}")},
      {with("file: {path: a, mode: 600}")},
      {with("file: {path: /a/, mode: 600}")},
      {with("file: {path: /a//b, mode: 600}")},
      {with("file: {path: /a/../b, mode: 600}")},
      {with("file: {path: /a, mode: \"0689\"}")},
      {with("file: {path: /a, mode: u=rw}")},
      {with("file: {path: /a, mode: 0689}")},
      {with("file: {path: /a, owner: \"a b\"}")},
      {with("file: {path: /a, owner: -x}")},
      {with("file: {path: /a, type: socket}")},
      {with("file: {path: /a, absent: \"true\"}")},
      {with("port: {protocol: tcp}")},
      {with("port: {protocol: tcp, port: 0}")},
      {with("port: {protocol: tcp, port: 65536}")},
      {with("port: {protocol: tcp, port: 2.5}")},
      {with("wall: {allow: {protocol: tcp, ports: 22}}")},
      {with("wall: {allow: []}")},
      {with("wall: {allow: [tcp]}")},
      {with("wall: {allow: [{protocol: tcp}]}")},
      {with("wall: {allow: [{protocol: tcp, ports: []}]}")},
      {with("wall: {allow: [{protocol: tcp, ports: 22, port: 1}]}")},
      {with("wall: {allow: [{protocol: [tcp], ports: 22}]}")},
      {with("wall: {allow: [" + row + ", " + row + ", " + row + ", " + row + "]}")},
      {with("wall: {deny: [{ports: [1, 2]}]}")},
      {with("wall: {deny: [{ports: 0}]}")},
      {with("wall: {deny: [{ports: 65536}]}")},
      {with("wall: {deny: [{ports: ssh}]}")},
      {with("wall: {deny: [{ports: 022}]}")},
      {with("wall: {deny: [{ports: 2.5}]}")},
      {with("wall: {networks: [\"::1\"]}")},
      {with("wall: {networks: 10.0.0.1}")},
      {with("wall: {networks: [any, \"::1\"]}")},
      {with("wall: {names: {a: b}}")},
      {with("wall: {names: [[a]]}")},
      {with("wall: {protocols: [tcp, sctp]}")},
      {with("wall: {body: [a]}")},
      {with("wall: {body: a, sha256: " + digest + "}")},
      {with("wall: {sha256: " + digest + "0}")},
      {with("wall: {sha256: \"\"}")},
      // Where JSON Schema has no words for it.
      {with("wall: {deny: [{ports: 90-80}]}"), SchemaSees::nothing},
      {with("wall: {deny: [{ports: 1-99999}]}"), SchemaSees::nothing},
      {with("wall: {networks: [\"::1\", 10.0.0.1/8]}"), SchemaSees::nothing},
      {with("wall: {networks: [\"::1\", 10.0.0]}"), SchemaSees::nothing},
      {with("wall: {sha256: 7}"), SchemaSees::nothing},
      {with("wall: {body: \"\\e\"}"), SchemaSees::nothing},
      {with("file: {path: /a, mode: 689}"), SchemaSees::nothing},
      {with("file: {path: /a, owner: 4294967295}"), SchemaSees::nothing},
      {with("file: {glob: \"/a/[b\", mode: 600}"), SchemaSees::nothing},
      {"policy: web\ndefaults: {owner: o}\nrules:\n"
       "- {id: a, title: A, file: {path: /a, mode: 600}}\n"
       "- {id: a, title: B, file: {path: /b, mode: 600}}\n",
       SchemaSees::nothing},
  };
}

}  // namespace

TEST_CASE("Schema and compiler accept the same good policies") {
  const std::string schema = policy_schema(policy_format(fixture::kinds()));
  for (const std::string& source : good_policies()) {
    CHECK_MESSAGE(fixture::compile(source).bundle.has_value(), source);
    CHECK_MESSAGE(fixture::schema_accepts(schema, source), source);
  }
}

TEST_CASE("Schema and compiler refuse the same bad policies, but for what a schema cannot say") {
  const std::string schema = policy_schema(policy_format(fixture::kinds()));
  for (const BadPolicy& bad : bad_policies()) {
    CHECK_MESSAGE(!fixture::compile(bad.source).errors.empty(), bad.source);
    CHECK_MESSAGE(fixture::schema_accepts(schema, bad.source) == (bad.sees == SchemaSees::nothing),
                  bad.source);
  }
}

TEST_CASE("The same table gives the same schema, with a default where silence has a meaning") {
  const std::string schema = policy_schema(policy_format(fixture::kinds()));
  CHECK(schema == policy_schema(policy_format(fixture::kinds())));
  CHECK(schema.find("\"default\": \"audit\"") != std::string::npos);
  CHECK(schema.find("\"default\": 600") != std::string::npos);
  CHECK(schema.find("\"default\": false") != std::string::npos);
}
