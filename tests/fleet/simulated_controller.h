// The controller of a simulated fleet: the real one with the real store, on a disk whose power can
// be cut at any call. From that moment on it says nothing more.
#pragma once

#include "controller/controller.h"
#include "controller/store/sqlite_store.h"
#include "tests/controller/test_fleet.h"
#include "tests/fakes/crash_disk.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/fake_link.h"
#include "tests/fakes/lossy_link.h"
#include "tests/fleet/witness.h"

namespace reeve::testing {

class SimulatedController {
 public:
  SimulatedController(const TestFleet& fleet, FakeClock& clock, LossyNetwork& network,
                      Witness& witness);
  SimulatedController(const SimulatedController&) = delete;
  SimulatedController& operator=(const SimulatedController&) = delete;
  ~SimulatedController();

  bool is_up() const { return controller_ != nullptr; }
  bool start();  // false where the disk does not let it
  void step();
  void die();
  void lose_power(std::uint64_t seed);
  CrashDisk& disk() { return *disk_; }
  Digest tree_root() const { return controller_->tree_root(); }
  std::uint64_t tree_size() const { return controller_->tree_size(); }
  const Node* node(const NodeId& id) const { return controller_->registry().find(id); }

  // What an auditor finds wrong with what it has stored; empty for nothing.
  std::string audited() const;

  // As an operator with all rights; false when it is not up, or refuses.
  bool enroll(const Bytes& certificate);
  bool set_witnesses(const std::vector<NodeId>& nodes);
  // False too where it was published and the answer was lost with the controller.
  bool publish(std::uint64_t version, const std::vector<Rule>& rules);
  // What it publishes; absent when it does not answer.
  std::optional<std::uint64_t> published();

 private:
  class Mouth;
  std::optional<OperatorReply> ask(std::string operation, Value::Map arguments);
  bool has_done(std::string operation, Value::Map arguments);
  void close();
  void look_at_files();

  const TestFleet& fleet_;
  FakeClock& clock_;
  LossyNetwork& network_;
  Witness& witness_;
  FakeServerLink operators_;
  std::unique_ptr<FakeClientLink> operator_;
  std::unique_ptr<Mouth> mouth_;
  std::unique_ptr<CrashDisk> disk_ = std::make_unique<CrashDisk>();
  std::unique_ptr<SqliteVfs> vfs_;
  std::unique_ptr<SqliteStore> store_;
  std::unique_ptr<LogFiles> files_;
  std::unique_ptr<Controller> controller_;
  std::uint64_t requests_ = 0;
};

}  // namespace reeve::testing
