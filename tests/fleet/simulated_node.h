// One host of a simulated fleet: its agent with everything that it touches, and the ways in which
// it can come to its end. What dies does nothing more: from the moment at which the disk's power is
// cut its hands and its courier refuse, so that a death in the middle of a step is one.
#pragma once

#include "agent/agent.h"
#include "tests/agent/agent_fakes.h"
#include "tests/controller/test_fleet.h"
#include "tests/fakes/crash_disk.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/fake_host.h"
#include "tests/fakes/lossy_link.h"
#include "tests/fleet/witness.h"

namespace reeve::testing {

class SimulatedNode {
 public:
  // `files` are kept at a mode by the fleet's policy.
  SimulatedNode(const TestFleet& fleet, std::size_t number, LossyNetwork& network, Witness& witness,
                const std::vector<std::string>& files);
  SimulatedNode(const SimulatedNode&) = delete;
  SimulatedNode& operator=(const SimulatedNode&) = delete;
  ~SimulatedNode();

  const NodeId& id() const { return identity_.certificate.node; }
  const TransportKey& transport_key() const { return identity_.transport.public_key; }
  const Bytes& certificate() const { return certificate_; }
  bool is_up() const { return agent_ != nullptr; }
  Agent& agent() { return *agent_; }
  FakeClock& clock() { return clock_; }
  CrashDisk& disk() { return *disk_; }

  // False where the disk does not let it; to be tried again.
  bool start();
  void step();
  void stop();
  void die();
  void lose_power(std::uint64_t seed);
  void jump_clock(std::int64_t ns);
  void set_link(bool is_up);
  // Somebody changes the mode of a file; the sensor may or may not see it.
  enum class Notice { seen, missed };
  void deviate(const std::string& path, std::uint32_t mode, Notice notice);
  void overflow_sensor() { sensor_.next.overflowed = true; }
  std::uint32_t mode_of(const std::string& path) const { return host_.at(path).mode; }
  // Anything that the node's key may sign and its courier send.
  void send_forgery();
  // Everything sealed is in the ledger.
  bool is_drained() const;

 private:
  class Courier;
  class Hands;
  SeenLife& life();
  void end_life(SeenLife::End end);
  void check_journal();
  void settle_the_dead();

  Witness& witness_;
  LossyNetwork& network_;
  std::unique_ptr<CrashDisk> disk_ = std::make_unique<CrashDisk>();
  Identity identity_;
  Bytes certificate_;
  FakeClock clock_;
  FakeHost host_;
  FakeSensor sensor_;
  KeptNotes notes_;
  std::unique_ptr<Courier> courier_;
  std::unique_ptr<Hands> hands_;
  std::unique_ptr<Agent> agent_;
  Epoch epoch_;
  std::vector<Epoch> dead_;  // killed, and no start since has made durable what they left
  int wait_status_ = 0;      // how the last life ended, as its launcher knows
  std::optional<Batch> last_left_;
  std::uint64_t faults_before_ = 0;
};

// What the rules of a simulated fleet are; every second file is kept by an urgent rule.
std::vector<std::string> simulated_files();
std::vector<Rule> simulated_rules(std::string_view mode);

}  // namespace reeve::testing
