// What operators' acts do to an agent: the one statement from outside that lets it do less, within
// bounds that it keeps itself.
#include <fmt/format.h>

#include <algorithm>

#include "agent/agent.h"
#include "common/text.h"

namespace reeve {
namespace {

bool holds_act(const std::vector<VerifiedAct>& acts, const ActId& id) {
  return std::ranges::any_of(acts, [&](const VerifiedAct& one) { return one.act.id == id; });
}

}  // namespace

void Agent::hear_act(ByteView payload) {
  const auto refused = pauses_.offer(payload, store_.root());
  if (refused) record_refusal(*refused, sha256(payload));
  apply_pauses();
}

// Compares what counts now with what is on record: each beginning and each end is recorded before
// it has effect.
void Agent::apply_pauses() {
  pauses_.expire(store_.root());
  auto now = pauses_.of_version(store_.version());
  const auto before = std::exchange(pausing_, now);
  for (const VerifiedAct& act : now)
    if (!holds_act(before, act.act.id)) record_pause(act);
  for (const VerifiedAct& act : before)
    if (!holds_act(now, act.act.id)) record_resumption(act);
  enforcer_.set_fixing(now.empty() ? Fixing::on : Fixing::paused);
  if (now != before) heartbeat_due_ = 0;
}

void Agent::record_pause(const VerifiedAct& act) {
  parts_.notes.note(fmt::format("enforcement of version {} is paused by {}: {}", act.act.version,
                                act.who, printable(act.act.reason)));
  recorder_.add("enforcement_paused", std::nullopt,
                {{"act", act.act.id},
                 {"version", act.act.version},
                 {"until", act.act.until_s},
                 {"reason", act.act.reason},
                 {"operator", act.who},
                 {"key", act.key}});
}

void Agent::record_resumption(const VerifiedAct& act) {
  const VerifiedAct* end = pauses_.ended_by(act.act.id);
  const std::string_view why = end != nullptr                        ? "ended"
                               : act.act.version != store_.version() ? "superseded"
                               : act.act.until_s > time_.now_s()     ? "withdrawn"
                                                                     : "over";
  parts_.notes.note(fmt::format("enforcement of version {} goes on: {}", act.act.version, why));
  Value::Map fields{{"act", act.act.id}, {"version", act.act.version}, {"why", why}};
  if (end != nullptr) {
    fields.emplace_back("operator", end->who);
    fields.emplace_back("key", end->key);
  }
  recorder_.add("enforcement_resumed", std::nullopt, std::move(fields));
}

}  // namespace reeve
