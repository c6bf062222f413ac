// The intake of key successions: a statement is kept once, as a leaf, before anything that its new
// key signs is taken.
#include "controller/intake.h"

namespace reeve {
namespace {

Acknowledgement acknowledge(const KeySuccession& link, ByteView object, std::uint64_t leaf) {
  Acknowledgement answer;
  answer.node = link.node;
  answer.epoch = link.epoch;
  answer.stream = Stream::urgent;
  answer.last = link.number;
  answer.header = sha256(object);
  answer.leaf_index = leaf;
  return answer;
}

}  // namespace

Result<Verdict> Intake::take_succession(const NodeId& node, ByteView object) {
  const auto* sender = registry_.find(node);
  REEVE_ASSERT(sender != nullptr);
  const auto signer = signer_of(object, ObjectType::key_succession);
  if (!signer.ok()) return Verdict{signer.error().name};
  const auto old = keys_.find(*sender, *signer);
  if (!old.ok()) return old.error();
  if (!*old) return Verdict{"key_unknown"};
  const auto link = verify_succession(object, node, **old);
  if (!link.ok()) return Verdict{link.error().name};
  registry_.heard_from(node, clock_);
  return keep_succession(*sender, object, *link);
}

Result<Verdict> Intake::keep_succession(const Node& sender, ByteView object,
                                        const KeySuccession& link) {
  const KeyHash key = key_hash(link.key);
  const auto known = store_.successions({link.node, std::nullopt, key, 0}, 1);
  if (!known.ok()) return known.error();
  if (!known->empty()) {
    const auto& leaf = known->front();
    const bool same =
        std::equal(leaf.object.begin(), leaf.object.end(), object.begin(), object.end());
    return same ? Verdict{"repeat", acknowledge(link, object, leaf.index)}
                : Verdict{"broken_chain"};
  }
  // A chain that comes back to an earlier key would be a circle.
  const auto taken = keys_.find(sender, key);
  if (!taken.ok()) return taken.error();
  if (*taken) return Verdict{"broken_chain"};
  const auto rivals = store_.successions({link.node, link.old_key, std::nullopt, 0}, 1);
  if (!rivals.ok()) return rivals.error();
  const auto leaf = ledger_.append(ObjectType::key_succession, object);
  if (!leaf.ok()) return leaf.error();
  REEVE_TRY(store_.append_succession({*leaf, link.node, link.old_key, key}));
  newest_before_.try_emplace(link.node, sender.newest_key);
  registry_.set_newest_key(link.node, successor_of(link));
  Verdict verdict{"succeeded", acknowledge(link, object, *leaf)};
  if (rivals->empty()) return verdict;
  registry_.add_flag(link.node, NodeFlag::key_fork);
  verdict.name = "key_fork";
  verdict.told = rivals->front().object;
  return verdict;
}

void Intake::forget() {
  chains_.clear();
  for (const auto& [node, key] : newest_before_) registry_.set_newest_key(node, key);
  newest_before_.clear();
}

}  // namespace reeve
