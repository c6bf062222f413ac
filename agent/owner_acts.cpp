// On the disk: a map with "acts", a list of maps (docs/formats.md, "The agent's small files").
#include "agent/owner_acts.h"

#include <fmt/format.h>

#include <algorithm>

#include "agent/agent_limits.h"
#include "common/codec.h"
#include "common/limits.h"
#include "common/paths.h"

namespace reeve {
namespace {

constexpr std::int64_t ns_per_s = 1'000'000'000;
constexpr std::int64_t day_s = 86'400;

struct Kept {
  OwnerAct act;
  std::int64_t age_s = 0;
  std::int64_t span_s = 0;
};

Result<Kept> decode_one(const Value& value) {
  Fields fields(value, "act");
  Kept out;
  out.act.id = fields.bytes<16>("id");
  out.act.policy = fields.text("policy");
  out.act.rule = fields.text("rule");
  out.act.object = fields.name("object");
  out.act.reason = fields.text("reason");
  out.act.who.pid = fields.integer("pid");
  out.act.who.uid = static_cast<std::uint32_t>(fields.natural("uid"));
  if (fields.has("login"))
    out.act.who.login_uid = static_cast<std::uint32_t>(fields.natural("login"));
  out.act.until_s = fields.integer("until");
  out.age_s = std::clamp<std::int64_t>(fields.integer("age"), 0, day_s);
  out.span_s = std::clamp<std::int64_t>(fields.integer("span"), 0, day_s);
  REEVE_TRY(fields.finish(UnknownFields::keep));
  return out;
}

struct KeptActs {
  std::vector<Kept> acts;
  std::int64_t boot_ns = 0;  // when they were written
};

Result<KeptActs> decode_kept(ByteView bytes) {
  auto value = decode(bytes);
  if (!value.ok()) return value.error();
  Fields fields(*value, "owner's acts");
  KeptActs out;
  for (const Value& item : fields.array("acts")) {
    auto one = decode_one(item);
    if (!one.ok()) return one.error();
    out.acts.push_back(std::move(*one));
  }
  out.boot_ns = fields.integer("boot");
  REEVE_TRY(fields.finish(UnknownFields::keep));
  return out;
}

Error too_many() {
  return {"too_many_pauses", "as many pauses and holds as are kept in a day have been begun",
          "wait until the first of them is a day old"};
}

}  // namespace

void OwnerActs::load() {
  written_boot_ns_ = parts_.clock.boottime_ns();
  auto bytes = parts_.disk.read(paths::owner_acts, limits::message_bytes_max);
  if (!bytes.ok() || !bytes->has_value()) return;
  auto kept = decode_kept(**bytes);
  if (!kept.ok()) return;
  // What has passed at least: of another boot no more is known than how long this one has lasted.
  const bool may_be_this_boot = kept->boot_ns >= 0 && kept->boot_ns <= written_boot_ns_;
  const std::int64_t passed_ns =
      may_be_this_boot ? written_boot_ns_ - kept->boot_ns : written_boot_ns_;
  for (Kept& one : kept->acts) {
    if (held_.size() >= limits::owner_acts_max) break;
    one.age_s = std::min(one.age_s + passed_ns / ns_per_s, day_s);
    // Time goes on while no agent runs; a clock that was set back meanwhile gives none back.
    const std::int64_t left_s = std::clamp<std::int64_t>(one.act.until_s - parts_.time.now_s(), 0,
                                                         std::max(one.span_s - one.age_s, {}));
    const std::int64_t began = written_boot_ns_ - one.age_s * ns_per_s;
    const std::int64_t over = began + std::min(one.span_s, one.age_s) * ns_per_s;
    const bool is_over = left_s == 0;
    held_.push_back({std::move(one.act), began,
                     is_over ? over : written_boot_ns_ + left_s * ns_per_s, is_over});
  }
  // Again and again within a minute: each start must count.
  if (!held_.empty()) static_cast<void>(write_down());
}

bool OwnerActs::is_of(const OwnerAct& one, const OwnerAct& other) {
  return one.policy == other.policy && one.rule == other.rule && one.object == other.object;
}

// Of the last 24 hours; what counts still, only up to now.
std::int64_t OwnerActs::spent_s(const OwnerAct& of) const {
  const std::int64_t now = parts_.clock.boottime_ns();
  std::int64_t out_ns = 0;
  for (const Held& held : held_)
    if (is_of(held.act, of))
      out_ns += std::max<std::int64_t>(std::min(held.until_boot_ns, now) - held.began_boot_ns, 0);
  return out_ns / ns_per_s;
}

Result<OwnerAct> OwnerActs::begin(OwnerAct act, std::int64_t span_s, std::int64_t allowed_s) {
  const std::int64_t left_s = allowed_s - spent_s(act);
  if (span_s > left_s)
    return Error{"pause_not_allowed",
                 fmt::format("policy lets the host's owner pause this for {} minutes of any 24 "
                             "hours, and {} are left",
                             allowed_s / 60, std::max<std::int64_t>(left_s, 0) / 60),
                 left_s >= 60 ? fmt::format("ask for less: --for {}m", left_s / 60)
                              : "ask those who answer for the policy: reeve pause SELECTOR"};
  if (held_.size() >= limits::owner_acts_max) return too_many();
  const std::int64_t now = parts_.clock.boottime_ns();
  act.id = random_bytes<16>();
  act.until_s = parts_.time.now_s() + span_s;
  const auto before = held_;
  for (Held& held : held_)
    if (is_of(held.act, act) && counts(held)) held.until_boot_ns = now;
  held_.push_back({act, now, now + span_s * ns_per_s, false});
  // On the disk first: a pause that a restart would forget does not begin.
  auto kept = write_down();
  if (kept.ok()) return act;
  held_ = before;
  return kept.error();
}

void OwnerActs::end(const ActId& id) {
  for (Held& held : held_)
    if (held.act.id == id && counts(held)) held.until_boot_ns = parts_.clock.boottime_ns();
  static_cast<void>(write_down());
}

void OwnerActs::expire() {
  if (held_.empty()) return;
  const std::int64_t now = parts_.clock.boottime_ns();
  for (Held& held : held_) held.is_over = held.is_over || !counts(held);
  const auto forgotten = std::erase_if(held_, [&](const Held& held) {
    return held.is_over && now - held.began_boot_ns >= day_s * ns_per_s;
  });
  // What cannot be written is written with the next one; `until` bounds what is read.
  if (forgotten > 0 || now - written_boot_ns_ >= limits::acts_write_ns)
    static_cast<void>(write_down());
}

std::optional<std::int64_t> OwnerActs::next_due() const {
  const std::int64_t now = parts_.clock.boottime_ns();
  std::optional<std::int64_t> due;
  for (const Held& held : held_)
    if (!held.is_over)
      due = std::min(
          {due.value_or(INT64_MAX), held.until_boot_ns, written_boot_ns_ + limits::acts_write_ns});
  if (!due) return std::nullopt;
  return parts_.clock.monotonic_ns() + (*due - now);
}

std::vector<OwnerAct> OwnerActs::counting() const {
  std::vector<OwnerAct> out;
  for (const Held& held : held_)
    if (counts(held)) out.push_back(held.act);
  return out;
}

std::int64_t OwnerActs::left_s(const ActId& id) const {
  const std::int64_t now = parts_.clock.boottime_ns();
  for (const Held& held : held_)
    if (held.act.id == id && counts(held))
      return (held.until_boot_ns - now + ns_per_s - 1) / ns_per_s;
  return 0;
}

// In whole seconds, up while it counts and down once it is over: rounding must not begin it anew.
std::int64_t OwnerActs::span_s(const Held& held) const {
  const std::int64_t span_ns = held.until_boot_ns - held.began_boot_ns;
  return (counts(held) ? span_ns + ns_per_s - 1 : span_ns) / ns_per_s;
}

Bytes OwnerActs::written() const {
  const std::int64_t now = parts_.clock.boottime_ns();
  Value::Array acts;
  for (const Held& held : held_) {
    const OwnerAct& act = held.act;
    Value::Map one{{"id", act.id},
                   {"policy", act.policy},
                   {"rule", act.rule},
                   {"object", Value::name(act.object)},
                   {"reason", act.reason},
                   {"pid", act.who.pid},
                   {"uid", act.who.uid},
                   {"until", act.until_s},
                   {"age", (now - held.began_boot_ns) / ns_per_s},
                   {"span", span_s(held)}};
    if (act.who.login_uid) one.emplace_back("login", *act.who.login_uid);
    acts.emplace_back(std::move(one));
  }
  return encode(Value::Map{{"acts", std::move(acts)}, {"boot", now}});
}

Status OwnerActs::write_down() {
  const Bytes bytes = written();
  if (bytes.size() > limits::message_bytes_max) return too_many();
  written_boot_ns_ = parts_.clock.boottime_ns();
  return replace_file(parts_.disk, paths::owner_acts, bytes);
}

}  // namespace reeve
