#include "controller/cli/node_standing.h"

#include <algorithm>

#include "common/token.h"

namespace reeve::cli {
namespace {

const Bytes* binary_at(const Value& item, std::string_view key) {
  const Value* value = item.find(key);
  return value == nullptr ? nullptr : value->binary();
}

// Signed by an operator who may enroll, for this controller and this node.
std::optional<Ending> read_ending(ByteView object, const NodeId& node, const Root& root,
                                  const KeyHash& controller) {
  const auto parsed = parse_signed_object(object, ObjectType::operator_request);
  if (!parsed.ok() || parsed->signatures.size() != 1) return std::nullopt;
  const Operator* who = root.operator_with(parsed->signatures.front().key);
  if (who == nullptr || !has_right(*who, Right::enroll)) return std::nullopt;
  if (!require_signatures(*parsed, {&who->key, 1}, 1).ok()) return std::nullopt;
  const auto request = decode_operator_request(parsed->payload);
  if (!request.ok() || request->controller != controller) return std::nullopt;
  if (request->operation != "revoke" && request->operation != "retire") return std::nullopt;
  Fields fields(request->arguments, request->operation);
  const auto id = fields.bytes<32>("node");
  auto why = fields.text("why");
  if (!fields.finish(UnknownFields::keep).ok() || id != node) return std::nullopt;
  const bool is_revoked = request->operation == "revoke";
  return Ending{is_revoked ? "revoked" : "retired", who->name, request->made_wall_ns,
                std::move(why)};
}

// Under a former root only what this machine believed before: whoever has a dropped operator's key
// and the controller could hide a node else.
void judge_ending(SeenNode& node, const Bytes* ending, const Judges& judges) {
  const NodeId& id = node.certificate->node;
  const auto known = judges.known.find(id);
  const bool was_ended = known != judges.known.end() && known->second.is_ended;
  if (ending != nullptr) {
    node.ended = read_ending(*ending, id, judges.root, judges.controller);
    for (const Root& root : judges.former) {
      if (node.ended || !was_ended) break;
      node.ended = read_ending(*ending, id, root, judges.controller);
    }
  }
  if (was_ended && !node.ended) node.unproven = "ending_withheld";
}

}  // namespace

void judge_standing(std::vector<SeenNode>& nodes, const Value::Array& items, const Judges& judges) {
  REEVE_ASSERT(nodes.size() == items.size());
  const Root& root = judges.root;
  struct Use {
    std::uint64_t allowed = 0;
    std::vector<SeenNode*> nodes;
  };
  std::map<KeyHash, Use> uses;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    SeenNode& node = nodes[i];
    if (!node.certificate) continue;
    judge_ending(node, binary_at(items[i], "ending"), judges);
    const Bytes* certificate = binary_at(items[i], "certificate");
    const auto token = certificate ? token_behind(*certificate, root) : std::nullopt;
    if (!token) continue;
    Use& use = uses[token->id()];
    use.allowed = token->uses;
    const bool is_counted = std::ranges::any_of(use.nodes, [&](const SeenNode* other) {
      return other->certificate->node == node.certificate->node;
    });
    if (!is_counted) use.nodes.push_back(&node);
  }
  for (auto& [id, use] : uses) {
    if (use.nodes.size() <= use.allowed) continue;
    for (SeenNode* node : use.nodes) node->unproven = "token_overused";
  }
}

}  // namespace reeve::cli
