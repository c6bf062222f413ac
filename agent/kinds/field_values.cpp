#include "agent/kinds/field_values.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "agent/path_pattern.h"
#include "common/limits.h"
#include "common/text.h"

namespace reeve {

namespace {

bool is_account(std::string_view text) {
  return !text.empty() && text.size() <= limits::name_bytes_max &&
         text.find_first_of(std::string_view(":/\n\0", 4)) == std::string_view::npos;
}

// What a value of this type should have been; empty where it is one.
std::string problem_with_text(const FieldRow& field, const std::string& text) {
  bool right = text.size() <= limits::text_bytes_max;
  switch (field.type) {
    case FieldType::text:
      right = right && !text.empty();
      break;
    case FieldType::path:
      right = is_plain_path(text);
      break;
    case FieldType::pattern:
      right = is_valid_pattern(text);
      break;
    case FieldType::user:
    case FieldType::group:
      right = is_account(text);
      break;
    case FieldType::mode:
      right = parse_mode(text).has_value();
      break;
    case FieldType::choice:
      right = std::find(field.choices.begin(), field.choices.end(), text) != field.choices.end();
      break;
    case FieldType::boolean:
    case FieldType::number:
    case FieldType::body:
    case FieldType::digest:
    case FieldType::ports:
    case FieldType::network:
    case FieldType::rows:
      right = false;
      break;
  }
  if (right) return {};
  return fmt::format("is not a {}: \"{}\"", name_of(field.type), shortened(printable(text), 80));
}

std::string problem_with(const FieldRow& field, const Value& value) {
  auto wrong = fmt::format("is not a {}", name_of(field.type));
  if (field.type == FieldType::boolean) return value.boolean() != nullptr ? "" : wrong;
  if (field.type == FieldType::number) {
    auto number = value.integer();
    if (!number) return wrong;
    if (*number >= field.min && *number <= field.max) return {};
    return fmt::format("is not between {} and {}", field.min, field.max);
  }
  auto text = value.any_name();
  return text ? problem_with_text(field, *text) : wrong;
}

Status check_group(const FieldGroup& group, const Rule& rule) {
  std::string names;
  std::size_t there = 0;
  for (std::string_view name : group.fields) {
    if (rule.fields.find(name) != nullptr) ++there;
    names += (names.empty() ? "" : ", ") + std::string(name);
  }
  if (group.at_most_one && there > 1)
    return invalid_rule(rule, group.fields.front(), "stands beside another of: " + names);
  if (group.at_least_one && there == 0)
    return invalid_rule(rule, group.fields.front(), "or another must be there: " + names);
  return {};
}

}  // namespace

Error invalid_rule(const Rule& rule, std::string_view field, std::string_view problem) {
  return Error{"invalid_rule", fmt::format("rule {}: {} {}", printable(rule.id), field, problem)};
}

std::optional<std::uint32_t> parse_mode(std::string_view text) {
  if (text.size() < 3 || text.size() > 4) return std::nullopt;
  std::uint32_t bits = 0;
  auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), bits, 8);
  if (problem != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return bits;
}

std::optional<std::uint32_t> parse_id(std::string_view text) {
  std::uint32_t id = 0;
  auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (problem != std::errc() || end != text.data() + text.size()) return std::nullopt;
  // The kernel reads the highest number as "leave it as it is".
  if (id == UINT32_MAX) return std::nullopt;
  return id;
}

Status check_fields(const KindRow& row, const Rule& rule) {
  if (rule.fields.map() == nullptr) return invalid_rule(rule, "fields", "is not a map");
  for (const auto& entry : *rule.fields.map()) {
    const std::string& name = entry.first;
    auto field = std::find_if(row.fields.begin(), row.fields.end(),
                              [&](const FieldRow& known) { return known.name == name; });
    if (field == row.fields.end())
      return Error{"unknown_field", fmt::format("rule {}: kind {} has no field {}",
                                                printable(rule.id), row.name, printable(name))};
    std::string problem = problem_with(*field, entry.second);
    if (!problem.empty()) return invalid_rule(rule, name, problem);
  }
  for (const FieldRow& field : row.fields)
    if (field.required && rule.fields.find(field.name) == nullptr)
      return invalid_rule(rule, field.name, "is missing");
  for (const FieldGroup& group : row.groups) REEVE_TRY(check_group(group, rule));
  return {};
}

}  // namespace reeve
