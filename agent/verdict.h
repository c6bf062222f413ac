// What the cycle says about one deviation: pure functions that fill in a receipt. They decide
// nothing about when or whether to act.
#pragma once

#include "agent/active_policy.h"
#include "agent/incidents.h"

namespace reeve {

// A new incident's receipt, as far as it is known before anything is done.
Receipt begin_receipt(const Rule& rule, const PolicyReference& policy, const Deviation& deviation,
                      const Cause& cause, Moment detected);
// The outcome for a deviation that is not fixed: by its refusal, else for being audited only.
void judge_untouched(Receipt& receipt, const Deviation& deviation);
// The outcome of a fix, by what it answered and by what the second look found.
void judge(Receipt& receipt, const Status& acted, const Result<CheckResult>& left);
// The outcome where the state could not even be read.
void judge_unseen(Receipt& receipt, const Error& error);
// True for outcomes that end an incident.
bool is_over(std::string_view outcome);

// After a fix that did not work: the next one waits twice as long, within limits.h. What an act
// found replaced under its hands is tried again at once.
void back_off(Incident& incident, const Receipt& tried, std::int64_t now_ns);

}  // namespace reeve
