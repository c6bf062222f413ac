#include "agent/receipt_budget.h"

#include <algorithm>

#include "common/seal.h"

namespace reeve {

bool ReceiptBudget::is_payable(const OfRule& of, std::int64_t now_ns) {
  constexpr auto credit_ns =
      static_cast<std::int64_t>(limits::rule_receipts_max) * limits::rule_receipt_ns;
  return std::max(of.paid_until_ns, now_ns) + limits::rule_receipt_ns <= now_ns + credit_ns;
}

bool ReceiptBudget::has_room(const Receipt& receipt, std::int64_t now_ns) const {
  const auto found = rules_.find({receipt.policy.name, receipt.rule});
  return found == rules_.end() || is_payable(found->second, now_ns);
}

bool ReceiptBudget::take(const Receipt& receipt, Moment now) {
  OfRule& of = rules_[{receipt.policy.name, receipt.rule}];
  if (is_payable(of, now.mono_ns)) {
    of.paid_until_ns = std::max(of.paid_until_ns, now.mono_ns) + limits::rule_receipt_ns;
    return true;
  }
  if (!of.gap) {
    of.gap = Gap{};
    of.gap->policy = receipt.policy.name;
    of.gap->rule = receipt.rule;
    of.gap->stream = stream_for(receipt.severity);
    of.gap->since_ns = now.wall_ns;
    of.due_ns = now.mono_ns + limits::rule_gap_ns;
  }
  Gap& gap = *of.gap;
  ++gap.count;
  ++gap.by_severity[static_cast<std::size_t>(receipt.severity)];
  gap.until_ns = now.wall_ns;
  gap.hash = sha256({gap.hash.view(), encode_receipt(receipt, now)});
  return false;
}

std::vector<ReceiptBudget::Gap> ReceiptBudget::take_due(std::int64_t now_ns) {
  std::vector<Gap> out;
  for (auto rule = rules_.begin(); rule != rules_.end();) {
    OfRule& of = rule->second;
    if (of.gap && of.due_ns <= now_ns) {
      out.push_back(std::move(*of.gap));
      of.gap.reset();
    }
    // One that has its whole credit again is as good as one that never wrote.
    const bool is_new = !of.gap && of.paid_until_ns <= now_ns;
    rule = is_new ? rules_.erase(rule) : std::next(rule);
  }
  return out;
}

std::optional<std::int64_t> ReceiptBudget::next_due() const {
  std::optional<std::int64_t> due;
  for (const auto& [rule, of] : rules_)
    if (of.gap) due = std::min(due.value_or(of.due_ns), of.due_ns);
  return due;
}

}  // namespace reeve
