#include "controller/policy/bundle_diff.h"

#include <fmt/format.h>

#include <map>

namespace reeve {
namespace {

std::string field_text(const Value& value) {
  if (const auto* claim = value.boolean()) return *claim ? "true" : "false";
  if (const auto number = value.integer()) return std::to_string(*number);
  if (auto name = value.any_name()) return *name;
  if (value.is_nil()) return "nothing";  // no kind has such a field, a bundle from elsewhere may
  std::vector<std::string> parts;
  if (const auto* items = value.array()) {
    for (const Value& item : *items) parts.push_back(field_text(item));
    return fmt::format("[{}]", fmt::join(parts, ", "));
  }
  for (const auto& [key, held] : *value.map()) {
    parts.push_back(fmt::format("{}: {}", key, field_text(held)));
  }
  return fmt::format("{{{}}}", fmt::join(parts, ", "));
}

}  // namespace

// A rule as named texts, so that two of them are compared without knowing what a field means.
RuleTexts texts_of(const Rule& rule) {
  const Breaker& breaker = rule.breaker;
  RuleTexts out = {
      {"title", rule.title},
      {"severity", std::string(name_of(rule.severity))},
      {"owner", rule.owner},
      {"controls", fmt::format("{}", fmt::join(rule.controls, ", "))},
      {"mode", std::string(name_of(rule.mode))},
      {"rationale", rule.rationale},
      {"breaker.fixes_first_minute", std::to_string(breaker.fixes_first_minute)},
      {"breaker.fixes_per_hour", std::to_string(breaker.fixes_per_hour)},
      {"breaker.ceiling_per_second", std::to_string(breaker.ceiling_per_second)},
      {"breaker.agent_fixes_per_minute", std::to_string(breaker.agent_fixes_per_minute)},
      {"breaker.rule_share_percent", std::to_string(breaker.rule_share_percent)},
      {"intent", rule.durable_intent ? "durable" : "plain"},
      {"show_content", rule.show_content ? "true" : "false"},
      {"keep_content", rule.keep_content ? "true" : "false"},
      {"owner_pause_minutes", std::to_string(rule.owner_pause_minutes)},
  };
  if (const auto* fields = rule.fields.map()) {
    for (const auto& [key, value] : *fields) {
      out.emplace_back(fmt::format("{}.{}", rule.kind, key), field_text(value));
    }
  }
  return out;
}

namespace {

const std::string* find(const RuleTexts& texts, const std::string& field) {
  for (const auto& [name, text] : texts) {
    if (name == field) return &text;
  }
  return nullptr;
}

std::vector<FieldChange> diff_rules(const Rule& before, const Rule& after) {
  std::vector<FieldChange> out;
  const RuleTexts old_texts = texts_of(before);
  const RuleTexts new_texts = texts_of(after);
  for (const auto& [field, text] : old_texts) {
    const std::string* now = find(new_texts, field);
    if (now == nullptr) out.push_back({field, text, ""});
    if (now != nullptr && *now != text) out.push_back({field, text, *now});
  }
  for (const auto& [field, text] : new_texts) {
    if (find(old_texts, field) == nullptr) out.push_back({field, "", text});
  }
  return out;
}

std::map<std::string_view, const Rule*> by_id(const Bundle& bundle) {
  std::map<std::string_view, const Rule*> out;
  for (const Rule& rule : bundle.rules) out.emplace(rule.id, &rule);
  return out;
}

}  // namespace

std::string_view name_of(RuleChangeKind kind) {
  switch (kind) {
    case RuleChangeKind::added:
      return "added";
    case RuleChangeKind::changed:
      return "changed";
    case RuleChangeKind::removed:
      return "removed";
  }
  return "";
}

BundleDiff diff_bundles(const Bundle& before, const Bundle& after) {
  BundleDiff out{.policy_before = before.policy, .policy_after = after.policy, .rules = {}};
  const auto old_rules = by_id(before);
  const auto new_rules = by_id(after);
  for (const Rule& rule : before.rules) {
    if (new_rules.contains(rule.id)) continue;
    out.rules.push_back({RuleChangeKind::removed, rule.id, rule.title, {}});
  }
  for (const Rule& rule : after.rules) {
    const auto old_rule = old_rules.find(rule.id);
    if (old_rule == old_rules.end()) {
      out.rules.push_back({RuleChangeKind::added, rule.id, rule.title, {}});
    } else if (*old_rule->second == rule) {
      ++out.unchanged;
    } else {
      out.rules.push_back(
          {RuleChangeKind::changed, rule.id, rule.title, diff_rules(*old_rule->second, rule)});
    }
  }
  return out;
}

}  // namespace reeve
