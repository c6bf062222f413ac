// A network in memory: one server's endpoint and any number of clients, each a transport key. What
// is sent is there at once; queues are bounded, a cut peer can neither send nor be sent to, and
// nothing is authenticated, because a test decides who somebody is. The server outlives its
// clients.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <set>

#include "common/link/link.h"

namespace reeve {

class FakeClientLink;

class FakeServerLink final : public ServerLink {
 public:
  explicit FakeServerLink(std::size_t queue_max = 1'000) : queue_max_(queue_max) {}

  bool send(const TransportKey& peer, ByteView message) override;
  std::optional<Incoming> receive() override;
  void close(const TransportKey& peer) override { closed.push_back(peer); }
  std::vector<TransportKey> closed;  // in order; what a real link would end

  // A client with this key; one at a time.
  std::unique_ptr<FakeClientLink> connect(const TransportKey& key);
  // The network of this peer is cut until mend(); what waits at either end stays there.
  void cut(const TransportKey& peer) { cut_.insert(peer); }
  void mend(const TransportKey& peer) { cut_.erase(peer); }
  void set_queue_max(std::size_t messages) { queue_max_ = messages; }

 private:
  friend class FakeClientLink;

  std::size_t queue_max_;
  std::deque<Incoming> incoming_;
  std::map<TransportKey, std::deque<Bytes>> outgoing_;  // of connected peers
  std::set<TransportKey> cut_;
};

class FakeClientLink final : public ClientLink {
 public:
  FakeClientLink(FakeServerLink& server, const TransportKey& key);
  FakeClientLink(const FakeClientLink&) = delete;
  FakeClientLink& operator=(const FakeClientLink&) = delete;
  ~FakeClientLink() override;

  bool send(ByteView message) override;
  std::optional<Bytes> receive() override;

 private:
  FakeServerLink& server_;
  TransportKey key_;
};

}  // namespace reeve
