#include "tests/fakes/fake_link.h"

#include "common/limits.h"

namespace reeve {

bool FakeServerLink::send(const TransportKey& peer, ByteView message) {
  REEVE_ASSERT(message.size() <= limits::message_bytes_max);
  const auto queue = outgoing_.find(peer);
  if (queue == outgoing_.end() || cut_.contains(peer)) return false;
  if (queue->second.size() >= queue_max_) return false;
  queue->second.emplace_back(message.begin(), message.end());
  return true;
}

std::optional<ServerLink::Incoming> FakeServerLink::receive() {
  if (incoming_.empty()) return std::nullopt;
  auto first = std::move(incoming_.front());
  incoming_.pop_front();
  return first;
}

std::unique_ptr<FakeClientLink> FakeServerLink::connect(const TransportKey& key) {
  return std::make_unique<FakeClientLink>(*this, key);
}

FakeClientLink::FakeClientLink(FakeServerLink& server, const TransportKey& key)
    : server_(server), key_(key) {
  REEVE_ASSERT(server_.outgoing_.try_emplace(key).second);
}

FakeClientLink::~FakeClientLink() { server_.outgoing_.erase(key_); }

bool FakeClientLink::send(ByteView message) {
  if (server_.cut_.contains(key_) || server_.incoming_.size() >= server_.queue_max_) return false;
  // A real link never shows a longer one to the server.
  if (message.size() > limits::message_bytes_max) return true;
  server_.incoming_.push_back({key_, Bytes(message.begin(), message.end())});
  return true;
}

std::optional<Bytes> FakeClientLink::receive() {
  auto& queue = server_.outgoing_[key_];
  if (queue.empty() || server_.cut_.contains(key_)) return std::nullopt;
  auto first = std::move(queue.front());
  queue.pop_front();
  return first;
}

}  // namespace reeve
