// The action `block`: one table of ours, shared by all port rules, that drops what comes in for a
// blocked socket, over the loopback interface too. Its rules' comments say which socket each is for
// and which rule put it there, so the table is the only memory of it; it counts only while all of
// it is what those comments would make. It is always written as a whole, in one transaction.
#pragma once

#include "agent/host_ruleset.h"
#include "agent/kinds/port_strays.h"

namespace reeve {

// One blocked address of one rule.
struct PortBlock {
  PortObject socket;
  bool is_ipv6_only = false;
  std::string rule;  // its id
  bool operator==(const PortBlock& other) const;
};
std::string port_block_table();  // "inet reeve_port_block"
PortBlock block_for(const PortRule& rule, const Stray& stray);

// The table as it stands.
class PortBlocks {
 public:
  // Errors: the ruleset's.
  static Result<PortBlocks> look(const RulesetEyes& ruleset);

  bool is_in_force(const PortBlock& block) const;
  // Objects that this rule has blocked.
  std::vector<std::string> objects_of(const std::string& rule) const;
  // nft's text for the table with one more, or without what this rule has for an object. Error:
  // `too_many_objects`.
  Result<std::string> text_with(const PortBlock& block) const;
  std::string text_without(const std::string& rule, const std::string& object) const;
  std::string text_without(const std::string& rule) const;  // all that it has

 private:
  std::vector<PortBlock> blocks_;
  bool is_whole_ = true;  // it is what its comments say, and nothing else is in it
};

}  // namespace reeve
