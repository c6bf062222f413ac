#include <nlohmann/json.hpp>

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
    {"text", KeyType::text},     {"path", KeyType::path},       {"pattern", KeyType::pattern},
    {"user", KeyType::user},     {"group", KeyType::group},     {"mode", KeyType::mode},
    {"choice", KeyType::choice}, {"boolean", KeyType::boolean}, {"number", KeyType::number},
};

KeyType type_named(const std::string& name) {
  for (const TypeName& row : type_names) {
    if (row.name == name) return row.type;
  }
  throw std::runtime_error("unknown field type " + name);
}

KeySpec read_field(const json& field) {
  return {.name = field.at("name").get<std::string>(),
          .type = type_named(field.at("type").get<std::string>()),
          .required = field.value("required", false),
          .help = field.value("help", std::string()),
          .choices = field.value("choices", std::vector<std::string>()),
          .min = field.value("min", std::int64_t{0}),
          .max = field.value("max", std::int64_t{0})};
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
