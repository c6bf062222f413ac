// Prints every kind and its fields as JSON on stdout, at build time only: the policy compiler
// embeds it, so that nothing about a kind is written twice and the controller stays kind-blind.
#include <fmt/format.h>

#include <cstdio>

#include "agent/kind.h"
#include "common/text.h"

namespace reeve {

namespace {

std::string list_json(std::span<const std::string_view> texts) {
  std::string out;
  for (std::string_view text : texts) out += (out.empty() ? "" : ",") + json_quote(text);
  return "[" + out + "]";
}

template <class Rows, class ToJson>
std::string rows_json(const Rows& rows, ToJson to_json) {
  std::string out;
  for (const auto& row : rows) out += (out.empty() ? "" : ",\n   ") + to_json(row);
  return "[" + out + "]";
}

std::string field_json(const FieldRow& field) {
  return fmt::format(
      R"({{"name":{},"type":{},"required":{},"help":{},"choices":{},"min":{},"max":{},)"
      R"("many":{},"columns":{}}})",
      json_quote(field.name), json_quote(name_of(field.type)), field.required,
      json_quote(field.help), list_json(field.choices), field.min, field.max, field.many,
      rows_json(field.columns, field_json));
}

std::string group_json(const FieldGroup& group) {
  return fmt::format(R"({{"fields":{},"at_most_one":{},"at_least_one":{}}})",
                     list_json(group.fields), group.at_most_one, group.at_least_one);
}

std::string kind_json(const KindRow* kind) {
  return fmt::format("{{\"name\":{},\"summary\":{},\n  \"fields\":{},\n  \"groups\":{}}}",
                     json_quote(kind->name), json_quote(kind->summary),
                     rows_json(kind->fields, field_json), rows_json(kind->groups, group_json));
}

}  // namespace

}  // namespace reeve

int main() {
  std::string json = reeve::rows_json(reeve::kinds(), reeve::kind_json) + "\n";
  bool written = std::fwrite(json.data(), 1, json.size(), stdout) == json.size();
  return written && std::fflush(stdout) == 0 ? 0 : 1;
}
