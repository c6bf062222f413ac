// reeve-agent explain: a bundle's rules in words, with what their kinds know of each field.
#include <fmt/format.h>

#include <algorithm>

#include "agent/commands/commands.h"
#include "common/text.h"

namespace reeve {
namespace {

// "path: One object by its absolute path; ...", of a field that the rule has.
std::string_view help_of(const KindRow& kind, std::string_view field) {
  const auto row = std::ranges::find(kind.fields, field, &FieldRow::name);
  return row == kind.fields.end() ? std::string_view() : row->help;
}

std::string bound_text(const Rule& rule) {
  return rule.owner_pause_minutes == 0
             ? "the host's owner may not pause it"
             : fmt::format("the host's owner may pause it for {} minutes of any 24 hours",
                           rule.owner_pause_minutes);
}

void explain_text(const Rule& rule, const KindRow& kind) {
  print(fmt::format("{}: {}\n", printable(rule.id), printable(rule.title)));
  print(fmt::format("  {} of severity {}; {} answers for it\n",
                    rule.mode == Mode::enforce ? "is enforced" : "is only audited",
                    name_of(rule.severity), printable(rule.owner)));
  if (!rule.rationale.empty()) print(fmt::format("  why: {}\n", printable(rule.rationale)));
  print(fmt::format("  {}: {}\n", kind.name, kind.summary));
  for (const auto& [field, value] : *rule.fields.map())
    print(fmt::format("    {}: {}\n      {}\n", field, printable(json_of(value)),
                      help_of(kind, field)));
  print(fmt::format("  {}\n", bound_text(rule)));
}

void explain_json(const Rule& rule, const KindRow& kind) {
  Value::Array fields;
  for (const auto& [field, value] : *rule.fields.map())
    fields.push_back(
        Value::Map{{"field", field}, {"value", value}, {"help", help_of(kind, field)}});
  print(json_of(Value::Map{{"type", "rule"},
                           {"rule", rule.id},
                           {"title", rule.title},
                           {"mode", name_of(rule.mode)},
                           {"severity", name_of(rule.severity)},
                           {"owner", rule.owner},
                           {"rationale", rule.rationale},
                           {"kind", rule.kind},
                           {"summary", kind.summary},
                           {"fields", std::move(fields)},
                           {"keep_content", rule.keep_content},
                           {"owner_pause_minutes", rule.owner_pause_minutes}}) +
        "\n");
}

}  // namespace

int explain_bundle(const Options& options) {
  const auto policy = load_local_policy(options.bundle);
  if (!policy.ok()) return tell_error(policy.error());
  for (const ActiveRule& active : policy->rules) {
    const KindRow* kind = kind_named(active.rule.kind);
    REEVE_ASSERT(kind != nullptr);
    if (options.is_json)
      explain_json(active.rule, *kind);
    else
      explain_text(active.rule, *kind);
  }
  return 0;
}

}  // namespace reeve
