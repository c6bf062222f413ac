// One agent and its controller: what the agent gives its courier goes to the controller, and what
// the controller answers comes back, but for what a test loses on the way.
#pragma once

#include "tests/agent/agent_world.h"
#include "tests/controller/world.h"

namespace reeve::testing {

class Pair {
 public:
  Pair();

  // A disk of this node becomes another agent of the same name, whatever the first one does.
  std::unique_ptr<AgentWorld> twin(Disk& disk) const;
  // The policy of two rules, /etc/secret (urgent) and /etc/motd (routine), that may be broken as
  // often as a test likes.
  void give_policy(AgentWorld& agent);
  static void break_file(AgentWorld& agent, const std::string& path);

  // A link for this agent, until another has one; then both carry until nothing moves any more.
  void connect(AgentWorld& agent);
  void carry();
  // One round: what the agent has said, one step of the controller, and its answers.
  std::size_t carry_once();
  // How many answers are lost from now on.
  void lose_answers(std::size_t count) { answers_to_lose_ = count; }

  // Records of this node that are in its chains, by epoch and stream; each is there once.
  std::map<std::pair<Epoch, Stream>, std::uint64_t> ledger_records();
  std::vector<std::string> flags();
  std::size_t bytes_in_last_round() const { return bytes_; }

  World world;
  TestNode node{"web-1"};
  AgentWorld agent;

 private:
  void give_identity(AgentWorld& agent) const;

  AgentWorld* connected_ = nullptr;
  std::size_t carried_ = 0;
  std::size_t answers_to_lose_ = 0;
  std::size_t bytes_ = 0;
};

inline const std::string secret = "/etc/secret";
inline const std::string motd = "/etc/motd";

}  // namespace reeve::testing
