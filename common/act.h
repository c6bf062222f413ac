// Operators' acts (signed object type 7): one operator with the right `operate` pauses what agents
// fix, within bounds that the agents keep: one version of the policy, the hosts of a selector, 24
// hours at most. It may end before its time by a second act, and never begins again. Values and the
// checks on them; no I/O.
#pragma once

#include "common/trust.h"

namespace reeve {

using ActId = FixedBytes<16>;

enum class ActKind : std::uint8_t { pause, resume };
std::string_view name_of(ActKind kind);

struct Act {
  FleetId fleet{};
  ActKind kind = ActKind::pause;
  ActId id;                   // random; a `resume` repeats that of the pause which it ends
  std::uint64_t version = 1;  // the manifest whose enforcement is paused
  Selector selector;
  std::int64_t issued_s = 0;  // seconds since 1970
  std::int64_t until_s = 0;   // it counts for nothing from here on, whatever comes later
  std::string reason;
  bool operator==(const Act&) const = default;
};

Bytes encode_act(const Act& act);
// Unknown fields are refused. Errors: `malformed` (also for a time span that is none),
// `limit_exceeded`, `unknown_field`, `unsupported_version`, `pause_too_long`.
Result<Act> decode_act(ByteView payload);

struct VerifiedAct {
  Act act;
  std::string who;  // the operator's name
  KeyHash key;
  bool operator==(const VerifiedAct&) const = default;
};
// Signed by one operator of this root with the right `operate`. In this order: size and frame,
// signature (`bad_signature`, `not_an_operator`, `not_permitted`), shape (decode_act()'s), fleet
// (`wrong_fleet`). Judges no time.
Result<VerifiedAct> verify_act(ByteView object, const Root& root);
// Whether it may have effect now: `act_expired` from its `until` on, `act_from_future` where it was
// issued more than limits::act_clock_slack_s after now, `root_expired`.
Status require_current(const Act& act, const Root& root, std::int64_t now_s);

}  // namespace reeve
