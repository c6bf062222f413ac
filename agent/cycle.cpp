// What Reeve does, on one page: check, fix, verify, record.
#include "agent/cycle.h"

#include <algorithm>
#include <set>

#include "agent/moment.h"
#include "agent/verdict.h"
#include "common/limits.h"

namespace reeve {
CycleResult Cycle::run(ActivePolicy& policy, std::size_t rule, const Scope& scope,
                       const Cause& cause) {
  ActiveRule& active = policy.rules[rule];
  CycleResult result;
  const Work work{active.rule, *active.resource, policy.reference_of(active), cause, result};

  // Check: what is not as policy wants it?
  const auto seen = work.resource.check(parts_.eyes, scope);
  if (seen.ok()) {
    for (const Deviation& deviation : seen->deviations) put_right(work, deviation);
    close_what_holds(work, scope, *seen);
    result.is_cut_short = is_cut_short(work, *seen);
  } else {
    could_not_look(work, scope, seen.error());
  }
  const RuleState before = std::exchange(active.state, state_after(active, work, scope, seen));
  result.has_changed = active.state != before;
  return result;
}

void Cycle::put_right(const Work& work, const Deviation& deviation) {
  Receipt receipt = receipt_for(work, deviation);
  if (!may_fix(work, deviation)) {
    judge_untouched(receipt, deviation);
    return settle(work, std::move(receipt));
  }
  if (waits(work, receipt)) return;

  // Intent: should we be killed from here on, the next start knows what was begun.
  parts_.accounts.intend(work.rule, receipt);

  // Fix: the smallest act that restores what policy wants.
  const Status acted = work.resource.fix(deviation, *parts_.hands, parts_.eyes);
  if (acted.ok()) receipt.fixed = moment_of(parts_.clock);

  // Verify: the same look that found it; what the fix says of itself does not count.
  const auto left = work.resource.check(parts_.eyes, Scope{deviation.object});
  if (left.ok() && left->holds()) receipt.verified = moment_of(parts_.clock);
  judge(receipt, acted, left);

  // Record: one receipt when it is over, or one when it opens and one when it closes.
  settle(work, std::move(receipt));
}

void Cycle::settle(const Work& work, Receipt receipt) {
  if (is_over(receipt.outcome)) {
    work.result.is_any_over = true;
    return close(std::move(receipt));
  }
  const std::int64_t now = parts_.clock.monotonic_ns();
  Incident* known = parts_.incidents.find(receipt.policy.name, receipt.rule, receipt.object);
  if (known != nullptr && known->is_recorded) return back_off(*known, receipt, now);
  receipt.phase = Phase::open;
  Incident incident{receipt};
  back_off(incident, receipt, now);
  if (!parts_.incidents.open(std::move(incident))) {
    work.result.is_unlisted = true;
    return parts_.accounts.count_only(receipt);
  }
  parts_.accounts.record(receipt);
}

void Cycle::close(Receipt receipt) {
  Incidents& incidents = parts_.incidents;
  const Incident* known = incidents.find(receipt.policy.name, receipt.rule, receipt.object);
  receipt.phase = known != nullptr && known->is_recorded ? Phase::close : Phase::whole;
  incidents.erase(receipt);
  parts_.accounts.record(receipt);
}

// ---- What the page above leaves out. ----

// An incident that is open keeps its id, its severity (and so its stream) and its detection.
Receipt Cycle::receipt_for(const Work& work, const Deviation& deviation) const {
  const Moment now = moment_of(parts_.clock);
  Receipt receipt = begin_receipt(work.rule, work.policy, deviation, work.cause, now);
  const Incident* known = parts_.incidents.find(receipt.policy.name, receipt.rule, receipt.object);
  if (known == nullptr) return receipt;
  receipt.incident = known->receipt.incident;
  receipt.severity = known->receipt.severity;
  receipt.detected = known->receipt.detected;
  receipt.cause = known->receipt.cause;
  receipt.interrupted = known->receipt.interrupted;
  return receipt;
}

bool Cycle::may_fix(const Work& work, const Deviation& deviation) const {
  return parts_.hands != nullptr && work.rule.mode == Mode::enforce && deviation.refusal.empty();
}

bool Cycle::waits(const Work& work, const Receipt& receipt) const {
  const Incident* known = parts_.incidents.find(receipt.policy.name, receipt.rule, receipt.object);
  if (known == nullptr || parts_.clock.monotonic_ns() >= known->retry_at_ns) return false;
  const auto sooner = work.result.retry_at_ns.value_or(known->retry_at_ns);
  work.result.retry_at_ns = std::min(sooner, known->retry_at_ns);
  return true;
}

// Where a whole rule could not be looked at, the incident's object is the empty name.
void Cycle::could_not_look(const Work& work, const Scope& scope, const Error& error) {
  Deviation unseen;
  unseen.object = scope.object.value_or("");
  const Incident* known = parts_.incidents.find(work.policy.name, work.rule.id, unseen.object);
  if (known != nullptr && known->is_recorded) return;
  Receipt receipt = receipt_for(work, unseen);
  judge_unseen(receipt, error);
  settle(work, std::move(receipt));
}

void Cycle::close_what_holds(const Work& work, const Scope& scope, const CheckResult& seen) {
  const auto& open = parts_.incidents.of_rule(work.policy.name, work.rule.id);
  if (open.empty()) return;
  std::set<std::string_view> deviating;
  for (const Deviation& deviation : seen.deviations) deviating.insert(deviation.object);
  const bool is_whole = seen.deviations.size() < limits::check_deviations_max;
  std::vector<Receipt> over;
  for (const auto& [object, incident] : open) {
    if (scope.object && object != *scope.object) continue;
    if (deviating.contains(object)) continue;
    if (!is_whole && !holds_now(work, object)) continue;
    over.push_back(incident.receipt);
    // After a kill between fix and receipt: the fix was made, and it holds.
    over.back().outcome = incident.is_recorded ? outcome::resolved : outcome::fixed;
    if (!object.empty() && !work.resource.covers(object)) over.back().outcome = outcome::withdrawn;
  }
  for (Receipt& receipt : over) {
    receipt.policy = work.policy;
    if (receipt.outcome != outcome::withdrawn) {
      receipt.left = receipt.desired;
      receipt.verified = moment_of(parts_.clock);
    }
    close(std::move(receipt));
  }
}

// Running the rule again is of use where some of what it named has been put right.
bool Cycle::is_cut_short(const Work& work, const CheckResult& seen) const {
  return seen.deviations.size() >= limits::check_deviations_max && work.result.is_any_over;
}

bool Cycle::holds_now(const Work& work, const std::string& object) const {
  const auto seen = work.resource.check(parts_.eyes, Scope{object});
  return seen.ok() && seen->holds();
}

void Cycle::withdraw_others(const ActivePolicy& policy) {
  std::set<std::pair<std::string_view, std::string_view>> in_force;
  for (const ActiveRule& active : policy.rules)
    in_force.emplace(policy.reference_of(active).name, active.rule.id);
  const auto others = parts_.incidents.of_other_rules([&](const auto& name, const auto& rule) {
    return in_force.contains({name, rule});
  });
  for (const Incident& incident : others) {
    Receipt receipt = incident.receipt;
    receipt.outcome = outcome::withdrawn;
    close(std::move(receipt));
  }
}

RuleState Cycle::state_after(const ActiveRule& active, const Work& work, const Scope& scope,
                             const Result<CheckResult>& seen) const {
  if (!seen.ok()) return scope.object ? active.state : RuleState::unknown;
  if (work.result.is_unlisted || work.result.is_cut_short ||
      !parts_.incidents.of_rule(work.policy.name, work.rule.id).empty())
    return RuleState::deviating;
  // What deviates may be unlisted: one object that holds says nothing of the others.
  if (scope.object && parts_.incidents.is_full()) return active.state;
  if (!scope.object) return seen->applicable ? RuleState::holds : RuleState::not_applicable;
  const bool was_known = active.state != RuleState::unknown;
  return was_known && seen->objects > 0 ? RuleState::holds : active.state;
}

}  // namespace reeve
