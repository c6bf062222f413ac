#include "tests/fakes/lossy_link.h"

#include "common/limits.h"

namespace reeve {

class LossyNetwork::Client final : public ClientLink {
 public:
  Client(LossyNetwork& network, const TransportKey& key) : network_(network), key_(key) {
    REEVE_ASSERT(network_.to_clients_.try_emplace(key).second);
  }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client() override { network_.to_clients_.erase(key_); }

  bool send(ByteView message) override {
    REEVE_ASSERT(message.size() <= limits::message_bytes_max);
    network_.post(network_.to_server_, key_, message);
    return true;
  }

  std::optional<Bytes> receive() override {
    auto letter = network_.take(network_.to_clients_.at(key_));
    if (!letter) return std::nullopt;
    return std::move(letter->message);
  }

 private:
  LossyNetwork& network_;
  TransportKey key_;
};

bool LossyNetwork::send(const TransportKey& peer, ByteView message) {
  REEVE_ASSERT(message.size() <= limits::message_bytes_max);
  const auto box = to_clients_.find(peer);
  if (box == to_clients_.end()) return false;
  post(box->second, peer, message);
  return true;
}

std::optional<ServerLink::Incoming> LossyNetwork::receive() {
  auto letter = take(to_server_);
  if (!letter) return std::nullopt;
  return Incoming{letter->peer, std::move(letter->message)};
}

std::unique_ptr<ClientLink> LossyNetwork::connect(const TransportKey& key) {
  return std::make_unique<Client>(*this, key);
}

void LossyNetwork::cut(const TransportKey& peer) {
  cut_.insert(peer);
  if (const auto box = to_clients_.find(peer); box != to_clients_.end())
    box->second.letters.clear();
  std::erase_if(to_server_.letters, [&](const auto& entry) { return entry.second.peer == peer; });
}

// A sender never learns what became of a message.
void LossyNetwork::post(Box& box, const TransportKey& peer, ByteView message) {
  ++counts_.sent;
  if (cut_.contains(peer) || dice_.is_hit(weather_.lost)) {
    ++counts_.lost;
    return;
  }
  const bool is_doubled = dice_.is_hit(weather_.doubled);
  if (is_doubled) ++counts_.doubled;
  for (int copy = 0; copy < (is_doubled ? 2 : 1); ++copy) {
    std::int64_t at = clock_.monotonic_ns();
    if (weather_.delay_ns_max > 0 && dice_.is_hit(weather_.late)) {
      at +=
          static_cast<std::int64_t>(dice_.below(static_cast<std::uint64_t>(weather_.delay_ns_max)));
      ++counts_.late;
    }
    box.letters.emplace(at, Letter{counts_.sent, peer, Bytes(message.begin(), message.end())});
  }
}

std::optional<LossyNetwork::Letter> LossyNetwork::take(Box& box) {
  const auto first = box.letters.begin();
  if (first == box.letters.end() || first->first > clock_.monotonic_ns()) return std::nullopt;
  Letter letter = std::move(first->second);
  box.letters.erase(first);
  if (letter.number < box.newest) ++counts_.reordered;
  box.newest = std::max(box.newest, letter.number);
  return letter;
}

}  // namespace reeve
