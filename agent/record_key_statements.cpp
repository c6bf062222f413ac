// How the controller hears of this node's keys, and the node of a key that was used twice.
#include <algorithm>

#include "agent/agent_limits.h"
#include "agent/record_keys.h"

namespace reeve {

std::uint64_t RecordKeys::acknowledged() const {
  std::uint64_t number = acknowledged_at_start_;
  for (const Statement& statement : statements_) {
    if (!statement.is_acknowledged) break;
    number = statement.link.number;
  }
  return number;
}

bool RecordKeys::send(CourierPort& courier, std::int64_t now_ns) {
  std::size_t flying = 0;
  for (Statement& statement : statements_) {
    if (statement.is_acknowledged) continue;
    if (++flying > limits::successions_in_flight_max) return true;
    if (statement.sent_at && now_ns - *statement.sent_at < limits::ack_timeout_ns) continue;
    if (!courier.send(encode_message(MessageType::succession, statement.object))) return false;
    statement.sent_at = now_ns;
  }
  return true;
}

void RecordKeys::send_again() {
  for (Statement& statement : statements_) statement.sent_at.reset();
}

bool RecordKeys::is_of(const Acknowledgement& acknowledgement, const Statement& statement) const {
  return statement.digest == acknowledgement.header &&
         statement.link.number == acknowledgement.last && acknowledgement.node == node_;
}

std::optional<Digest> RecordKeys::leaf_of(const Acknowledgement& acknowledgement) const {
  const auto found = std::ranges::find_if(
      statements_, [&](const Statement& statement) { return is_of(acknowledgement, statement); });
  if (found == statements_.end()) return std::nullopt;
  return leaf_hash(found->object);
}

bool RecordKeys::acknowledge(const Acknowledgement& acknowledgement) {
  const auto found = std::ranges::find_if(
      statements_, [&](const Statement& statement) { return is_of(acknowledgement, statement); });
  if (found == statements_.end()) return false;
  found->is_acknowledged = true;
  return true;
}

std::optional<std::int64_t> RecordKeys::next_due() const {
  std::optional<std::int64_t> due;
  for (const Statement& statement : statements_) {
    if (statement.is_acknowledged || !statement.sent_at) continue;
    const std::int64_t at = *statement.sent_at + limits::ack_timeout_ns;
    due = std::min(due.value_or(at), at);
  }
  return due;
}

std::optional<RecordKeys::Fork> RecordKeys::hear_newest(ByteView object) {
  const Digest digest = sha256(object);
  const auto known = std::ranges::find_if(
      statements_, [&](const Statement& statement) { return statement.digest == digest; });
  if (object.empty() || known != statements_.end()) {
    for (auto from = object.empty() ? statements_.begin() : known + 1; from != statements_.end();
         ++from) {
      from->is_acknowledged = false;
      from->sent_at.reset();
    }
    return std::nullopt;
  }
  RecordKey old{first_key_, 0, std::nullopt};
  for (const Statement& statement : statements_) {
    const KeySuccession& ours = statement.link;
    if (ours.old_key == old.hash()) {
      auto other = verify_succession(object, node_, old);
      if (other.ok() && other->key != ours.key) return Fork{ours, *std::move(other)};
    }
    old = successor_of(ours);
  }
  return std::nullopt;
}

}  // namespace reeve
