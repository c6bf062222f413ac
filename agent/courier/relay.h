// What the courier does once it is sealed: carries messages between the agent's pair and the
// controller, unopened but for their type. It holds at most one message each way: while the network
// is down nothing more is read from the agent, whose socket then fills, and the agent sends again
// what was not acknowledged. Single-threaded; nothing here outlives run().
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/courier/courier_limits.h"
#include "common/clock.h"
#include "common/fd.h"
#include "common/link/zmq_link.h"
#include "common/wire.h"

namespace reeve {

// What a courier is there for: it was told by the type of its configuration.
enum class RelayDuty { node, enrollment };

// By type alone: what goes out to a controller, and what may come from one. Everything else, such
// as the messages of agent and courier among themselves, is dropped.
bool may_leave(ByteView message, RelayDuty duty = RelayDuty::node);
bool may_enter(ByteView message, RelayDuty duty = RelayDuty::node);

enum class RelayEnd { agent_gone, no_address_answers };

struct RelayTimes {
  std::int64_t address_ns = limits::courier_address_ns;
  std::int64_t resolve_ns = limits::courier_resolve_ns;
  std::int64_t word_ns = limits::courier_word_ns;
};

enum class Isolation : std::uint8_t { reduced = 0, full = 1 };

class Relay {
 public:
  // `addresses` are numeric and at least one. Error: `relay_failed`.
  static Result<Relay> create(Fd agent, CourierConfig config, std::vector<std::string> addresses,
                              Isolation isolation, const RelayTimes& times,
                              RelayDuty duty = RelayDuty::node);
  // Until the agent closes its end, or no address has answered for about a minute.
  RelayEnd run();
  // One round of it, waiting no longer than this; present when it is over.
  std::optional<RelayEnd> turn(std::int64_t timeout_ns);

 private:
  Relay(Fd agent, Fd watch, CourierConfig config, std::vector<std::string> addresses,
        Isolation isolation, const RelayTimes& times, RelayDuty duty);

  bool up() const { return client_ && client_->connected(); }
  void note_loss(std::int64_t now);
  void choose_address(std::int64_t now);
  void wait(std::int64_t timeout_ns);
  void watch_agent();
  void tell_link_state();
  void carry_inward();
  void carry_outward();
  void give_to_agent(Bytes message);
  std::optional<Bytes> take_from_agent();

  Fd agent_;
  Fd watch_;  // an epoll set of agent_ alone, so that what is waited for can change
  CourierConfig config_;
  std::vector<std::string> addresses_;
  Isolation isolation_;
  RelayTimes times_;
  RelayDuty duty_;
  SystemClock clock_;
  std::unique_ptr<ZmqClient> client_;
  std::size_t next_address_ = 0;
  std::int64_t address_until_ns_ = 0;       // then the next one is tried
  std::optional<std::int64_t> give_up_ns_;  // while the network is down
  std::optional<bool> told_up_;
  std::int64_t word_due_ns_ = 0;  // a sign of life, when nothing changes
  std::optional<Bytes> outward_;  // read from the agent, not yet taken by the network
  std::optional<Bytes> inward_;   // received, not yet taken by the agent's socket
  bool agent_gone_ = false;
};

}  // namespace reeve
