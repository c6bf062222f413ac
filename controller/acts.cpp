#include "controller/acts.h"

#include <algorithm>

#include "common/limits.h"
#include "common/wire.h"

namespace reeve {
namespace {

// An end that was verified when it came, as it is kept; absent for every other object.
std::optional<VerifiedAct> read_end(ByteView object) {
  const auto opened = parse_signed_object(object, ObjectType::operator_act);
  if (!opened.ok()) return std::nullopt;
  auto act = decode_act(opened->payload);
  if (!act.ok() || act->kind != ActKind::resume) return std::nullopt;
  return VerifiedAct{std::move(*act), {}, {}};
}

}  // namespace

Status Acts::load(const Store& store, const Root& root, std::int64_t now_s) {
  const auto objects = store.acts();
  if (!objects.ok()) return objects.error();
  for (const Bytes& object : *objects) {
    auto verified = verify_act(object, root);
    auto end = verified.ok() ? std::optional(std::move(*verified)) : read_end(object);
    if (end) adopt(std::move(*end), object);
  }
  forget_over(now_s);
  return {};
}

// An end stays whoever has signed it: else its pause would begin again.
void Acts::judge_again(const Root& root) {
  std::erase_if(kept_, [&](const Kept& kept) {
    return kept.verified.act.kind == ActKind::pause && !verify_act(kept.object, root).ok();
  });
}

void Acts::forget_over(std::int64_t now_s) {
  std::erase_if(kept_, [&](const Kept& kept) { return kept.verified.act.until_s <= now_s; });
}

const Acts::Kept* Acts::find(const ActId& id) const {
  const auto found =
      std::ranges::find_if(kept_, [&](const Kept& kept) { return kept.verified.act.id == id; });
  return found == kept_.end() ? nullptr : &*found;
}

bool Acts::holds(ByteView object) const {
  return std::ranges::any_of(
      kept_, [&](const Kept& kept) { return std::ranges::equal(kept.object, object); });
}

Result<VerifiedAct> Acts::check(ByteView object, const Root& root, std::int64_t now_s) const {
  auto verified = verify_act(object, root);
  if (!verified.ok()) return verified.error();
  REEVE_TRY(require_current(verified->act, root, now_s));
  const Kept* known = find(verified->act.id);
  if (verified->act.kind == ActKind::resume) {
    if (known != nullptr) return verified;
    return Error{"unknown_act", "act: no such pause counts now", "reeve pause --list names them"};
  }
  if (known != nullptr) return Error{"act_ended", "act: there was a pause of this id already"};
  if (kept_.size() < limits::acts_max) return verified;
  return Error{"too_many_acts", "act: as many as agents keep at one time count already",
               "wait until one of them is over"};
}

void Acts::adopt(VerifiedAct act, Bytes object) {
  const bool is_end = act.act.kind == ActKind::resume;
  std::erase_if(kept_, [&](const Kept& kept) {
    // Of a pause and its ends the newest end stays, in whatever order they were stored.
    return kept.verified.act.id == act.act.id &&
           (is_end || kept.verified.act.kind == ActKind::pause);
  });
  if (find(act.act.id) == nullptr) kept_.push_back({std::move(act), std::move(object)});
}

std::vector<Bytes> Acts::messages_for(const Heartbeat& heartbeat, const Labels& labels,
                                      std::int64_t now_s) const {
  std::vector<Bytes> messages;
  for (const Kept& kept : kept_) {
    const Act& act = kept.verified.act;
    if (act.until_s <= now_s || !selects(act.selector, labels)) continue;
    const bool holds_it = std::ranges::find(heartbeat.pauses, act.id) != heartbeat.pauses.end();
    const bool lacks = act.kind == ActKind::pause ? !holds_it : holds_it;
    if (lacks) messages.push_back(encode_message(MessageType::act, kept.object));
  }
  return messages;
}

std::vector<Bytes> Acts::objects(std::int64_t now_s) const {
  std::vector<Bytes> out;
  for (const Kept& kept : kept_)
    if (kept.verified.act.until_s > now_s) out.push_back(kept.object);
  return out;
}

}  // namespace reeve
