// Replies are cut so that every part passes the asker's decoding gate.
#include "common/limits.h"
#include "controller/controller_limits.h"
#include "controller/operator_server.h"

namespace reeve {
namespace {

// The reply's own map with its keys, and room for the longest form of its numbers.
constexpr std::size_t envelope_bytes = 64;
constexpr std::size_t envelope_objects = 16;

std::size_t count_objects(const Value& value) {
  std::size_t count = 1;
  if (const auto* items = value.array()) {
    for (const auto& item : *items) count += count_objects(item);
  } else if (const auto* entries = value.map()) {
    for (const auto& entry : *entries) count += 1 + count_objects(entry.second);
  }
  return count;
}

}  // namespace

std::vector<OperatorReply> split_reply(std::uint64_t id, Value::Array items) {
  std::vector<OperatorReply> replies{{id, false, std::nullopt, {}}};
  std::size_t bytes = envelope_bytes;
  std::size_t objects = envelope_objects;
  for (auto& item : items) {
    const auto item_bytes = encode(item).size();
    const auto item_objects = count_objects(item);
    if (bytes + item_bytes > limits::message_bytes_max ||
        objects + item_objects > limits::objects_max ||
        replies.back().items.size() >= limits::operator_reply_items_max) {
      replies.back().more = true;
      replies.push_back({id, false, std::nullopt, {}});
      bytes = envelope_bytes;
      objects = envelope_objects;
    }
    bytes += item_bytes;
    objects += item_objects;
    replies.back().items.push_back(std::move(item));
  }
  return replies;
}

}  // namespace reeve
