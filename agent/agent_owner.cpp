// What the owner of the host asks for on the control socket, within what policy lets them: what
// speaks about a thing here, and a rule that is paused for a while.
#include <fmt/format.h>

#include <algorithm>

#include "agent/agent.h"
#include "common/text.h"

namespace reeve {
namespace {

std::string asked_text(const Value& question, std::string_view key) {
  const Value* value = question.find(key);
  return value == nullptr ? std::string() : value->any_name().value_or("");
}

bool holds_act(const std::vector<OwnerAct>& acts, const ActId& id) {
  return std::ranges::any_of(acts, [&](const OwnerAct& one) { return one.id == id; });
}

void add_asker(Value::Map& out, const Asker& who) {
  out.emplace_back("pid", who.pid);
  out.emplace_back("uid", who.uid);
  if (who.login_uid) out.emplace_back("login", *who.login_uid);
}

Value::Map fields_of(const OwnerAct& act) {
  Value::Map out{{"act", act.id}, {"policy", act.policy}, {"rule", act.rule}};
  if (act.is_hold()) out.emplace_back("object", Value::name(act.object));
  return out;
}

std::string words_for(const Asker& who) {
  return who.login_uid ? fmt::format("uid {}, logged in as uid {}", who.uid, *who.login_uid)
                       : fmt::format("uid {}", who.uid);
}

Error reason_missing() {
  return {"usage", "a reason is needed, of at most 256 bytes",
          "say why, for whoever reads the ledger: --reason TEXT"};
}

}  // namespace

Result<Value::Map> Agent::answer(const Value& question, const Asker& who) {
  const std::string operation = asked_text(question, "operation");
  if (operation == "status") return status();
  if (operation == "why") return why(question);
  if (operation == "pause") return pause(question, who);
  if (operation == "end_pause") return end_pause(question, who);
  if (operation == "undo") return undo(question, who);
  if (operation == "rotate") {
    REEVE_TRY(rotate_transport_key());
    return Value::Map{{"rotate", "begun"}};
  }
  return Error{"unknown_operation",
               "the agent does not know the operation " + shortened(printable(operation), 64),
               "agent and command are of different versions: start the agent anew"};
}

// RULE, or POLICY/RULE where several policies have one of that name.
Result<const ActiveRule*> Agent::rule_named(const std::string& name) const {
  const ActivePolicy& policy = enforcer_.policy();
  std::vector<const ActiveRule*> found;
  std::vector<std::string> names;
  for (const ActiveRule& active : policy.rules) {
    const std::string full = policy.reference_of(active).name + "/" + active.rule.id;
    if (active.rule.id == name || full == name) found.push_back(&active);
    names.push_back(active.rule.id);
  }
  if (found.size() == 1) return found.front();
  if (found.size() > 1)
    return Error{"ambiguous_rule", "several policies have a rule " + shortened(name, 128),
                 "name its policy as well: POLICY/RULE"};
  const std::string near = closest(name.substr(0, 128), names);
  return Error{"no_such_rule", "no rule in force here is called " + shortened(printable(name), 128),
               near.empty() ? "reeve-agent status" : fmt::format("did you mean `{}`?", near)};
}

const ActiveRule* Agent::rule_of(const OwnerAct& act) const {
  const ActivePolicy& policy = enforcer_.policy();
  for (const ActiveRule& active : policy.rules)
    if (active.rule.id == act.rule && policy.reference_of(active).name == act.policy)
      return &active;
  return nullptr;
}

// Error: `usage` for a reason or a time that is none, and those of OwnerActs::begin().
Result<OwnerAct> Agent::begin_owner_act(OwnerAct act, const Value& question, const Rule& rule) {
  const Value* span = question.find("for");
  const auto span_s = span == nullptr ? std::nullopt : span->integer();
  if (!span_s || *span_s < 1 || *span_s > limits::pause_s_max)
    return Error{"usage", "a pause is for 1 second to 24 hours", "--for 30m"};
  act.reason = asked_text(question, "reason");
  if (act.reason.empty() || act.reason.size() > limits::owner_reason_bytes_max ||
      !is_utf8(act.reason))
    return reason_missing();
  return owner_.begin(std::move(act), *span_s, 60 * rule.owner_pause_minutes);
}

Result<Value::Map> Agent::pause(const Value& question, const Asker& who) {
  const auto found = rule_named(asked_text(question, "rule"));
  if (!found.ok()) return found.error();
  const Rule& rule = (*found)->rule;
  OwnerAct act;
  act.policy = enforcer_.policy().reference_of(**found).name;
  act.rule = rule.id;
  act.who = who;
  const auto begun = begin_owner_act(std::move(act), question, rule);
  if (!begun.ok()) return begun.error();
  apply_owner_acts();
  return Value::Map{{"rule", begun->rule},
                    {"policy", begun->policy},
                    {"until", begun->until_s},
                    {"enforced", rule.mode == Mode::enforce}};
}

// Every act about the rule, holds of single objects too.
Result<Value::Map> Agent::end_pause(const Value& question, const Asker& who) {
  const auto found = rule_named(asked_text(question, "rule"));
  if (!found.ok()) return found.error();
  std::uint64_t ended = 0;
  for (const OwnerAct& act : owner_.counting()) {
    if (rule_of(act) != *found) continue;
    endings_[act.id] = {"ended", who};
    owner_.end(act.id);
    ++ended;
  }
  if (ended == 0)
    return Error{"not_paused", "nobody on this host has paused " + (*found)->rule.id,
                 "what operators pause is ended by `reeve pause --end ID`"};
  apply_owner_acts();
  return Value::Map{{"rule", (*found)->rule.id}, {"ended", ended}};
}

// Policy that has changed may allow less than what was begun under the one before.
void Agent::end_what_policy_forbids() {
  for (const OwnerAct& act : owner_.counting()) {
    const ActiveRule* active = rule_of(act);
    const std::int64_t allowed_s = active == nullptr ? 0 : 60 * active->rule.owner_pause_minutes;
    if (active != nullptr && owner_.left_s(act.id) <= allowed_s) continue;
    endings_[act.id] = {active == nullptr ? "withdrawn" : "superseded", std::nullopt};
    owner_.end(act.id);
  }
}

// Compares what counts now with what is on record, as apply_pauses() does for operators' acts.
void Agent::apply_owner_acts() {
  if (enforcer_.policy().version > 0) end_what_policy_forbids();
  owner_.expire();
  const auto now = owner_.counting();
  const auto before = std::exchange(letting_be_, now);
  std::vector<LetBe> all;
  for (const OwnerAct& act : now) {
    all.push_back({act.policy, act.rule, act.object});
    if (!holds_act(before, act.id)) record_owner_act(act);
  }
  for (const OwnerAct& act : before)
    if (!holds_act(now, act.id)) record_owner_end(act);
  endings_.clear();
  enforcer_.let_be(all);
  if (now != before) heartbeat_due_ = 0;
}

void Agent::record_owner_act(const OwnerAct& act) {
  parts_.notes.note(fmt::format("{} is {} by the host's owner ({}): {}", act.rule,
                                act.is_hold() ? "held" : "paused", words_for(act.who),
                                printable(act.reason)));
  Value::Map fields = fields_of(act);
  fields.emplace_back("until", act.until_s);
  fields.emplace_back("reason", act.reason);
  add_asker(fields, act.who);
  recorder_.add(act.is_hold() ? "object_held" : "rule_paused", std::nullopt, std::move(fields));
}

void Agent::record_owner_end(const OwnerAct& act) {
  const auto ending = endings_.find(act.id);
  // One that another of the same rule and object took the place of ended without a word.
  const std::string_view why = ending != endings_.end()      ? ending->second.why
                               : act.until_s > time_.now_s() ? "replaced"
                                                             : "over";
  parts_.notes.note(
      fmt::format("{} is {} no more: {}", act.rule, act.is_hold() ? "held" : "paused", why));
  Value::Map fields = fields_of(act);
  fields.emplace_back("why", why);
  if (ending != endings_.end() && ending->second.who) add_asker(fields, *ending->second.who);
  recorder_.add(act.is_hold() ? "object_released" : "rule_resumed", std::nullopt,
                std::move(fields));
}

Value::Array Agent::owner_acts_told() const {
  Value::Array out;
  for (const OwnerAct& act : letting_be_) {
    if (out.size() >= limits::status_receipts_max) break;
    Value::Map one = fields_of(act);
    one.emplace_back("until", act.until_s);
    one.emplace_back("reason", shortened(printable(act.reason), 256));
    add_asker(one, act.who);
    if (act.who.login_uid) one.emplace_back("user", parts_.eyes.user_name(*act.who.login_uid));
    out.emplace_back(std::move(one));
  }
  return out;
}

}  // namespace reeve
