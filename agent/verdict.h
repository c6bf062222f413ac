// What the cycle says about one deviation: pure functions that fill in a receipt. They decide
// nothing about when or whether to act.
#pragma once

#include "agent/active_policy.h"
#include "agent/incidents.h"

namespace reeve {

// Who is behind it: the sensor's word, else what the look itself showed.
Cause actor_of(const Cause& cause, const Deviation& deviation);
// A new incident's receipt, as far as it is known before anything is done.
Receipt begin_receipt(const Rule& rule, const PolicyReference& policy, const Deviation& deviation,
                      const Cause& cause, Moment detected);
// The outcome for a deviation that is not fixed: by its refusal, else for being audited only.
void judge_untouched(Receipt& receipt, const Deviation& deviation);
// The outcome of a fix, by what it answered and by what the second look found.
void judge(Receipt& receipt, const Status& acted, const Result<CheckResult>& left);
// The outcome where the state could not even be read.
void judge_unseen(Receipt& receipt, const Error& error);
// The outcome where a fix has to wait, for one of the breaker's reasons.
void judge_waiting(Receipt& receipt, std::string_view reason);
// The outcome where an operator's act pauses all fixes (`act`), or the host's owner this rule
// (`owner`).
void judge_paused(Receipt& receipt, std::string_view reason);
// The outcome where the host's owner has undone this fix.
void judge_held(Receipt& receipt);
// The outcome of an incident that is a contention, whatever its last fix did.
void judge_contested(Receipt& receipt);
// True for outcomes that end an incident.
bool is_over(std::string_view outcome);

}  // namespace reeve
