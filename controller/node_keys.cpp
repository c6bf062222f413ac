#include "controller/node_keys.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/limits.h"
#include "controller/controller_limits.h"

namespace reeve {
namespace {

Result<KeySuccession> read_succession(const Leaf& leaf) {
  const auto object = parse_signed_object(leaf.object, ObjectType::key_succession);
  if (!object.ok()) {
    return Error{"store_damaged", fmt::format("leaf {}: {}", leaf.index, object.error().detail)};
  }
  return decode_succession(object->payload);
}

}  // namespace

Result<std::optional<RecordKey>> NodeKeys::find(const Node& node, const KeyHash& hash) const {
  if (node.newest_key && node.newest_key->hash() == hash) return node.newest_key;
  if (node.first_key().hash() == hash) return std::optional(node.first_key());
  if (!node.newest_key) return std::optional<RecordKey>{};
  const auto leaves = store_.successions({node.id(), std::nullopt, hash, 0}, 1);
  if (!leaves.ok()) return leaves.error();
  if (leaves->empty()) return std::optional<RecordKey>{};
  const auto link = read_succession(leaves->front());
  if (!link.ok()) return link.error();
  return std::optional(successor_of(*link));
}

// From its end: each key has one predecessor, since intake refuses a second.
Result<std::vector<Bytes>> NodeKeys::way_to(const Node& node, const KeyHash& hash) const {
  std::vector<Bytes> way;
  KeyHash wanted = hash;
  while (wanted != node.first_key().hash() && way.size() < limits::chain_keys_max) {
    const auto leaves = store_.successions({node.id(), std::nullopt, wanted, 0}, 1);
    if (!leaves.ok()) return leaves.error();
    if (leaves->empty()) return Error{"key_unknown", "no succession leads to this key"};
    const auto link = read_succession(leaves->front());
    if (!link.ok()) return link.error();
    wanted = link->old_key;
    way.push_back(leaves->front().object);
  }
  std::reverse(way.begin(), way.end());
  return way;
}

Result<std::vector<KeySuccession>> NodeKeys::successors(const Node& node,
                                                        const RecordKey& key) const {
  std::vector<KeySuccession> out;
  if (!node.newest_key || *node.newest_key == key) return out;
  const auto leaves =
      store_.successions({node.id(), key.hash(), std::nullopt, 0}, limits::key_successors_max);
  if (!leaves.ok()) return leaves.error();
  for (const auto& leaf : *leaves) {
    auto link = read_succession(leaf);
    if (!link.ok()) return link.error();
    out.push_back(*std::move(link));
  }
  return out;
}

}  // namespace reeve
