// On the disk: a map with "acts", a list of maps "act" (the signed object) and "left" (seconds),
// and "boot", the time since boot when it was written (nanoseconds).
#include "agent/pauses.h"

#include <algorithm>

#include "agent/agent_limits.h"
#include "common/codec.h"
#include "common/limits.h"
#include "common/paths.h"
#include "common/signed_object.h"

namespace reeve {
namespace {

constexpr std::int64_t ns_per_s = 1'000'000'000;

struct Kept {
  struct One {
    Bytes object;
    std::int64_t left_s = 0;
  };
  std::vector<One> acts;
  std::int64_t boot_ns = 0;
};

Result<Kept> decode_kept(ByteView bytes) {
  auto value = decode(bytes);
  if (!value.ok()) return value.error();
  Fields fields(*value, "acts");
  Kept out;
  for (const Value& item : fields.array("acts")) {
    Fields entry(item, "act");
    out.acts.push_back({entry.binary("act"), entry.integer("left")});
    REEVE_TRY(entry.finish(UnknownFields::keep));
  }
  out.boot_ns = fields.integer("boot");
  REEVE_TRY(fields.finish(UnknownFields::keep));
  return out;
}

// What has passed at least since something was written at `boot_ns`: of another boot no more is
// known than how long this one has lasted.
std::int64_t passed_since(std::int64_t boot_ns, std::int64_t now_boot_ns) {
  const bool may_be_this_boot = boot_ns >= 0 && boot_ns <= now_boot_ns;
  return may_be_this_boot ? now_boot_ns - boot_ns : now_boot_ns;
}

}  // namespace

void Pauses::load(const Root& root) {
  root_version_ = root.version;
  auto bytes = parts_.disk.read(paths::acts, limits::message_bytes_max);
  if (!bytes.ok() || !bytes->has_value()) return;
  const auto kept = decode_kept(**bytes);
  if (!kept.ok()) return;
  const std::int64_t now_ns = parts_.clock.boottime_ns();
  const std::int64_t passed_s = passed_since(kept->boot_ns, now_ns) / ns_per_s;
  for (const Kept::One& one : kept->acts) {
    auto held = recall(one.object, root);
    if (!held.ok() || held_.size() >= limits::acts_max) continue;
    // A clock that is wrong since the last stop must not give a pause its whole time again, nor one
    // that is set back later a pause that ran out while no agent looked.
    const std::int64_t kept_s = std::clamp<std::int64_t>(one.left_s, 0, limits::pause_s_max);
    const std::int64_t left = std::min(kept_s - passed_s, left_s(*held));
    held->until_boot_ns = now_ns + left * ns_per_s;
    if (left > 0)
      held_.push_back(std::move(*held));
    else
      parts_.time.seen_signed(held->verified.act.until_s);
  }
  // Again and again within a minute: each start must count.
  if (!kept->acts.empty()) static_cast<void>(write_down());
}

// What was accepted once. Our own file vouches for an end whose operator the root has lost.
Result<Pauses::Held> Pauses::recall(ByteView object, const Root& root) const {
  auto verified = verify_act(object, root);
  if (verified.ok()) return counting(std::move(*verified), object);
  const auto opened = parse_signed_object(object, ObjectType::operator_act);
  if (!opened.ok()) return opened.error();
  auto act = decode_act(opened->payload);
  if (!act.ok() || act->kind != ActKind::resume) return verified.error();
  return counting({std::move(*act), {}, {}}, object);
}

Result<Pauses::Held> Pauses::judge(ByteView object, const Root& root) const {
  auto verified = verify_act(object, root);
  if (!verified.ok()) return verified.error();
  const Act& act = verified->act;
  REEVE_TRY(require_current(act, root, parts_.time.now_s()));
  // A pause that counts here can be ended here, whatever this node is called by now.
  const bool ends_ours = act.kind == ActKind::resume && is_held(act.id);
  if (!ends_ours && !selects(act.selector, parts_.labels))
    return Error{"not_for_this_node", "act: its selector does not match this node"};
  return counting(std::move(*verified), object);
}

// By boot time from here on: no clock that is set makes a pause longer or shorter.
Pauses::Held Pauses::counting(VerifiedAct verified, ByteView object) const {
  Held held;
  const std::int64_t span_s =
      std::min(verified.act.until_s - parts_.time.now_s(), limits::pause_s_max);
  held.until_boot_ns = parts_.clock.boottime_ns() + span_s * ns_per_s;
  held.verified = std::move(verified);
  held.object.assign(object.begin(), object.end());
  return held;
}

bool Pauses::is_held(const ActId& id) const {
  return std::ranges::any_of(held_, [&](const Held& one) { return one.verified.act.id == id; });
}

std::optional<Error> Pauses::offer(ByteView object, const Root& root) {
  auto held = judge(object, root);
  if (!held.ok()) return refuse(object, held.error());
  const Act& act = held->verified.act;
  const auto known =
      std::ranges::find_if(held_, [&](const Held& one) { return one.verified.act.id == act.id; });
  const bool is_known = known != held_.end();
  // An end is final; the pause itself changes nothing when it comes again.
  if (is_known && (act.kind == ActKind::pause || known->verified.act.kind == ActKind::resume))
    return std::nullopt;
  if (!is_known && held_.size() >= limits::acts_max)
    return refuse(object, {"too_many_acts", "act: as many as this agent keeps count already"});
  if (is_known) held_.erase(known);
  if (auto kept = keep(std::move(*held)); !kept.ok()) return refuse(object, kept.error());
  return std::nullopt;
}

// On the disk first: a pause that a restart would forget does not begin. The end of one counts at
// once, whatever the disk says.
Status Pauses::keep(Held held) {
  const bool is_pause = held.verified.act.kind == ActKind::pause;
  held_.push_back(std::move(held));
  auto written = write_down();
  if (!written.ok() && is_pause) held_.pop_back();
  return written;
}

std::int64_t Pauses::left_s(const Held& held) const {
  return std::max<std::int64_t>(held.until_boot_ns - parts_.clock.boottime_ns(), 0) / ns_per_s;
}

Status Pauses::write_down() {
  Value::Array acts;
  for (const Held& held : held_)
    acts.push_back(Value::Map{{"act", held.object}, {"left", left_s(held)}});
  written_boot_ns_ = parts_.clock.boottime_ns();
  return replace_file(parts_.disk, paths::acts,
                      encode(Value::Map{{"acts", std::move(acts)}, {"boot", written_boot_ns_}}));
}

void Pauses::expire(const Root& root) {
  if (held_.empty()) return;
  const std::int64_t now = parts_.clock.boottime_ns();
  const bool is_new_root = std::exchange(root_version_, root.version) != root.version;
  const auto over = std::erase_if(held_, [&](const Held& held) {
    const Act& act = held.verified.act;
    if (held.until_boot_ns > now && act.kind == ActKind::resume) return false;
    if (held.until_boot_ns > now)
      return !selects(act.selector, parts_.labels) ||
             (is_new_root && !verify_act(held.object, root).ok());
    // So much time has passed, whatever a clock says after the next start: it cannot count again.
    parts_.time.seen_signed(act.until_s);
    return true;
  });
  // What cannot be written is written with the next one; the acts' own times bound what is read.
  if (over > 0 || now - written_boot_ns_ >= limits::acts_write_ns) static_cast<void>(write_down());
}

std::optional<std::int64_t> Pauses::next_due() const {
  if (held_.empty()) return std::nullopt;
  std::int64_t due = written_boot_ns_ + limits::acts_write_ns;
  for (const Held& held : held_) due = std::min(due, held.until_boot_ns);
  return parts_.clock.monotonic_ns() + (due - parts_.clock.boottime_ns());
}

std::vector<VerifiedAct> Pauses::of_version(std::uint64_t version) const {
  std::vector<VerifiedAct> out;
  for (const Held& held : held_) {
    const Act& act = held.verified.act;
    if (act.kind == ActKind::pause && act.version == version) out.push_back(held.verified);
  }
  return out;
}

std::vector<ActId> Pauses::ids() const {
  std::vector<ActId> out;
  for (const Held& held : held_)
    if (held.verified.act.kind == ActKind::pause) out.push_back(held.verified.act.id);
  return out;
}

const VerifiedAct* Pauses::ended_by(const ActId& id) const {
  for (const Held& held : held_) {
    const Act& act = held.verified.act;
    if (act.id == id && act.kind == ActKind::resume) return &held.verified;
  }
  return nullptr;
}

std::optional<Error> Pauses::refuse(ByteView object, const Error& error) {
  const std::pair<Digest, std::string> entry{sha256(object), error.name};
  if (std::ranges::find(refused_, entry) != refused_.end()) return std::nullopt;
  refused_.push_back(entry);
  if (refused_.size() > limits::refused_objects_max) refused_.pop_front();
  return error;
}

}  // namespace reeve
