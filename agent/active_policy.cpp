#include "agent/active_policy.h"

#include <fmt/format.h>

#include "common/limits.h"

namespace reeve {

Status append_bundle(ActivePolicy& policy, ByteView bytes, PolicyReference reference) {
  auto bundle = decode_bundle(bytes);
  if (!bundle.ok()) return bundle.error();
  if (policy.rules.size() + bundle->rules.size() > limits::bundle_rules_max)
    return Error{"limit_exceeded", fmt::format("more than {} rules", limits::bundle_rules_max)};
  reference.name = bundle->policy;
  const std::size_t place = policy.bundles.size();
  policy.bundles.push_back({std::move(reference), policy.rules.size(), bundle->rules.size()});
  policy.rules.reserve(policy.rules.size() + bundle->rules.size());
  for (Rule& rule : bundle->rules) {
    auto resource = bind_rule(rule);
    if (!resource.ok()) {
      Error error = resource.error();
      error.detail = fmt::format("rule {}: {}", rule.id, error.detail);
      return error;
    }
    policy.rules.push_back({std::move(rule), std::move(*resource), place, RuleState::unknown});
  }
  return {};
}

}  // namespace reeve
