// A network in memory that loses, doubles, delays and so reorders messages as a seed decides, and
// cuts whom a test names. One server's endpoint and any number of clients, each a transport key;
// nothing is authenticated, because a test decides who somebody is. Time is the clock's: what is
// late arrives at a receive() after its time. It counts what it did, so that a test can assert
// that it did anything. The network outlives its clients; a client outlives nothing.
#pragma once

#include <map>
#include <set>

#include "common/clock.h"
#include "common/link/link.h"
#include "tests/fakes/dice.h"

namespace reeve {

class LossyNetwork final : public ServerLink {
 public:
  struct Weather {  // in a thousand messages
    std::uint64_t lost = 0;
    std::uint64_t doubled = 0;
    std::uint64_t late = 0;
    std::int64_t delay_ns_max = 0;
  };
  struct Counts {
    std::uint64_t sent = 0;
    std::uint64_t lost = 0;  // a cut peer's included
    std::uint64_t doubled = 0;
    std::uint64_t late = 0;
    std::uint64_t reordered = 0;  // arrived after a message that was sent later
  };

  LossyNetwork(const Clock& clock, std::uint64_t seed) : clock_(clock), dice_{seed} {}

  bool send(const TransportKey& peer, ByteView message) override;
  std::optional<Incoming> receive() override;
  // A peer whose session ends is back at once here: whether it is heard is its receiver's affair.
  void close(const TransportKey& /*peer*/) override {}
  // What waits for the server is gone, as with the process that it waited for.
  void forget_server() { to_server_ = {}; }

  // A client with this key; one at a time. What waits for it goes with it.
  std::unique_ptr<ClientLink> connect(const TransportKey& key);

  void set_weather(const Weather& weather) { weather_ = weather; }
  // Nothing passes between this peer and the server until mend(); what is under way is lost.
  void cut(const TransportKey& peer);
  void mend(const TransportKey& peer) { cut_.erase(peer); }
  const Counts& counts() const { return counts_; }

 private:
  class Client;
  struct Letter {
    std::uint64_t number = 0;
    TransportKey peer;
    Bytes message;
  };
  struct Box {
    std::multimap<std::int64_t, Letter> letters;  // by when they arrive
    std::uint64_t newest = 0;                     // of those that arrived
  };
  void post(Box& box, const TransportKey& peer, ByteView message);
  std::optional<Letter> take(Box& box);

  const Clock& clock_;
  Dice dice_;
  Weather weather_;
  Counts counts_;
  Box to_server_;
  std::map<TransportKey, Box> to_clients_;
  std::set<TransportKey> cut_;
};

}  // namespace reeve
