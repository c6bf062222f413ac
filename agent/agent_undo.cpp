// The undo of a fix, as the owner of the host asks for it: what the fix replaced is put back, and
// left so for a while.
#include <fmt/format.h>

#include <algorithm>

#include "agent/agent.h"
#include "common/text.h"

namespace reeve {
namespace {

// Of one object: what is looked at may be one of many.
Result<CheckResult> look_at(const ActiveRule& active, const Eyes& eyes, const std::string& object) {
  return active.resource->check(eyes, Scope{object});
}

Error changed_since(const std::string& object) {
  return {"object_changed",
          shortened(printable(object), 256) + " is not as the fix left it any more",
          "look at it: reeve-agent why PATH"};
}

}  // namespace

// In this order: the object is held before it is touched, so that nothing puts it right meanwhile,
// and released again where it could not be put back.
Result<Value::Map> Agent::undo(const Value& question, const Asker& who) {
  if (parts_.hands == nullptr) return Error{"cannot_undo", "this agent only audits"};
  kept_.write();
  const Value* record = question.find("record");
  const auto fix = kept_.find(record == nullptr ? "" : record->any_name().value_or(""));
  if (!fix.ok()) return fix.error();
  OwnerAct act;
  act.policy = fix->policy;
  act.rule = fix->rule;
  act.object = fix->kept.object;
  act.who = who;
  const ActiveRule* active = rule_of(act);
  if (active == nullptr)
    return Error{"no_such_rule", fix->rule + " is not in force here any more",
                 "put it back by hand: nothing keeps it from staying so"};
  const auto now = look_at(*active, parts_.eyes, act.object);
  if (!now.ok()) return now.error();
  if (!now->holds() || now->unseen || !active->resource->covers(act.object))
    return changed_since(act.object);
  const auto begun = begin_owner_act(std::move(act), question, active->rule);
  if (!begun.ok()) return begun.error();
  apply_owner_acts();
  if (auto undone = active->resource->undo(fix->kept, *parts_.hands, parts_.eyes); !undone.ok()) {
    endings_[begun->id] = {"undo_failed", std::nullopt};
    owner_.end(begun->id);
    apply_owner_acts();
    return undone.error();
  }
  return record_undo(*fix, *begun, *active);
}

// By the check that had found it: the same words mean the same state.
Result<Value::Map> Agent::record_undo(const KeptFix& fix, const OwnerAct& act,
                                      const ActiveRule& active) {
  const auto after = look_at(active, parts_.eyes, act.object);
  std::string left;
  if (after.ok() && !after->deviations.empty()) left = after->deviations.front().found;
  const bool is_exact = left == fix.kept.found;
  parts_.notes.note(fmt::format("{} {}: undone by the host's owner: {}", act.rule,
                                printable(act.object), printable(left)));
  Value::Map fields{{"act", act.id},
                    {"incident", fix.incident},
                    {"policy", act.policy},
                    {"rule", act.rule},
                    {"object", Value::name(act.object)},
                    {"found", Value::name(fix.kept.found)},
                    {"left", Value::name(left)},
                    {"exact", is_exact},
                    {"until", act.until_s},
                    {"reason", act.reason},
                    {"pid", act.who.pid},
                    {"uid", act.who.uid}};
  if (act.who.login_uid) fields.emplace_back("login", *act.who.login_uid);
  recorder_.add("undone", std::nullopt, std::move(fields));
  return Value::Map{{"rule", act.rule},
                    {"policy", act.policy},
                    {"object", shortened(printable(act.object), 256)},
                    {"left", shortened(printable(left), 256)},
                    {"exact", is_exact},
                    {"until", act.until_s}};
}

}  // namespace reeve
