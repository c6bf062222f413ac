// A kind made up for these tests, so that every type of field is tried whatever the kinds have.
#include "agent/kinds/field_values.h"

#include "common/limits.h"
#include "tests/kinds/rules.h"

namespace reeve {

namespace {

constexpr std::string_view protocols[] = {"tcp", "udp"};
constexpr FieldRow columns[] = {
    {.name = "protocol", .type = FieldType::choice, .required = true, .choices = protocols},
    {.name = "ports", .type = FieldType::ports, .required = true, .min = 1, .many = true},
    {.name = "from", .type = FieldType::network, .many = true},
};
constexpr FieldRow fields[] = {
    {.name = "allow", .type = FieldType::rows, .min = 1, .max = 3, .columns = columns},
    {.name = "port", .type = FieldType::ports},
    {.name = "network", .type = FieldType::network},
    {.name = "networks", .type = FieldType::network, .min = 2, .many = true},
    {.name = "names", .type = FieldType::text, .many = true},
    {.name = "body", .type = FieldType::body},
    {.name = "digest", .type = FieldType::digest},
};
constexpr KindRow kind{
    .name = "made-up", .summary = "For tests.", .fields = fields, .groups = {}, .bind = nullptr};

Error refused(Value::Map values) {
  Status status = check_fields(kind, rule_of(std::move(values), "made-up"));
  return status.ok() ? Error{} : status.error();
}

std::string problem(Value::Map values) {
  Error error = refused(std::move(values));
  CHECK((error.name.empty() || error.name == "invalid_rule"));
  constexpr std::string_view head = "rule test-rule: ";
  return error.detail.starts_with(head) ? error.detail.substr(head.size()) : error.detail;
}

Value row(std::string_view protocol, Value::Array ports) {
  return Value::Map{{"protocol", protocol}, {"ports", std::move(ports)}};
}

}  // namespace

TEST_CASE("rows are lists of maps whose columns are of their types") {
  CHECK(problem({{"allow", Value::Array{row("tcp", {"22", "8000-8100"}), row("udp", {"53"})}}}) ==
        "");
  CHECK(problem({{"allow", Value::Array{Value::Map{{"protocol", "tcp"},
                                                   {"ports", Value::Array{"22"}},
                                                   {"from", Value::Array{"10.0.0.0/8"}}}}}}) == "");
  CHECK(problem({{"allow", row("tcp", {"22"})}}) == "allow is not a list");
  CHECK(problem({{"allow", Value::Array{"tcp"}}}) == "allow[0] is not a map");
  CHECK(problem({{"allow", Value::Array{row("tcp", {"22"}), row("sctp", {"22"})}}}) ==
        "allow[1].protocol is not of type choice: \"sctp\"");
}

TEST_CASE("a wrong column is named with its row") {
  Value::Array rows{row("tcp", {"22"}), row("tcp", {"22"}), row("tcp", {"22", "0"})};
  CHECK(problem({{"allow", rows}}) ==
        "allow[2].ports[1] is not of type ports: \"0\", which is no number from 1 to 65535");
  CHECK(problem({{"allow", Value::Array{Value::Map{{"protocol", "tcp"}}}}}) ==
        "allow[0].ports is missing");
  Error unknown =
      refused({{"allow", Value::Array{Value::Map{{"protocol", "tcp"}, {"prots", "22"}}}}});
  CHECK(unknown.name == "unknown_field");
  CHECK(unknown.detail == "rule test-rule: kind made-up has no field allow[0].prots");
}

TEST_CASE("a field or column that is there twice is refused") {
  CHECK(problem({{"port", "22"}, {"port", "23"}}) == "port is there twice");
  CHECK(problem({{"allow", Value::Array{Value::Map{{"protocol", "tcp"}, {"protocol", "udp"}}}}}) ==
        "allow[0].protocol is there twice");
}

TEST_CASE("lists have as many items as their field says") {
  Value one = row("tcp", {"22"});
  CHECK(problem({{"allow", Value::Array{}}}) == "allow has 0 items and needs 1");
  CHECK(problem({{"allow", Value::Array{one, one, one}}}) == "");
  CHECK(problem({{"allow", Value::Array{one, one, one, one}}}) == "allow has 4 items, more than 3");
  CHECK(problem({{"allow", Value::Array{row("tcp", {})}}}) ==
        "allow[0].ports has 0 items and needs 1");
  CHECK(problem({{"networks", Value::Array{"::1"}}}) == "networks has 1 items and needs 2");
  CHECK(problem({{"names", Value::Array{}}}) == "");
  CHECK(problem({{"names", Value::Array(limits::field_items_max, Value("x"))}}) == "");
  CHECK(problem({{"names", Value::Array(limits::field_items_max + 1, Value("x"))}}) ==
        "names has 257 items, more than 256");
}

TEST_CASE("one value where a list belongs and a list where one value belongs are refused") {
  CHECK(problem({{"names", "x"}}) == "names is not a list");
  CHECK(problem({{"names", Value::Array{"x", Value::Array{"y"}}}}) ==
        "names[1] is not of type text");
  CHECK(problem({{"port", Value::Array{"22"}}}) == "port is not of type ports");
}

TEST_CASE("ports and networks are read as the compiler reads them") {
  CHECK(problem({{"port", "8000-8100"}, {"network", "2001:db8::/32"}}) == "");
  CHECK(problem({{"port", std::int64_t{22}}}) == "port is not of type ports");
  CHECK(problem({{"port", "022"}}) ==
        "port is not of type ports: \"022\", which is no number from 1 to 65535");
  CHECK(problem({{"network", "10.0.0.1/8"}}) ==
        "network is not of type network: \"10.0.0.1/8\", which has bits set behind its prefix");
}

TEST_CASE("a body has lines and tabs, its limit, and nothing that a terminal would obey") {
  CHECK(problem({{"body", "chain in {\n\tdrop\n}\n"}}) == "");
  CHECK(problem({{"body", ""}}) == "");
  CHECK(problem({{"body", std::string(limits::body_bytes_max, 'x')}}) == "");
  CHECK(problem({{"body", std::string(limits::body_bytes_max + 1, 'x')}}).starts_with("body is"));
  CHECK(problem({{"body", "\x1b[2J"}}) == "body is not of type body: \"\\x1B[2J\"");
}

TEST_CASE("a digest is 64 lower-case hexadecimal digits") {
  const std::string digest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
  CHECK(problem({{"digest", digest}}) == "");
  for (std::string wrong : {digest + "0", digest.substr(1), "E" + digest.substr(1), "g" + digest}) {
    CHECK(problem({{"digest", wrong}}).starts_with("digest is not of type digest"));
  }
}

}  // namespace reeve
