#include <nlohmann/json.hpp>

#include "common/limits.h"
#include "controller/policy/embedded.h"
#include "controller/policy/key_table.h"

namespace reeve {
namespace {

using nlohmann::json;

struct TypeName {
  std::string_view name;
  KeyType type;
};
// The names of agent/kind.h's field types.
constexpr TypeName type_names[] = {
    {"text", KeyType::text},       {"path", KeyType::path},       {"pattern", KeyType::pattern},
    {"user", KeyType::user},       {"group", KeyType::group},     {"mode", KeyType::mode},
    {"choice", KeyType::choice},   {"boolean", KeyType::boolean}, {"number", KeyType::number},
    {"body", KeyType::body},       {"digest", KeyType::digest},   {"ports", KeyType::ports},
    {"network", KeyType::network}, {"rows", KeyType::sections},
};

KeyType type_named(const std::string& name) {
  for (const TypeName& row : type_names) {
    if (row.name == name) return row.type;
  }
  throw std::runtime_error("unknown field type " + name);
}

KeySpec read_field(const json& field) {
  KeySpec out{.name = field.at("name").get<std::string>(),
              .type = type_named(field.at("type").get<std::string>()),
              .required = field.value("required", false),
              .help = field.value("help", std::string()),
              .choices = field.value("choices", std::vector<std::string>()),
              .min = field.value("min", std::int64_t{0}),
              .max = field.value("max", std::int64_t{0}),
              .many = field.value("many", false)};
  const bool is_list = out.many || out.type == KeyType::sections;
  if (out.many && (out.type == KeyType::number || out.type == KeyType::boolean)) {
    throw std::runtime_error("a list of numbers or booleans: " + out.name);
  }
  if (is_list && out.max == 0) out.max = limits::field_items_max;
  if (out.type == KeyType::sections) {
    out.many = false;  // rows are a list anyway
    for (const json& column : field.at("columns")) out.keys.push_back(read_field(column));
  }
  return out;
}

KeySpec read_kind(const json& row) {
  KeySpec kind{.name = row.at("name").get<std::string>(),
               .type = KeyType::section,
               .help = row.value("summary", std::string()),
               .is_kind = true};
  for (const json& field : row.at("fields")) kind.keys.push_back(read_field(field));
  for (const json& group : row.value("groups", json::array())) {
    kind.groups.push_back({.keys = group.at("fields").get<std::vector<std::string>>(),
                           .at_most_one = group.value("at_most_one", false),
                           .at_least_one = group.value("at_least_one", false)});
  }
  return kind;
}

}  // namespace

Result<std::vector<KeySpec>> parse_kinds(std::string_view text) {
  try {
    std::vector<KeySpec> kinds;
    for (const json& row : json::parse(text)) kinds.push_back(read_kind(row));
    return kinds;
  } catch (const std::exception& error) {
    return Error{.name = "malformed_kinds", .detail = error.what()};
  }
}

std::vector<KeySpec> embedded_kinds() {
  auto kinds = parse_kinds(text_of(embedded_kinds_json()));
  REEVE_ASSERT(kinds.ok());
  return std::move(kinds).value();
}

}  // namespace reeve
