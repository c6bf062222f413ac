#include "tests/kinds/rules.h"

namespace reeve {

namespace {

void check_row(const FieldRow& field) {
  CHECK_FALSE(field.help.empty());
  CHECK_FALSE(name_of(field.type).empty());
  CHECK((field.type == FieldType::choice) == !field.choices.empty());
  CHECK((field.type == FieldType::rows) == !field.columns.empty());
  // Their min and max are of the value; of a list they are of its length.
  if (field.type == FieldType::boolean || field.type == FieldType::number) CHECK_FALSE(field.many);
  for (const FieldRow& column : field.columns) check_row(column);
}

}  // namespace

TEST_CASE("every kind is found by its name and every field and column has its help") {
  CHECK_FALSE(kinds().empty());
  for (const KindRow* kind : kinds()) {
    CHECK(kind_named(kind->name) == kind);
    CHECK_FALSE(kind->summary.empty());
    for (const FieldRow& field : kind->fields) check_row(field);
  }
  CHECK(kind_named("no-such-kind") == nullptr);
}

TEST_CASE("a rule of an unknown kind or with an unknown field is refused by name") {
  CHECK(refusal_of({}, "no-such-kind").name == "unknown_kind");
  Error field = refusal_of({{"path", "/x"}, {"mode", "0600"}, {"mod", "0600"}});
  CHECK(field.name == "unknown_field");
  CHECK(field.detail == "rule test-rule: kind file has no field mod");
}

TEST_CASE("a rule whose fields are no map is refused") {
  Rule rule = rule_of({});
  rule.fields = Value("text");
  CHECK(bind_rule(rule).error().name == "invalid_rule");
}

}  // namespace reeve
