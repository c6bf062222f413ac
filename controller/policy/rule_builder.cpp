#include "controller/policy/rule_builder.h"

namespace reeve {
namespace {

// The key of the rule, else of the defaults; null where both are silent.
const Value* first_of(const Value& rule, const Value* defaults, std::string_view key) {
  if (const Value* own = rule.find(key)) return own;
  return defaults == nullptr ? nullptr : defaults->find(key);
}

std::string text_or_empty(const Value* value) {
  return value == nullptr ? std::string() : *value->text();
}

// Figures that `from` is silent about stay as they are.
void read_breaker(const Value* from, Breaker& out) {
  if (from == nullptr) return;
  const auto read = [from](std::string_view key, std::uint32_t& figure) {
    const Value* value = from->find(key);
    if (value != nullptr) figure = static_cast<std::uint32_t>(value->natural().value_or(figure));
  };
  read("fixes_first_minute", out.fixes_first_minute);
  read("fixes_per_hour", out.fixes_per_hour);
  read("ceiling_per_second", out.ceiling_per_second);
  read("agent_fixes_per_minute", out.agent_fixes_per_minute);
  read("rule_share_percent", out.rule_share_percent);
}

std::vector<std::string> texts(const Value* list) {
  std::vector<std::string> out;
  if (list == nullptr) return out;
  for (const Value& item : *list->array()) out.push_back(*item.text());
  return out;
}

// Silent policy lets an owner pause for an hour a day what is not critical.
std::uint32_t owner_pause(const Value* wanted, const Rule& rule) {
  if (wanted == nullptr) return rule.severity == Severity::critical ? 0 : rule.owner_pause_minutes;
  return static_cast<std::uint32_t>(wanted->natural().value_or(0));
}

Rule build_rule(const Value& source, const Value* defaults) {
  Rule rule;
  rule.id = text_or_empty(source.find("id"));
  rule.title = text_or_empty(source.find("title"));
  rule.owner = text_or_empty(first_of(source, defaults, "owner"));
  rule.controls = texts(source.find("controls"));
  rule.rationale = text_or_empty(source.find("rationale"));
  const auto severity = text_or_empty(first_of(source, defaults, "severity"));
  rule.severity = severity_named(severity).value_or(rule.severity);
  const auto mode = text_or_empty(first_of(source, defaults, "mode"));
  rule.mode = mode_named(mode).value_or(rule.mode);
  read_breaker(defaults == nullptr ? nullptr : defaults->find("breaker"), rule.breaker);
  read_breaker(source.find("breaker"), rule.breaker);
  rule.durable_intent = text_or_empty(source.find("intent")) == "durable";
  const Value* shows = source.find("show_content");
  rule.show_content = shows != nullptr && *shows->boolean();
  const Value* keeps = source.find("keep_content");
  rule.keep_content = keeps != nullptr && *keeps->boolean();
  rule.owner_pause_minutes = owner_pause(first_of(source, defaults, "owner_pause_minutes"), rule);
  // The check has let through exactly one resource; besides the breaker it is the one map.
  for (const auto& [key, value] : *source.map()) {
    if (key == "breaker" || value.map() == nullptr) continue;
    rule.kind = key;
    rule.fields = value;
  }
  return rule;
}

}  // namespace

std::vector<Rule> build_rules(const Value& source) {
  std::vector<Rule> out;
  const Value* rules = source.find("rules");
  if (rules == nullptr) return out;
  for (const Value& rule : *rules->array())
    out.push_back(build_rule(rule, source.find("defaults")));
  return out;
}

}  // namespace reeve
