// Agents that are witnesses, and a controller with two faces: two stores under one set of keys,
// that hold the same leaves up to some moment and tell different stories from then on. A test says
// which face an agent talks to.
#pragma once

#include "controller/controller.h"
#include "tests/agent/agent_world.h"
#include "tests/controller/test_fleet.h"
#include "tests/controller/world.h"

namespace reeve::testing {

// One story of the ledger, told by the real controller.
class Face {
 public:
  Face(const TestFleet& fleet, FakeClock& clock, const std::string& store_path);

  OperatorReply ask(std::string operation, Value::Map arguments);
  Value::Array items(std::string operation, Value::Map arguments = {});
  void step() { controller->step(nodes, operators); }
  std::uint64_t counted(const std::string& name) const;

  const TestFleet& fleet;
  FakeClock& clock;
  std::unique_ptr<SqliteStore> store;
  FakeServerLink nodes;
  FakeServerLink operators;
  std::unique_ptr<FakeClientLink> operator_link;
  std::unique_ptr<Controller> controller;

 private:
  std::uint64_t requests_ = 0;
};

// An agent and its courier's link.
struct WitnessNode {
  WitnessNode(const TestFleet& fleet, const std::string& name);
  // Its link goes to this face from now on.
  void connect(Face& to);
  // What the agent has said goes there, what came from there is heard; how much moved.
  std::size_t carry();

  TestNode node;
  AgentWorld agent;
  Face* face = nullptr;
  std::unique_ptr<FakeClientLink> link;
  std::uint64_t cosignatures = 0;  // that left
};

class Witnesses {
 public:
  explicit Witnesses(std::size_t nodes);

  void carry();                   // until nothing moves any more
  void advance(std::int64_t ns);  // all clocks, second by second up to half a minute
  void rest();                    // ten minutes, until agents have nothing more to tell
  void set_witnesses(std::uint64_t version, std::size_t count, std::uint64_t need);
  // From here on there is a second face with the same leaves; no node is connected.
  void split();
  void log_something(Face& face);  // two leaves that are no agent's business

  TestFleet fleet;
  FakeClock clock;
  TemporaryDirectory directory;
  std::unique_ptr<Face> one;
  std::unique_ptr<Face> other;
  std::vector<std::unique_ptr<WitnessNode>> nodes;

 private:
  void move(std::int64_t ns);

  std::uint64_t others_ = 0;
};

}  // namespace reeve::testing
