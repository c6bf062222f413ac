#include "agent/verdict.h"

namespace reeve {
namespace {

bool is_unsafe(std::string_view error) { return error == outcome::unsafe_path; }

void because(Receipt& receipt, const Error& error) {
  receipt.reason = error.name;
  receipt.detail = error.detail;
}

}  // namespace

Cause actor_of(const Cause& cause, const Deviation& deviation) {
  if (cause.confidence != Confidence::unknown || !deviation.culprit) return cause;
  Cause actor = *deviation.culprit;
  actor.via = cause.via;
  return actor;
}

Receipt begin_receipt(const Rule& rule, const PolicyReference& policy, const Deviation& deviation,
                      const Cause& cause, Moment detected) {
  Receipt receipt;
  receipt.incident = random_bytes<16>();
  receipt.rule = rule.id;
  receipt.title = rule.title;
  receipt.kind = rule.kind;
  receipt.object = deviation.object;
  receipt.severity = rule.severity;
  receipt.owner = rule.owner;
  receipt.controls = rule.controls;
  receipt.mode = rule.mode;
  receipt.desired = deviation.desired;
  receipt.found = deviation.found;
  receipt.left = deviation.found;
  receipt.cause = actor_of(cause, deviation);
  receipt.policy = policy;
  receipt.detected = detected;
  return receipt;
}

void judge_untouched(Receipt& receipt, const Deviation& deviation) {
  receipt.left = deviation.found;
  const bool is_refused = !deviation.refusal.empty() && deviation.refusal != report_only;
  if (is_refused) because(receipt, {deviation.refusal, deviation.refusal_detail});
  if (receipt.mode == Mode::audit || !is_refused)
    receipt.outcome = outcome::audited;
  else
    receipt.outcome = is_unsafe(deviation.refusal) ? outcome::unsafe_path : outcome::fix_failed;
}

void judge(Receipt& receipt, const Status& acted, const Result<CheckResult>& left) {
  if (!acted.ok()) because(receipt, acted.error());
  if (!left.ok()) {
    receipt.left.clear();
    return judge_unseen(receipt, left.error());
  }
  if (left->holds()) {
    receipt.left = receipt.desired;
    receipt.outcome = acted.ok() ? outcome::fixed : outcome::resolved;
    return;
  }
  receipt.left = left->deviations.front().found;
  if (acted.ok())
    receipt.outcome = outcome::not_held;
  else
    receipt.outcome = is_unsafe(acted.error().name) ? outcome::unsafe_path : outcome::fix_failed;
}

void judge_unseen(Receipt& receipt, const Error& error) {
  because(receipt, error);
  receipt.outcome = is_unsafe(error.name) ? outcome::unsafe_path : outcome::check_failed;
}

bool is_over(std::string_view what) {
  return what == outcome::fixed || what == outcome::resolved || what == outcome::withdrawn;
}

void judge_waiting(Receipt& receipt, std::string_view reason) {
  receipt.outcome = outcome::held_back;
  receipt.reason = reason;
}

void judge_paused(Receipt& receipt, std::string_view reason) {
  receipt.outcome = outcome::paused;
  receipt.reason = reason;
}

void judge_held(Receipt& receipt) {
  receipt.outcome = outcome::held;
  receipt.reason = "owner";
}

void judge_contested(Receipt& receipt) {
  receipt.outcome = outcome::contested;
  receipt.reason = "breaker";
}

}  // namespace reeve
