// What Reeve does, on one page: check, fix, verify, record.
#include "agent/cycle.h"

#include <algorithm>
#include <set>

#include "agent/agent_limits.h"
#include "agent/kind_limits.h"
#include "agent/moment.h"
#include "agent/verdict.h"

namespace reeve {
CycleResult Cycle::run(ActivePolicy& policy, std::size_t rule, const Scope& scope,
                       const Cause& cause) {
  ActiveRule& active = policy.rules[rule];
  CycleResult result;
  const Work work{active, active.rule, *active.resource, policy.reference_of(active),
                  cause,  result};

  // Check: what is not as policy wants it?
  const Looked looked = look(work, scope);
  const auto& seen = looked.seen;
  if (seen.ok()) {
    result.has_deviated = !seen->holds();
    put_right(work, seen->deviations);
    close_what_holds(work, scope, looked);
    see_to_the_rest(work, *seen);
  }
  if (!seen.ok() || seen->unseen)
    could_not_look(work, scope, seen.ok() ? *seen->unseen : seen.error());
  const RuleState before = std::exchange(active.state, state_after(active, work, scope, seen));
  result.has_changed = active.state != before;
  return result;
}

// As many as fit into one slice of time, the rest in the next.
void Cycle::put_right(const Work& work, const std::vector<Deviation>& deviations) {
  const std::int64_t until = parts_.clock.monotonic_ns() + limits::work_slice_ns;
  for (const Deviation& deviation : deviations) {
    work.result.is_cut_short = parts_.clock.monotonic_ns() >= until;
    if (work.result.is_cut_short) return;
    put_right(work, deviation);
  }
}

void Cycle::put_right(const Work& work, Deviation deviation) {
  Receipt receipt = receipt_for(work, deviation);
  const Cause actor = actor_of(work.cause, deviation);
  if (!may_fix(work, deviation)) {
    parts_.breaker.seen(work.rule, receipt, actor, parts_.clock.monotonic_ns());
    judge_untouched(receipt, deviation);
    return settle(work, std::move(receipt));
  }
  // Pause: an operator's act, or the host's owner, lets nothing be put right now. Hold: the owner
  // has undone this fix.
  if (is_paused(work.active)) {
    judge_paused(receipt, fixing_ == Fixing::paused ? "act" : "owner");
    return settle(work, std::move(receipt));
  }
  if (work.active.held.contains(deviation.object)) {
    judge_held(receipt);
    return settle(work, std::move(receipt));
  }
  // Breaker: what is fought over, keeps failing or uses too much waits for its turn.
  const auto turn = parts_.breaker.turn(work.rule, receipt, actor, parts_.clock.monotonic_ns());
  if (turn.waits()) return wait(work, std::move(receipt), turn);
  deviation.rung = turn.rung;

  // Intent: should we be killed from here on, the next start knows what was begun.
  intend(work, receipt);

  // Keep: what the fix replaces, so that the host's owner can undo it.
  const Replaced replaced = work.resource.replaced_by_fix(deviation, parts_.eyes);

  // Fix: the smallest act that restores what policy wants.
  const Status acted = work.resource.fix(deviation, *parts_.hands, parts_.eyes);
  if (acted.ok()) receipt.fixed = moment_of(parts_.clock);

  // Verify: the same look that found it; what the fix says of itself does not count.
  const auto left = work.resource.check(parts_.eyes, Scope{deviation.object});
  if (left.ok() && left->holds()) receipt.verified = moment_of(parts_.clock);
  judge(receipt, acted, left);
  parts_.breaker.tried(work.rule, receipt, actor, parts_.clock.monotonic_ns());
  work.result.is_any_new = true;

  if (replaced.can_be_undone && receipt.outcome == outcome::fixed)
    keep(receipt, std::move(deviation), replaced);

  // Record: one receipt when it is over, or one when it opens and one when it closes.
  settle(work, std::move(receipt));
}

void Cycle::settle(const Work& work, Receipt receipt) {
  const bool is_contested = parts_.breaker.is_contested(receipt);
  if (is_over(receipt.outcome)) {
    work.result.is_any_over = true;
    if (!is_contested) return close(std::move(receipt));
  }
  if (is_contested) return contend(work, std::move(receipt));
  const Incident* known = parts_.incidents.find(receipt.policy.name, receipt.rule, receipt.object);
  if (known == nullptr || !known->is_recorded) open(work, std::move(receipt));
}

void Cycle::open(const Work& work, Receipt receipt) {
  receipt.phase = Phase::open;
  if (!parts_.incidents.open(Incident{receipt})) {
    work.result.is_unlisted = true;
    return parts_.accounts.count_only(receipt);
  }
  work.result.is_any_new = true;
  parts_.accounts.record(receipt);
}

void Cycle::close(Receipt receipt) {
  Incidents& incidents = parts_.incidents;
  const Incident* known = incidents.find(receipt.policy.name, receipt.rule, receipt.object);
  receipt.phase = known != nullptr && known->is_recorded ? Phase::close : Phase::whole;
  const bool was_contested = known != nullptr && known->is_contested();
  incidents.erase(receipt);
  parts_.accounts.record(receipt);
  if (!was_contested) return;
  const Moment now = moment_of(parts_.clock);
  parts_.accounts.record(parts_.breaker.contention(receipt, Phase::close, now));
  parts_.breaker.forget(receipt);
}

// ---- What the page above leaves out. ----

// Where a rule has so many incidents that they could take all the room of a check, those that are
// known to wait are not named again, but when the first of them is due.
Cycle::Looked Cycle::look(const Work& work, const Scope& scope) {
  std::set<std::string> waiting;
  std::optional<std::int64_t> first_ns;
  Scope asked = scope;
  const auto& open = parts_.incidents.of_rule(work.policy.name, work.rule.id);
  if (!scope.object && open.size() >= limits::check_fixable_max / 2)
    asked.is_known = [&](const Deviation& deviation) {
      const auto due_ns = waits_until(work, deviation);
      if (!due_ns) return false;
      first_ns = std::min(first_ns.value_or(*due_ns), *due_ns);
      waiting.insert(deviation.object);
      return true;
    };
  auto seen = work.resource.check(parts_.eyes, asked);
  if (first_ns && *first_ns != INT64_MAX) work.result.rechecks.push_back({"", *first_ns});
  return {std::move(seen), std::move(waiting)};
}

// Absent where something is to be done or told; INT64_MAX where nothing will be by the clock.
std::optional<std::int64_t> Cycle::waits_until(const Work& work, const Deviation& deviation) const {
  if (may_fix(work, deviation))
    return parts_.breaker.waits_until(work.rule, work.policy.name, deviation.object,
                                      parts_.clock.monotonic_ns());
  const Incident* known = parts_.incidents.find(work.policy.name, work.rule.id, deviation.object);
  const bool is_told = known != nullptr && known->is_recorded && !known->is_contested();
  return is_told ? std::optional(INT64_MAX) : std::nullopt;
}

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

bool Cycle::is_paused(const ActiveRule& active) const {
  return (fixing_ == Fixing::paused || active.is_paused) && active.rule.mode == Mode::enforce;
}

// True where nothing is open but what the host's owner has undone.
bool Cycle::is_held(const ActiveRule& active, const PolicyReference& policy) const {
  const auto& open = parts_.incidents.of_rule(policy.name, active.rule.id);
  return !open.empty() && std::ranges::all_of(open, [&](const auto& one) {
    return active.held.contains(one.first);
  });
}

// What waits for the agent's budget is looked at together, all else by itself.
void Cycle::wait(const Work& work, Receipt receipt, const CircuitBreaker::Turn& turn) {
  const bool is_shared = turn.reason == "budget";
  work.result.rechecks.push_back({is_shared ? std::string() : receipt.object, turn.at_ns});
  judge_waiting(receipt, turn.reason);
  settle(work, std::move(receipt));
}

// Of a contention the journal knows by the record that opened it: an intent for each of its fixes
// would let a rival fill the disk. An act that cannot be repeated has its own all the same.
void Cycle::intend(const Work& work, const Receipt& receipt) {
  const bool is_durable = work.rule.durable_intent || work.resource.wants_durable_intent();
  const Incident* known = parts_.incidents.find(receipt.policy.name, receipt.rule, receipt.object);
  if (!is_durable && known != nullptr && known->is_recorded && known->is_contested()) return;
  parts_.accounts.intend(receipt, is_durable ? Intent::durable : Intent::plain);
}

// Of a contention only the first fixes: a rival would push all else out of what is kept.
void Cycle::keep(const Receipt& receipt, Deviation deviation, const Replaced& replaced) {
  if (parts_.breaker.is_contested(receipt)) return;
  parts_.accounts.keep(receipt, {std::move(deviation.object), std::move(deviation.found),
                                 std::move(deviation.reference), replaced});
}

// The fixes of a contention are folded into its one incident, which stays open until the object has
// held for a while.
void Cycle::contend(const Work& work, Receipt receipt) {
  const Moment now = moment_of(parts_.clock);
  if (!is_over(receipt.outcome))
    parts_.breaker.deviates(receipt);
  else
    work.result.rechecks.push_back({receipt.object, now.mono_ns + limits::contention_held_ns});
  judge_contested(receipt);
  Incident* known = parts_.incidents.find(receipt.policy.name, receipt.rule, receipt.object);
  if (known != nullptr && known->is_contested()) return;
  if (known != nullptr && known->is_recorded) {
    known->receipt.outcome = receipt.outcome;
    known->receipt.reason = receipt.reason;
  } else {
    open(work, receipt);
    if (work.result.is_unlisted) return;
  }
  parts_.accounts.record(parts_.breaker.contention(receipt, Phase::open, now));
}

// True while an object that holds has not held for long enough to end its contention.
bool Cycle::is_still_fought(const Work& work, const Receipt& receipt) {
  const std::int64_t now = parts_.clock.monotonic_ns();
  const auto calm_at = parts_.breaker.calm_at(receipt, now);
  if (!calm_at || *calm_at <= now) return false;
  work.result.rechecks.push_back({receipt.object, *calm_at});
  return true;
}

// Where a whole rule could not be looked at, the incident's object is the empty name.
void Cycle::could_not_look(const Work& work, const Scope& scope, const Error& error) {
  Deviation unseen;
  unseen.object = scope.object.value_or("");
  const Incident* known = parts_.incidents.find(work.policy.name, work.rule.id, unseen.object);
  if (known != nullptr && known->is_recorded) return;
  Receipt receipt = receipt_for(work, unseen);
  parts_.breaker.seen(work.rule, receipt, work.cause, parts_.clock.monotonic_ns());
  judge_unseen(receipt, error);
  settle(work, std::move(receipt));
}

void Cycle::close_what_holds(const Work& work, const Scope& scope, const Looked& looked) {
  const CheckResult& seen = *looked.seen;
  const auto& open = parts_.incidents.of_rule(work.policy.name, work.rule.id);
  if (open.empty()) return;
  std::set<std::string_view> deviating;
  for (const Deviation& deviation : seen.deviations) deviating.insert(deviation.object);
  std::vector<Receipt> over;
  for (const auto& [object, incident] : open) {
    if (scope.object && object != *scope.object) continue;
    if (deviating.contains(object) || looked.waiting.contains(object)) continue;
    if (object.empty() ? seen.unseen.has_value() : seen.is_partial && !holds_now(work, object))
      continue;
    const bool is_covered = object.empty() || work.resource.covers(object);
    if (is_covered && is_still_fought(work, incident.receipt)) continue;
    over.push_back(ended(incident));
    if (!is_covered) over.back().outcome = outcome::withdrawn;
  }
  for (Receipt& receipt : over) {
    receipt.policy = work.policy;
    if (receipt.outcome != outcome::withdrawn) {
      receipt.left = receipt.desired;
      receipt.verified = moment_of(parts_.clock);
      parts_.breaker.closed(receipt, parts_.clock.monotonic_ns());
    }
    close(std::move(receipt));
  }
}

// Its receipt without an act of this run. After a kill between fix and receipt the fix was made,
// and it holds; so was the last one of a contention.
Receipt Cycle::ended(const Incident& incident) const {
  Receipt receipt = incident.receipt;
  receipt.outcome = incident.is_recorded ? outcome::resolved : outcome::fixed;
  receipt.reason = incident.is_contested() ? "" : receipt.reason;
  if (const auto put_right_ns = parts_.breaker.put_right_at(receipt)) {
    const Moment now = moment_of(parts_.clock);
    receipt.outcome = outcome::fixed;
    receipt.fixed = {*put_right_ns, now.wall_ns - (now.mono_ns - *put_right_ns)};
  }
  return receipt;
}

// Of more deviations than a check may name, the rest is seen at once where these leave room for it,
// else when the first of these may be put right.
void Cycle::see_to_the_rest(const Work& work, const CheckResult& seen) {
  if (!seen.has_more) return;
  CycleResult& result = work.result;
  result.is_cut_short = result.is_cut_short || result.is_any_over || result.is_any_new;
  auto& rechecks = result.rechecks;
  const auto first = std::ranges::min_element(rechecks, {}, &Recheck::at_ns);
  if (first != rechecks.end()) rechecks.push_back({"", first->at_ns});
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

namespace {

// What this host has no means for will not be there at the next look either.
RuleState unseen_state(const Error& error) {
  return error.name.ends_with("_unsupported") ? RuleState::unsupported : RuleState::unknown;
}

}  // namespace

RuleState Cycle::state_after(const ActiveRule& active, const Work& work, const Scope& scope,
                             const Result<CheckResult>& seen) const {
  // An object that could not be looked at has an incident of its own.
  const bool is_unseen = !scope.object && (!seen.ok() || seen->unseen);
  if (is_paused(active)) return is_unseen ? RuleState::unknown : RuleState::paused;
  const auto& open = parts_.incidents.of_rule(work.policy.name, work.rule.id);
  for (const auto& [object, incident] : open)
    if (incident.is_contested()) return RuleState::contested;
  if (is_unseen) return unseen_state(seen.ok() ? *seen->unseen : seen.error());
  if (!seen.ok()) return active.state == RuleState::unknown ? active.state : RuleState::deviating;
  if (work.result.is_unlisted || work.result.is_cut_short) return RuleState::deviating;
  if (!open.empty()) return is_held(active, work.policy) ? RuleState::held : RuleState::deviating;
  // What deviates may be unlisted: one object that holds says nothing of the others.
  const bool is_full = parts_.incidents.is_full(work.policy.name, work.rule.id);
  if (scope.object && is_full) return active.state;
  if (!scope.object) return seen->applicable ? RuleState::holds : RuleState::not_applicable;
  const bool was_known =
      active.state != RuleState::unknown && active.state != RuleState::unsupported;
  return was_known && seen->objects > 0 ? RuleState::holds : active.state;
}

}  // namespace reeve
