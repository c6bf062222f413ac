#include "agent/kinds/field_values.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "agent/path_pattern.h"
#include "common/limits.h"
#include "common/network_text.h"
#include "common/text.h"

namespace reeve {

namespace {

bool is_account(std::string_view text) {
  return !text.empty() && text.size() <= limits::name_bytes_max &&
         text.find_first_of(std::string_view(":/\n\0", 4)) == std::string_view::npos;
}

bool is_digest(std::string_view text) {
  return text.size() == 2 * Digest::size() &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

bool is_right(const FieldRow& field, const std::string& text) {
  const bool fits = text.size() <= limits::text_bytes_max;
  switch (field.type) {
    case FieldType::text:
      return fits && !text.empty();
    case FieldType::path:
      return fits && is_plain_path(text);
    case FieldType::pattern:
      return fits && is_valid_pattern(text);
    case FieldType::user:
    case FieldType::group:
      return is_account(text);
    case FieldType::mode:
      return parse_mode(text).has_value();
    case FieldType::choice:
      return std::find(field.choices.begin(), field.choices.end(), text) != field.choices.end();
    case FieldType::body:
      return text.size() <= limits::body_bytes_max && is_printable_lines(text);
    case FieldType::digest:
      return is_digest(text);
    case FieldType::ports:
      return parse_ports(text).ok();
    case FieldType::network:
      return parse_network(text).ok();
    case FieldType::boolean:
    case FieldType::number:
    case FieldType::rows:
      break;
  }
  return false;
}

// Why ports and networks are refused is said by who reads them.
std::string reason_against(const FieldRow& field, const std::string& text) {
  Error error;
  if (field.type == FieldType::ports) error = parse_ports(text).error();
  if (field.type == FieldType::network) error = parse_network(text).error();
  return error.detail.empty() ? "" : ", " + error.detail;
}

// What is wrong with one value that is no map; empty where it is right.
std::string problem_with(const FieldRow& field, const Value& value) {
  auto wrong = fmt::format("is not of type {}", name_of(field.type));
  if (field.type == FieldType::boolean) return value.boolean() != nullptr ? "" : wrong;
  if (field.type == FieldType::number) {
    auto number = value.integer();
    if (!number) return wrong;
    if (*number >= field.min && *number <= field.max) return {};
    return fmt::format("is not between {} and {}", field.min, field.max);
  }
  auto text = value.any_name();
  if (!text) return wrong;
  if (is_right(field, *text)) return {};
  return fmt::format("{}: \"{}\"{}", wrong, shortened(printable(*text), 80),
                     reason_against(field, *text));
}

// What is wrong with how many items a list has; empty where it is right.
std::string problem_with_count(const FieldRow& field, std::size_t count) {
  const auto least = static_cast<std::size_t>(field.min);
  const auto most = field.max > 0 ? static_cast<std::size_t>(field.max) : limits::field_items_max;
  if (count < least) return fmt::format("has {} items and needs {}", count, least);
  if (count > most) return fmt::format("has {} items, more than {}", count, most);
  return {};
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

// One rule's fields against its kind's table. A field's name in an error says where it stands:
// "allow[2].ports" is in the third row of `allow`.
class FieldCheck {
 public:
  FieldCheck(const KindRow& kind, const Rule& rule) : kind_(kind), rule_(rule) {}

  // `where` stands before the names: nothing, or "allow[2].".
  Status check_map(std::span<const FieldRow> fields, const Value& map,
                   const std::string& where) const {
    for (const auto& entry : *map.map()) {
      const auto& [name, value] = entry;
      auto field = std::find_if(fields.begin(), fields.end(),
                                [&](const FieldRow& known) { return known.name == entry.first; });
      if (field == fields.end()) return unknown_field(where + printable(name));
      if (map.find(name) != &value) return invalid_rule(rule_, where + name, "is there twice");
      REEVE_TRY(check_field(*field, value, where + name));
    }
    for (const FieldRow& field : fields)
      if (field.required && map.find(field.name) == nullptr)
        return invalid_rule(rule_, where + std::string(field.name), "is missing");
    return {};
  }

 private:
  Status check_field(const FieldRow& field, const Value& value, const std::string& name) const {
    if (!field.many && field.type != FieldType::rows) return check_one(field, value, name);
    if (value.array() == nullptr) return invalid_rule(rule_, name, "is not a list");
    std::string problem = problem_with_count(field, value.array()->size());
    if (!problem.empty()) return invalid_rule(rule_, name, problem);
    for (std::size_t at = 0; at < value.array()->size(); ++at)
      REEVE_TRY(check_one(field, (*value.array())[at], fmt::format("{}[{}]", name, at)));
    return {};
  }

  Status check_one(const FieldRow& field, const Value& value, const std::string& name) const {
    if (field.type == FieldType::rows) {
      if (value.map() == nullptr) return invalid_rule(rule_, name, "is not a map");
      return check_map(field.columns, value, name + ".");
    }
    std::string problem = problem_with(field, value);
    return problem.empty() ? Status() : invalid_rule(rule_, name, problem);
  }

  Error unknown_field(std::string_view name) const {
    return Error{"unknown_field", fmt::format("rule {}: kind {} has no field {}",
                                              printable(rule_.id), kind_.name, name)};
  }

  const KindRow& kind_;
  const Rule& rule_;
};

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
  REEVE_TRY(FieldCheck(row, rule).check_map(row.fields, rule.fields, ""));
  for (const FieldGroup& group : row.groups) REEVE_TRY(check_group(group, rule));
  return {};
}

}  // namespace reeve
