// The rules of one chain, each with a digest of what it does: its expressions in normal form, with
// the contents of the anonymous sets and bound chains that it uses, and without its comment.
#pragma once

#include <map>

#include "agent/netfilter/raw_table.h"

namespace reeve {

class ChainLook {
 public:
  ChainLook(const RawTable& raw, const NetlinkChannel& channel);
  ChainLook(const ChainLook&) = delete;

  std::vector<ChainRule> rules_of(std::string_view chain);
  std::vector<std::string> made_up_sets_of(std::string_view chain);

 private:
  // Writes the rule, the rules of chains bound to it, and the anonymous sets that both use.
  void write(ByteView rule);

  const RawTable& raw_;
  const NetlinkChannel& channel_;
  MadeUpNames set_names_;
  MadeUpNames chain_names_;
  NormalForm form_;
  std::map<std::string_view, const RawSet*> sets_;
  std::map<std::string_view, std::vector<ByteView>> rules_;
};

}  // namespace reeve
