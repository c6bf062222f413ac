#include "controller/cli/key_book.h"

#include <algorithm>

#include "controller/cli/cli_limits.h"
#include "controller/controller_limits.h"

namespace reeve::cli {

Status KeyBook::learn(OperatorClient& controller, const std::vector<Beginning>& nodes) {
  for (const Beginning& beginning : nodes) {
    const auto [place, fresh] = chains_.try_emplace(beginning.node, beginning.node, beginning.key);
    if (fresh) next_[beginning.node] = beginning.leaf;
  }
  std::span<const Beginning> rest = nodes;
  while (!rest.empty()) {
    const auto some = rest.first(std::min(rest.size(), limits::successions_asked_nodes));
    const auto answer = ask(controller, some);
    if (!answer.ok()) return answer.error();
    // A full answer may have been cut: the same are asked again from where they are now.
    const bool is_cut = answer->items >= limits::successions_per_reply && answer->goes_on;
    if (!is_cut) rest = rest.subspan(some.size());
  }
  return {};
}

Result<KeyBook::Answer> KeyBook::ask(OperatorClient& controller, std::span<const Beginning> nodes) {
  Value::Array asked;
  for (const Beginning& beginning : nodes) {
    asked.emplace_back(Value::Map{{"node", beginning.node}, {"from", next_leaf(beginning.node)}});
  }
  const auto items = controller.request("successions", {{"nodes", std::move(asked)}});
  if (!items.ok()) return items.error();
  Answer answer{items->size(), false};
  for (const Value& item : *items) REEVE_TRY(take(item, answer));
  return answer;
}

Status KeyBook::take(const Value& item, Answer& answer) {
  Fields fields(item, "succession item");
  const auto node = fields.bytes<32>("node");
  const auto leaf = fields.natural("leaf");
  const Bytes object = fields.binary("succession");
  REEVE_TRY(fields.finish(UnknownFields::keep));
  const auto chain = chains_.find(node);
  const auto next = next_.find(node);
  if (chain == chains_.end() || leaf < next->second) return {};
  next->second = leaf == UINT64_MAX ? leaf : leaf + 1;
  answer.goes_on = true;
  static_cast<void>(chain->second.add(object));
  return {};
}

KeyBook::Beginning beginning_of(const NodeCertificate& certificate) {
  return {certificate.node, {certificate.record_key, 0, std::nullopt}, 0};
}

const KeyChain* KeyBook::chain(const NodeId& node) const {
  const auto found = chains_.find(node);
  return found == chains_.end() ? nullptr : &found->second;
}

std::uint64_t KeyBook::next_leaf(const NodeId& node) const {
  const auto found = next_.find(node);
  return found == next_.end() ? 0 : found->second;
}

}  // namespace reeve::cli
