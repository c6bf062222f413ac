// The policy in force as the agent works with it: rules bound to their resources, in bundle order.
// Plain data owned by the Agent (or by a command); replaced as a whole when policy is adopted.
#pragma once

#include <set>

#include "agent/kind.h"
#include "common/record.h"

namespace reeve {

struct ActiveBundle {
  PolicyReference reference;
  std::size_t first_rule = 0;
  std::size_t rules = 0;
};

struct ActiveRule {
  Rule rule;
  std::unique_ptr<Resource> resource;
  std::size_t bundle = 0;
  RuleState state = RuleState::unknown;
  bool is_paused = false;        // by the host's owner
  std::set<std::string> held{};  // objects whose fixes the host's owner has undone
};

struct ActivePolicy {
  std::uint64_t version = 0;  // the manifest's; 0 for a local bundle
  Digest manifest;
  std::int64_t expires_s = 0;
  std::string source_revision;
  std::vector<ActiveBundle> bundles;
  std::vector<ActiveRule> rules;

  const PolicyReference& reference_of(const ActiveRule& rule) const {
    return bundles[rule.bundle].reference;
  }
};

// Decodes and binds a bundle and appends it to the policy. Errors are decode_bundle()'s and
// bind_rule()'s; the latter name the rule. `limit_exceeded` beyond limits::bundle_rules_max in all.
Status append_bundle(ActivePolicy& policy, ByteView bytes, PolicyReference reference);

}  // namespace reeve
