// What changed between two bundles, rule by rule and field by field. Rules are matched by their
// ids; their order is not compared. Pure functions.
#pragma once

#include "common/policy.h"

namespace reeve {

struct FieldChange {
  std::string field;   // "severity", "breaker.fixes_per_hour", "file.mode"
  std::string before;  // empty where there was nothing
  std::string after;
  bool operator==(const FieldChange&) const = default;
};

enum class RuleChangeKind : std::uint8_t { added, changed, removed };
std::string_view name_of(RuleChangeKind kind);

struct RuleChange {
  RuleChangeKind kind{};
  std::string rule;
  std::string title;                // the new one, of a removed rule the old one
  std::vector<FieldChange> fields;  // of a changed rule
  bool operator==(const RuleChange&) const = default;
};

struct BundleDiff {
  std::string policy_before;
  std::string policy_after;
  std::vector<RuleChange> rules;  // removed ones in old order, then the others in new order
  std::size_t unchanged = 0;
};

// A rule as named texts, its id left out: "severity", "breaker.fixes_per_hour", "file.mode".
using RuleTexts = std::vector<std::pair<std::string, std::string>>;
RuleTexts texts_of(const Rule& rule);

BundleDiff diff_bundles(const Bundle& before, const Bundle& after);

}  // namespace reeve
