// The cycle: check, fix, verify, record, for one rule at a time. It owns nothing: eyes, hands,
// clock, accounts, open incidents and breaker are lent for its life. Without Hands nothing is ever
// changed. It runs to its end on the caller's thread and waits for no disk and no network.
#pragma once

#include <set>

#include "agent/accounts.h"
#include "agent/active_policy.h"
#include "agent/agent_limits.h"
#include "agent/breaker.h"
#include "agent/incidents.h"
#include "common/clock.h"

namespace reeve {

// To be looked at again then, whatever sensors say.
struct Recheck {
  std::string object;      // empty: the whole rule
  std::int64_t at_ns = 0;  // CLOCK_MONOTONIC
};

// What the caller may have to do after a run.
struct CycleResult {
  bool is_cut_short = false;  // more deviations than one run may take: run the rule again
  bool is_any_over = false;   // something that deviated does not any more
  bool has_deviated = false;  // something was not as policy wants it
  bool is_any_new = false;    // something was tried or listed, and so need not be named again
  bool is_unlisted = false;   // an incident is open beyond its rule's bound
  bool has_changed = false;   // the rule's state is another than before
  std::vector<Recheck> rechecks;
};

// Whether deviations are put right, or only told of because an operator's act pauses it.
enum class Fixing : std::uint8_t { on, paused };

class Cycle {
 public:
  struct Parts {
    const Eyes& eyes;
    Hands* hands;  // null: look only
    const Clock& clock;
    Accounts& accounts;
    Incidents& incidents;
    CircuitBreaker& breaker;
  };
  explicit Cycle(const Parts& parts) : parts_(parts) {}

  // One rule of the policy; everything it covers, or the one object that `scope` names.
  CycleResult run(ActivePolicy& policy, std::size_t rule, const Scope& scope, const Cause& cause);
  // What runs from here on keeps to it.
  void set_fixing(Fixing fixing) { fixing_ = fixing; }
  // Closes what is open of rules that are not in this policy.
  void withdraw_others(const ActivePolicy& policy);

 private:
  // One rule at work, for the time of a run.
  struct Work {
    const ActiveRule& active;
    const Rule& rule;
    const Resource& resource;
    const PolicyReference& policy;
    const Cause& cause;
    CycleResult& result;
  };
  // A check's answer, and what deviates all the same and has to wait.
  struct Looked {
    Result<CheckResult> seen;
    std::set<std::string> waiting;
  };
  Looked look(const Work& work, const Scope& scope);
  std::optional<std::int64_t> waits_until(const Work& work, const Deviation& deviation) const;
  void put_right(const Work& work, const std::vector<Deviation>& deviations);
  void put_right(const Work& work, Deviation deviation);
  void settle(const Work& work, Receipt receipt);
  void close(Receipt receipt);
  Receipt receipt_for(const Work& work, const Deviation& deviation) const;
  bool may_fix(const Work& work, const Deviation& deviation) const;
  bool is_paused(const ActiveRule& active) const;
  bool is_held(const ActiveRule& active, const PolicyReference& policy) const;
  void wait(const Work& work, Receipt receipt, const CircuitBreaker::Turn& turn);
  void intend(const Work& work, const Receipt& receipt);
  void keep(const Receipt& receipt, Deviation deviation, const Replaced& replaced);
  void open(const Work& work, Receipt receipt);
  void contend(const Work& work, Receipt receipt);
  bool is_still_fought(const Work& work, const Receipt& receipt);
  Receipt ended(const Incident& incident) const;
  void could_not_look(const Work& work, const Scope& scope, const Error& error);
  void close_what_holds(const Work& work, const Scope& scope, const Looked& looked);
  void see_to_the_rest(const Work& work, const CheckResult& seen);
  bool holds_now(const Work& work, const std::string& object) const;
  RuleState state_after(const ActiveRule& active, const Work& work, const Scope& scope,
                        const Result<CheckResult>& seen) const;

  Parts parts_;
  Fixing fixing_ = Fixing::on;
};

}  // namespace reeve
