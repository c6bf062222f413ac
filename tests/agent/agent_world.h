// One agent in a world of fakes: host, clock, disk, sensor and courier, and the keys of a fleet, so
// that a test is the security team, the controller and the network at once.
#pragma once

#include <deque>
#include <functional>

#include "agent/agent.h"
#include "tests/agent/agent_fakes.h"
#include "tests/agent/test_ledger.h"
#include "tests/common/trust_fixture.h"
#include "tests/fakes/crash_disk.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/fake_host.h"

namespace reeve::testing {

// Hands in what a test pushes and keeps what the agent says.
class FakeCourier final : public CourierPort {
 public:
  bool send(ByteView message) override;
  std::optional<Bytes> receive() override;

  bool takes_messages = true;
  std::deque<Bytes> incoming;
  std::vector<Bytes> sent;
  // Called with every batch before it is taken.
  std::function<void(ByteView)> on_batch;

  std::vector<Bytes> payloads(MessageType type) const;
};

class AgentWorld {
 public:
  AgentWorld();
  // With a disk that somebody else owns, such as the one that a power cut left.
  explicit AgentWorld(Disk& disk);

  // Starts the agent; what it had is gone as by a kill.
  void start(int last_wait_status = 0);
  bool was_stuck = false;  // the process before the next start
  bool has_started() const { return agent != nullptr; }
  void stop();
  // Everything that is due now, and the group commit.
  void settle();
  void advance(std::int64_t ns);
  void link_up();
  void hear(MessageType type, ByteView payload);

  // A manifest as the security team signs it, one bundle of these rules.
  struct Signed {
    Bytes object;
    Manifest manifest;
    std::map<Digest, Bytes> bundles;
  };
  Signed sign(std::uint64_t version, std::vector<Rule> rules,
              const std::function<void(Manifest&)>& change = {}) const;
  // Offers it and answers every fetch.
  void push(const Signed& policy);
  void serve_fetches(const Signed& policy);
  void push(std::uint64_t version, std::vector<Rule> rules) {
    push(sign(version, std::move(rules)));
  }

  void wake(WatchId rule, std::optional<std::string> object);
  // Acknowledges every record key that was sent.
  void acknowledge_keys();
  // Acknowledges every batch that was sent and not yet acknowledged, as an honest controller does.
  std::size_t acknowledge_all();
  // What such a controller answers to a batch.
  Acknowledgement answer_to(const Batch& batch);

  // What is on the journals, both streams.
  std::vector<Record> records(std::string_view type = {});
  std::vector<Receipt> receipts();
  std::optional<Heartbeat> last_heartbeat() const;
  // By the statements that were sent so far.
  KeyChain key_chain() const;

  CrashDisk own_disk;
  Disk& disk;
  FakeClock clock;
  FakeHost host;
  Hands* hands = &host;
  FakeSensor sensor;
  FakeCourier courier;
  KeptNotes notes;
  Identity identity;
  std::unique_ptr<Agent> agent;
  std::size_t segment_bytes_max = 6'000;
  std::uint64_t journal_bytes_max = limits::journal_bytes_max;
  std::size_t reserve_bytes = 0;  // most tests have no use for it, and it takes time
  std::uint64_t acknowledged_bytes_max = limits::acknowledged_bytes_max;
  std::uint32_t credit_bytes = 1u << 20;
  TestLedger ledger;

  // The first record key, where the disk has none yet; start() brings one of its own otherwise.
  void provide_key(const SigningKey& key);

 private:
  void hear_what_is_held();

  std::size_t acknowledged_ = 0;
};

}  // namespace reeve::testing
