// What the agent tells the owner of its host.
#include <algorithm>

#include "agent/agent.h"
#include "agent/agent_limits.h"
#include "common/text.h"

namespace reeve {
namespace {

Value::Array texts(const std::vector<std::string>& items) {
  Value::Array out;
  for (const std::string& item : items) out.emplace_back(item);
  return out;
}

Value::Array rules_told(const ActivePolicy& policy) {
  Value::Array out;
  const auto tell = [&](const ActiveRule& rule) {
    if (out.size() >= limits::status_rules_max) return;
    out.push_back(Value::Map{{"policy", policy.reference_of(rule).name},
                             {"rule", rule.rule.id},
                             {"state", name_of(rule.state)},
                             {"severity", name_of(rule.rule.severity)},
                             {"mode", name_of(rule.rule.mode)}});
  };
  for (const ActiveRule& rule : policy.rules)
    if (rule.state != RuleState::holds) tell(rule);
  for (const ActiveRule& rule : policy.rules)
    if (rule.state == RuleState::holds) tell(rule);
  return out;
}

// By its program; by its user where that is all that is known.
std::string words_for(const Cause& rival) {
  std::string out = rival.program;
  if (rival.uid) out += (out.empty() ? "user " : ", user ") + std::to_string(*rival.uid);
  return shortened(printable(out), 256);
}

Value::Array incidents_told(const Incidents& incidents, const Enforcer& enforcer) {
  Value::Array out;
  for (Stream stream : {Stream::urgent, Stream::routine}) {
    for (const Incident* incident : incidents.of_stream(stream)) {
      if (!incident->is_recorded) continue;
      const Receipt* receipt = &incident->receipt;
      if (out.size() >= limits::status_incidents_max) return out;
      Value::Map told{{"rule", receipt->rule},
                      {"object", shortened(printable(receipt->object), 256)},
                      {"outcome", receipt->outcome},
                      {"reason", receipt->reason},
                      {"found", shortened(printable(receipt->found), 128)},
                      {"desired", shortened(printable(receipt->desired), 128)},
                      {"since", receipt->detected.wall_ns}};
      const auto rival = incident->is_contested() ? enforcer.rival_of(*receipt) : std::nullopt;
      if (rival) told.emplace_back("rival", words_for(*rival));
      out.push_back(std::move(told));
    }
  }
  return out;
}

Value::Array pauses_told(const std::vector<VerifiedAct>& pauses) {
  Value::Array out;
  for (const VerifiedAct& pause : pauses)
    out.push_back(Value::Map{{"operator", pause.who},
                             {"until", pause.act.until_s},
                             {"reason", shortened(printable(pause.act.reason), 256)}});
  return out;
}

Value::Map watched_told(const ActivePolicy& policy) {
  std::map<std::string, std::uint64_t> counts;
  for (const ActiveRule& active : policy.rules)
    for (const Watch& watch : active.resource->watches()) {
      if (watch.subject == WatchSubject::ruleset) ++counts["tables"];
      if (watch.subject == WatchSubject::listeners) ++counts["listeners"];
      if (watch.subject == WatchSubject::path)
        ++counts[watch.pattern ? "patterns" : watch.recursive ? "trees" : "paths"];
    }
  Value::Map out;
  for (const auto& [what, count] : counts) out.emplace_back(what, count);
  return out;
}

Value::Array receipts_told(const std::deque<ToldReceipt>& receipts) {
  Value::Array out;
  for (const ToldReceipt& receipt : receipts)
    out.push_back(Value::Map{{"policy", receipt.policy},
                             {"rule", receipt.rule},
                             {"object", printable(receipt.object)},
                             {"outcome", receipt.outcome},
                             {"incident", hex(receipt.incident.view())},
                             {"at", receipt.wall_ns}});
  return out;
}

}  // namespace

Value::Map Agent::status() const {
  Value::Map counts;
  const auto states = enforcer_.counts();
  for (std::size_t i = 0; i < states.size(); ++i)
    if (states[i] > 0)
      counts.emplace_back(std::string(name_of(static_cast<RuleState>(i))),
                          std::uint64_t{states[i]});
  const ActivePolicy& policy = enforcer_.policy();
  return {{"node", parts_.identity.certificate.name},
          {"id", hex(parts_.identity.certificate.node.view())},
          {"epoch", hex(recorder_.epoch().view())},
          {"agent", REEVE_VERSION},
          {"policy", store_.version()},
          {"stale", store_.is_stale()},
          {"refused", store_.last_refusal()},
          {"rules", std::uint64_t{policy.rules.size()}},
          {"states", std::move(counts)},
          {"watched", watched_told(policy)},
          {"paused", pauses_told(pausing_)},
          {"owner_acts", owner_acts_told()},
          {"link", link_is_up_ ? "up" : "down"},
          {"isolation", isolation_},
          {"record_key", keys_->number()},
          {"key_fork", key_is_forked_},
          {"ledger_size", ledger_.accepted().size},
          {"ledger_error", ledger_trouble()},
          {"sensors", texts(enforcer_.sensor_names())},
          {"blind_spots", texts(enforcer_.blind_spots())},
          {"unacknowledged", std::uint64_t{outbox_.in_flight()}},
          {"acknowledged", acknowledged_wall_ns_},
          {"disk", disk_refusal_},
          {"last", receipts_told(enforcer_.last_receipts())},
          {"rule_states", rules_told(policy)},
          {"open", incidents_told(incidents_, enforcer_)}};
}

}  // namespace reeve
