// Act payload, a map: "format" 1, "fleet" (16 bytes), "act" ("pause" or "resume"), "id" (16 bytes),
// "version", "select" (as in a manifest), "issued", "until" (seconds since 1970), "reason". Unknown
// fields are refused.
#include "common/act.h"

#include <array>

#include "common/limits.h"
#include "common/trust_fields.h"

namespace reeve {

using namespace trust_fields;

namespace {

constexpr std::string_view what = "act";

Status require_span(const Act& act) {
  if (act.issued_s < 0 || act.until_s > limits::signed_time_s_max || act.until_s <= act.issued_s) {
    return malformed(what, "it ends before it begins");
  }
  if (act.until_s - act.issued_s <= limits::pause_s_max) return {};
  return Error{"pause_too_long", "act: enforcement may be paused for 24 hours at most",
               "ask for less; another pause can follow"};
}

Result<const Operator*> signer_of(const SignedObject& object, const Root& root) {
  if (object.signatures.size() != 1) {
    return Error{"bad_signature", "act: one operator signs it, and nobody else"};
  }
  const Operator* who = root.operator_with(object.signatures.front().key);
  if (who == nullptr) {
    return Error{"not_an_operator", "act: no operator of this fleet signed it"};
  }
  const std::array keys{who->key};
  REEVE_TRY(require_signatures(object, keys, 1));
  if (has_right(*who, Right::operate)) return who;
  return Error{"not_permitted", "act: " + who->name + " has no right to operate",
               "let an operator with the right sign it"};
}

}  // namespace

std::string_view name_of(ActKind kind) {
  switch (kind) {
    case ActKind::pause:
      return "pause";
    case ActKind::resume:
      return "resume";
  }
  return "pause";
}

Bytes encode_act(const Act& act) {
  return encode(Value::Map{{"format", format},
                           {"fleet", act.fleet},
                           {"act", name_of(act.kind)},
                           {"id", act.id},
                           {"version", act.version},
                           {"select", selector_value(act.selector)},
                           {"issued", act.issued_s},
                           {"until", act.until_s},
                           {"reason", act.reason}});
}

Result<Act> decode_act(ByteView payload) {
  auto value = decode_payload(payload, what);
  if (!value) return value.error();
  Fields fields(*value, what);
  fields.natural("format");
  Act act;
  act.fleet = fields.bytes<16>("fleet");
  const std::string kind = fields.text("act");
  act.id = fields.bytes<16>("id");
  act.version = fields.natural("version");
  const auto& alternatives = fields.array("select");
  act.issued_s = fields.integer("issued");
  act.until_s = fields.integer("until");
  act.reason = fields.text("reason");
  REEVE_TRY(fields.finish(UnknownFields::refuse));
  if (kind == name_of(ActKind::resume)) {
    act.kind = ActKind::resume;
  } else if (kind != name_of(ActKind::pause)) {
    return malformed(what, "it is of an unknown kind");
  }
  if (act.version == 0) return malformed(what, "version 0 does not exist");
  if (act.reason.empty()) return malformed(what, "it gives no reason");
  if (act.reason.size() > limits::act_reason_bytes_max) return over_limit(what, "a long reason");
  auto selector = read_selector(what, alternatives);
  if (!selector) return selector.error();
  act.selector = std::move(*selector);
  REEVE_TRY(require_span(act));
  return act;
}

Result<VerifiedAct> verify_act(ByteView object, const Root& root) {
  if (object.size() > limits::act_bytes_max) return over_limit(what, "is too large");
  auto opened = open_object(object, ObjectType::operator_act);
  if (!opened) return opened.error();
  auto who = signer_of(*opened, root);
  if (!who) return who.error();
  auto act = decode_act(opened->payload);
  if (!act) return act.error();
  REEVE_TRY(require_fleet(what, act->fleet, root));
  return VerifiedAct{std::move(*act), (*who)->name, key_hash((*who)->key)};
}

Status require_current(const Act& act, const Root& root, std::int64_t now_s) {
  if (act.until_s <= now_s) return Error{"act_expired", "act: its time is over"};
  if (act.issued_s > now_s + limits::act_clock_slack_s) {
    return Error{"act_from_future", "act: was issued later than now",
                 "compare the clocks of both machines"};
  }
  if (root.expires_s > now_s) return {};
  return Error{"root_expired", "root: version " + std::to_string(root.version) + " has expired",
               "publish a new root with reeve root rotate"};
}

}  // namespace reeve
