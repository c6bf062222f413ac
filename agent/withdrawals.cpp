#include "agent/withdrawals.h"

#include <set>

#include "agent/moment.h"
#include "agent/verdict.h"

namespace reeve {

void Withdrawals::depart(ActivePolicy old, const ActivePolicy& now) {
  std::set<std::string> marks;
  for (const ActiveRule& active : now.rules)
    if (auto mark = active.resource->mark()) marks.insert(std::move(*mark));
  std::erase_if(departed_, [&](const Departed& one) { return marks.contains(one.mark); });
  for (ActiveRule& active : old.rules) {
    auto mark = active.resource->mark();
    if (!mark || active.rule.mode != Mode::enforce || marks.contains(*mark)) continue;
    const PolicyReference policy = old.reference_of(active);
    departed_.push_back(
        {std::move(active.rule), std::move(active.resource), policy, std::move(*mark)});
  }
}

void Withdrawals::run(const Eyes& eyes, Hands& hands, const Clock& clock, Accounts& accounts) {
  std::erase_if(departed_,
                [&](Departed& one) { return take_away(one, eyes, hands, clock, accounts); });
}

bool Withdrawals::take_away(Departed& one, const Eyes& eyes, Hands& hands, const Clock& clock,
                            Accounts& accounts) {
  const auto before = one.resource->is_left(eyes);
  if (before.ok() && !*before) return true;
  Deviation deviation;
  deviation.object = one.mark;
  deviation.desired = "nothing of a rule that has left policy";
  deviation.found = "still there";
  Cause cause;
  cause.via = "adoption";
  Receipt receipt = begin_receipt(one.rule, one.policy, deviation, cause, moment_of(clock));
  Status acted = before.ok() ? Status() : Status(before.error());
  if (acted.ok()) {
    accounts.intend(receipt, Intent::plain);
    acted = one.resource->withdraw(hands, eyes);
    if (acted.ok()) receipt.fixed = moment_of(clock);
  }
  const auto after = one.resource->is_left(eyes);
  const bool is_gone = after.ok() && !*after;
  receipt.outcome = is_gone ? outcome::withdrawn : outcome::not_held;
  if (is_gone) {
    receipt.verified = moment_of(clock);
    receipt.left = receipt.desired;
  } else if (!acted.ok()) {
    receipt.outcome = outcome::fix_failed;
    receipt.reason = acted.error().name;
    receipt.detail = acted.error().detail;
  }
  if (is_gone || !std::exchange(one.is_told, true)) accounts.record(receipt);
  return is_gone;
}

}  // namespace reeve
