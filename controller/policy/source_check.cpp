#include "controller/policy/source_check.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/limits.h"
#include "controller/policy/value_check.h"

namespace reeve {
namespace {

class SourceCheck {
 public:
  SourceCheck(const YamlTree& tree, Report& report) : tree_(tree), report_(report) {}

  // `at` is where missing keys and values are reported: at the key that this is the value of.
  // Absent after an error that was reported.
  std::optional<Value> value(const KeySpec& spec, YamlIndex index, Position at);

 private:
  std::optional<Value> section(const KeySpec& spec, YamlIndex index, Position at);
  std::optional<Value> list(const KeySpec& spec, YamlIndex index, Position at);
  bool list_fits(const KeySpec& spec, const YamlNode& node, Position at);
  // Answers what the unknown keys probably meant, an empty text where that is open.
  std::vector<std::string> refuse_unknown_keys(const KeySpec& spec, const YamlNode& map);
  std::string unknown_key(const KeySpec& spec, const YamlEntry& entry);
  void check_group(const KeySpec& spec, const KeyGroup& group, YamlIndex map, Position at,
                   bool may_miss);
  void wrong_shape(const KeySpec& spec, YamlIndex index, Position at);
  // Where nothing stands, the parser's position is that of whatever comes next; its key's is
  // better.
  Position place_of(YamlIndex index, Position at) const;

  const YamlTree& tree_;
  Report& report_;
};

bool wants_one_kind(const KeySpec& spec, const KeyGroup& group) {
  const KeySpec* first = group.keys.empty() ? nullptr : spec.find(group.keys[0]);
  return first != nullptr && first->is_kind;
}

std::vector<std::string> kind_names(const KeySpec& section) {
  std::vector<std::string> names;
  for (const KeySpec& key : section.keys) {
    if (key.is_kind) names.push_back(key.name);
  }
  return names;
}

std::optional<Value> SourceCheck::value(const KeySpec& spec, YamlIndex index, Position at) {
  if (spec.type == KeyType::section) return section(spec, index, at);
  if (spec.many || spec.type == KeyType::sections || spec.type == KeyType::lines) {
    return list(spec, index, at);
  }
  auto checked = check_scalar(spec, tree_.node(index));
  if (auto* good = std::get_if<Value>(&checked)) return std::move(*good);
  report_.add(place_of(index, at), std::get<Problem>(std::move(checked)));
  return std::nullopt;
}

Position SourceCheck::place_of(YamlIndex index, Position at) const {
  return tree_.node(index).shape == YamlShape::nothing ? at : tree_.position(index);
}

void SourceCheck::wrong_shape(const KeySpec& spec, YamlIndex index, Position at) {
  const YamlNode& node = tree_.node(index);
  report_.add(place_of(index, at),
              {.name = node.shape == YamlShape::nothing ? "missing_value" : "wrong_type",
               .found = found_words(node),
               .expected = expectation(spec)});
}

std::optional<Value> SourceCheck::section(const KeySpec& spec, YamlIndex index, Position at) {
  const YamlNode& node = tree_.node(index);
  if (node.shape != YamlShape::map) {
    wrong_shape(spec, index, at);
    return std::nullopt;
  }
  // One mistake, one error: a key that is there with its name misspelt is not missing as well.
  const auto meant = refuse_unknown_keys(spec, node);
  Value::Map out;
  for (const KeySpec& key : spec.keys) {
    const auto entry = tree_.find(index, key.name);
    if (entry) {
      auto checked = value(key, entry->value, tree_.position(entry->key));
      if (checked) out.emplace_back(key.name, std::move(*checked));
    } else if (key.required && std::find(meant.begin(), meant.end(), key.name) == meant.end()) {
      report_.add(at, {.name = "missing_key",
                       .found = fmt::format("no key \"{}\"", key.name),
                       .expected = fmt::format("{}: {}", key.name, expectation(key))});
    }
  }
  for (const KeyGroup& group : spec.groups) check_group(spec, group, index, at, !meant.empty());
  return Value(std::move(out));
}

std::vector<std::string> SourceCheck::refuse_unknown_keys(const KeySpec& spec,
                                                          const YamlNode& map) {
  std::vector<std::string> meant;
  for (const YamlEntry& entry : map.entries) {
    if (report_.is_full()) break;
    if (spec.find(tree_.node(entry.key).text) == nullptr) meant.push_back(unknown_key(spec, entry));
  }
  return meant;
}

std::string SourceCheck::unknown_key(const KeySpec& spec, const YamlEntry& entry) {
  const std::string& key = tree_.node(entry.key).text;
  std::vector<std::string> known;
  for (const KeySpec& row : spec.keys) known.push_back(row.name);
  const auto kinds = kind_names(spec);
  const bool is_kind = !kinds.empty() && tree_.node(entry.value).shape == YamlShape::map;
  const std::string near = suggestion_for(key, known);
  report_.add(
      tree_.position(entry.key),
      {.name = is_kind ? "unknown_kind" : "unknown_key",
       .found = fmt::format("unknown {} {}", is_kind ? "kind of resource" : "key", quoted(key)),
       .expected = alternatives(is_kind ? kinds : known),
       .suggestion = near});
  return near;
}

void SourceCheck::check_group(const KeySpec& spec, const KeyGroup& group, YamlIndex map,
                              Position at, bool may_miss) {
  const bool kinds = wants_one_kind(spec, group);
  std::vector<YamlEntry> present;
  for (const YamlEntry& entry : tree_.node(map).entries) {
    const std::string& key = tree_.node(entry.key).text;
    for (const std::string& name : group.keys) {
      if (name == key) present.push_back(entry);
    }
  }
  if (group.at_least_one && present.empty() && !may_miss) {
    report_.add(at, {.name = kinds ? "no_resource" : "missing_key",
                     .found = kinds ? "a rule without a resource" : "none of the keys needed here",
                     .expected = fmt::format("{}{}", group.at_most_one ? "exactly one of " : "",
                                             alternatives(group.keys))});
  }
  for (std::size_t i = 1; group.at_most_one && i < present.size(); ++i) {
    const std::string& first = tree_.node(present[0].key).text;
    const std::string& other = tree_.node(present[i].key).text;
    if (first == other) continue;  // a duplicate key, which has been reported
    report_.add(tree_.position(present[i].key),
                {.name = kinds ? "two_resources" : "conflicting_keys",
                 .found = fmt::format("{} besides {}", other, first),
                 .expected = kinds ? "exactly one resource in a rule"
                                   : fmt::format("at most one of {}", alternatives(group.keys))});
  }
}

bool SourceCheck::list_fits(const KeySpec& spec, const YamlNode& node, Position at) {
  const std::size_t count = node.entries.size();
  const auto least = static_cast<std::size_t>(spec.min);
  const auto most =
      spec.type == KeyType::lines ? limits::rule_controls_max : static_cast<std::size_t>(spec.max);
  if (count > most) {
    report_.add(at, {.name = spec.name == "rules" ? "too_many_rules" : "too_many_items",
                     .found = fmt::format("{} items", count),
                     .expected = fmt::format("at most {}", most)});
  } else if (spec.type != KeyType::lines && count < least) {
    report_.add(
        at, {.name = count == 0 ? "empty_list" : "too_few_items",
             .found = count == 0 ? fmt::format("no {}", spec.name) : fmt::format("{} items", count),
             .expected = least == 1 ? "at least one" : fmt::format("at least {}", least)});
  } else {
    return true;
  }
  return false;
}

std::optional<Value> SourceCheck::list(const KeySpec& spec, YamlIndex index, Position at) {
  const YamlNode& node = tree_.node(index);
  const KeySpec item = item_of(spec);
  if (spec.many && spec.min <= 1 && node.shape == YamlShape::scalar) {
    auto alone = value(item, index, at);
    if (!alone) return std::nullopt;
    return Value(Value::Array{std::move(*alone)});
  }
  if (node.shape != YamlShape::list) {
    wrong_shape(spec, index, at);
    return std::nullopt;
  }
  if (!list_fits(spec, node, tree_.position(index))) return std::nullopt;
  Value::Array out;
  for (const YamlEntry& entry : node.entries) {
    auto checked = value(item, entry.value, tree_.position(entry.value));
    if (checked) out.push_back(std::move(*checked));
  }
  return Value(std::move(out));
}

}  // namespace

Value check_source(const YamlTree& tree, const KeySpec& format, Report& report) {
  SourceCheck check(tree, report);
  auto top = check.value(format, tree.root(), tree.position(tree.root()));
  return top ? std::move(*top) : Value(Value::Map{});
}

}  // namespace reeve
