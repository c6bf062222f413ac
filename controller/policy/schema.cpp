#include "controller/policy/schema.h"

#include <fmt/format.h>

#include "common/codec.h"
#include "common/limits.h"
#include "common/text.h"

namespace reeve {
namespace {

using Map = Value::Map;
using Array = Value::Array;

std::string json_text(const Value& value, std::size_t indent);

template <class Items, class Write>
std::string enclosed(const Items& items, std::size_t indent, std::string_view brackets,
                     Write write) {
  if (items.empty()) return std::string(brackets);
  std::string out(1, brackets[0]);
  for (const auto& item : items) {
    out +=
        fmt::format("{}\n{:{}}{}", &item == &items.front() ? "" : ",", "", indent + 2, write(item));
  }
  return out + fmt::format("\n{:{}}{}", "", indent, brackets[1]);
}

std::string json_text(const Value& value, std::size_t indent) {
  if (const auto* claim = value.boolean()) return *claim ? "true" : "false";
  if (const auto number = value.integer()) return std::to_string(*number);
  if (const auto* text = value.text()) return json_quote(*text);
  if (const auto* items = value.array()) {
    return enclosed(*items, indent, "[]",
                    [indent](const Value& item) { return json_text(item, indent + 2); });
  }
  REEVE_ASSERT(value.map() != nullptr);
  return enclosed(*value.map(), indent, "{}", [indent](const auto& entry) {
    return json_quote(entry.first) + ": " + json_text(entry.second, indent + 2);
  });
}

Array texts(const std::vector<std::string>& from) { return Array(from.begin(), from.end()); }

Value required(const std::vector<std::string>& keys) { return Map{{"required", texts(keys)}}; }

// A scalar that is text to Reeve may look like a number or a boolean to an editor's YAML.
Map scalar_text(std::int64_t length_max) {
  return {
      {"type", Array{"string", "number", "boolean"}}, {"minLength", 1}, {"maxLength", length_max}};
}

Map patterned(Map schema, std::string_view pattern) {
  schema.emplace_back("pattern", pattern);
  return schema;
}

Map number_between(std::int64_t min, std::int64_t max) {
  return {{"type", "integer"}, {"minimum", min}, {"maximum", max}};
}

std::string name_pattern() {
  return fmt::format("^[A-Za-z0-9][A-Za-z0-9._:-]{{0,{}}}$", limits::name_bytes_max - 1);
}

Map schema_of(const KeySpec& spec);
Map type_schema(const KeySpec& spec);

constexpr std::string_view ports_pattern = "^[1-9][0-9]{0,4}(-[1-9][0-9]{0,4})?$";
constexpr std::string_view network_pattern = "^[0-9A-Fa-f:.]{2,45}(/[0-9]{1,3})?$";

Value group_schema(const KeyGroup& group) {
  Array one;
  for (const std::string& key : group.keys) one.push_back(required({key}));
  if (group.at_least_one) return Map{{group.at_most_one ? "oneOf" : "anyOf", std::move(one)}};
  Array pairs;
  for (std::size_t i = 0; i < group.keys.size(); ++i) {
    for (std::size_t j = i + 1; j < group.keys.size(); ++j) {
      pairs.push_back(required({group.keys[i], group.keys[j]}));
    }
  }
  return Map{{"not", Map{{"anyOf", std::move(pairs)}}}};
}

Map section_schema(const KeySpec& spec) {
  Map properties;
  std::vector<std::string> needed;
  for (const KeySpec& key : spec.keys) {
    properties.emplace_back(key.name, schema_of(key));
    if (key.required) needed.push_back(key.name);
  }
  Map out{{"type", "object"}, {"additionalProperties", false}, {"properties", properties}};
  if (!needed.empty()) out.emplace_back("required", texts(needed));
  Array all;
  for (const KeyGroup& group : spec.groups) all.push_back(group_schema(group));
  if (!all.empty()) out.emplace_back("allOf", std::move(all));
  return out;
}

// One value, or a list of them.
Map many_schema(const KeySpec& spec) {
  const Map item = type_schema(item_of(spec));
  Map list{{"type", "array"}, {"minItems", spec.min}, {"maxItems", spec.max}, {"items", item}};
  if (spec.min > 1) return list;
  return {{"anyOf", Array{item, std::move(list)}}};
}

// Text whose characters the pattern describes. What it takes for a number an editor's YAML may take
// for one too.
Map text_like(std::string_view pattern) {
  return {{"type", Array{"string", "number"}}, {"pattern", pattern}};
}

Map type_schema(const KeySpec& spec) {
  const auto text_max = static_cast<std::int64_t>(limits::text_bytes_max);
  const auto name_max = static_cast<std::int64_t>(limits::name_bytes_max);
  const auto items_max = static_cast<std::int64_t>(limits::rule_controls_max);
  switch (spec.type) {
    case KeyType::text:
      return scalar_text(text_max);
    case KeyType::line:
      return scalar_text(spec.max);
    case KeyType::lines:
      return {{"type", "array"}, {"maxItems", items_max}, {"items", scalar_text(spec.max)}};
    case KeyType::path:
    case KeyType::pattern:
      return {{"type", "string"},
              {"maxLength", text_max},
              {"pattern", "^/$|^(/(?!\\.{1,2}(/|$))[^/]+)+$"}};
    case KeyType::user:
    case KeyType::group:
      return patterned(scalar_text(name_max), "^[^-\\s:/,][^\\s:/,]*$");
    case KeyType::mode:
      return {{"anyOf", Array{Map{{"type", "string"}, {"pattern", "^[0-7]{3,4}$"}},
                              Value(number_between(0, 7777))}}};
    case KeyType::choice:
      return {{"enum", texts(spec.choices)}};
    case KeyType::boolean:
      return {{"type", "boolean"}};
    case KeyType::number:
      return number_between(spec.min, spec.max);
    case KeyType::body:
      return {{"type", Array{"string", "number", "boolean"}},
              {"maxLength", static_cast<std::int64_t>(limits::body_bytes_max)}};
    case KeyType::digest:
      return text_like("^[0-9A-Fa-f]{64}$");
    case KeyType::ports:
      return {{"anyOf", Array{number_between(1, UINT16_MAX),
                              Map{{"type", "string"}, {"pattern", ports_pattern}}}}};
    case KeyType::network:
      return {{"type", "string"}, {"pattern", network_pattern}};
    case KeyType::name:
      return patterned(scalar_text(name_max), name_pattern());
    case KeyType::section:
      return section_schema(spec);
    case KeyType::sections:
      return {{"type", "array"},
              {"minItems", spec.min},
              {"maxItems", spec.max},
              {"items", section_schema(spec)}};
  }
  return {};
}

Value default_of(const KeySpec& spec) {
  if (spec.type == KeyType::boolean) return spec.otherwise == "true";
  if (spec.type == KeyType::number) return std::int64_t{std::stoll(spec.otherwise)};
  return spec.otherwise;
}

Map schema_of(const KeySpec& spec) {
  Map out;
  if (!spec.help.empty()) out.emplace_back("description", spec.help);
  for (auto& entry : spec.many ? many_schema(spec) : type_schema(spec)) {
    out.push_back(std::move(entry));
  }
  if (!spec.otherwise.empty()) out.emplace_back("default", default_of(spec));
  return out;
}

// Every rule has an owner, its own or that of the defaults.
Value owner_schema() {
  const auto inside = [](const char* key, Map schema) {
    return Map{{"properties", Map{{key, std::move(schema)}}}, {"required", Array{key}}};
  };
  const Map owned{{"required", Array{"owner"}}};
  return Array{inside("defaults", owned), inside("rules", Map{{"items", owned}})};
}

}  // namespace

std::string policy_schema(const KeySpec& format) {
  Map out{{"$schema", "http://json-schema.org/draft-07/schema#"}, {"title", "Reeve policy"}};
  for (auto& entry : schema_of(format)) out.push_back(std::move(entry));
  out.emplace_back("anyOf", owner_schema());
  return json_text(out, 0) + "\n";
}

std::string policy_schema() { return policy_schema(policy_format(embedded_kinds())); }

}  // namespace reeve
