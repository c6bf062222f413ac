// A `firewall` rule as bound: a table that is wholly ours, whichever of three fields asked for it,
// or one rule in a chain of somebody else's. Bound once from a Rule; the fields themselves are in
// the table row in firewall.cpp. Nothing here has been shown to a kernel yet.
#pragma once

#include <variant>

#include "agent/host_ruleset.h"
#include "common/network_text.h"
#include "common/policy.h"

namespace reeve {

struct OwnTable {
  ScratchText wanted;                // the whole table, as nft takes it
  std::vector<std::string> keep;     // sets whose elements are not ours
  bool show_content = false;         // records may show what is there instead
  bool is_named_after_rule = false;  // the name is no choice of the policy's author
  std::vector<PortRange> ports{};    // those that it speaks of; none: all
  bool keep_content = false;         // what a fix replaces is listed before it
};

struct RequiredRule {
  ScratchText wanted;  // a chain of that name in a table of that name, and nothing but the rule
  std::string chain;
  std::string text;  // the rule
  std::string mark;  // the comment that makes it ours
};

using FirewallRule = std::variant<OwnTable, RequiredRule>;

// Of a rule that passed the table's checks. Errors: `invalid_rule` with the field's name,
// `firewall_escape` with the line of a text that would not stay where it is put.
Result<FirewallRule> bind_firewall_rule(const Rule& rule);

}  // namespace reeve
