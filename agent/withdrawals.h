// What rules that have left policy had put on the host under marks of ours, and which is taken away
// again: tables that are named after them, rules in others' chains, blocks. Only what bears the
// mark of a rule that was enforced and that no rule of the policy in force bears; kept in memory
// until it is done, so that an agent which is killed in between leaves it behind. Owned by the
// Enforcer.
#pragma once

#include "agent/accounts.h"
#include "agent/active_policy.h"
#include "common/clock.h"

namespace reeve {

class Withdrawals {
 public:
  // The policy that is replaced, and the one that replaces it.
  void depart(ActivePolicy old, const ActivePolicy& now);
  // Takes away what can be, with a receipt of the outcome `withdrawn` each. What cannot is told
  // once and tried again by the next call. To be called when the policy in force has been enforced.
  void run(const Eyes& eyes, Hands& hands, const Clock& clock, Accounts& accounts);
  std::size_t size() const { return departed_.size(); }

 private:
  struct Departed {
    Rule rule;
    std::unique_ptr<Resource> resource;
    PolicyReference policy;
    std::string mark;
    bool is_told = false;
  };
  // True where nothing is left to do.
  static bool take_away(Departed& one, const Eyes& eyes, Hands& hands, const Clock& clock,
                        Accounts& accounts);

  std::vector<Departed> departed_;
};

}  // namespace reeve
