// A controller with its store on a temporary file, a still clock and links in memory, the keys of
// its fleet, and nodes and operators that speak to it. Everything is deterministic but the keys.
#pragma once

#include <doctest/doctest.h>

#include "controller/controller.h"
#include "tests/controller/test_fleet.h"
#include "tests/fakes/fake_link.h"
#include "tests/store/faulty_store.h"
#include "tests/store/temporary_store.h"

namespace reeve {

// One host as the controller knows it: its keys, and the chains that it signs.
class TestNode {
 public:
  explicit TestNode(std::string name);

  Bytes certificate(const TestFleet& fleet, std::uint64_t version = 1) const;
  Heartbeat heartbeat();  // the next one
  Bytes sign_heartbeat(const Heartbeat& heartbeat) const;

  // The next batch of a stream; the first begins with its epoch_start record.
  Batch next_batch(Stream stream, std::size_t records = 2, std::string_view rule = "ssh-config");
  // Any batch, signed with this node's key; the chain does not move.
  Batch batch(BatchHeader header, std::size_t records, std::string_view rule) const;
  BatchHeader next_header(Stream stream) const;
  // The same keys and chains twice, as after a snapshot was restored.
  TestNode clone() const;
  // As after a restart: a new epoch that names `previous`.
  void begin_epoch(const Epoch& previous);

  std::string name;
  SigningKey key = SigningKey::generate();
  TransportKeyPair transport = generate_transport_keys();
  NodeId id = key.hash();
  Epoch epoch = random_bytes<16>();
  Epoch previous_epoch{};

 private:
  struct End {
    std::uint64_t next = 0;
    Digest last;
  };
  std::array<End, 2> ends_;
  std::uint64_t heartbeats_ = 0;
};

class World {
 public:
  World();
  Status open();  // the controller from its store; errors are the controller's
  void reopen();  // the same after a stop, which must succeed

  // Everything that waits is taken and answered.
  std::vector<std::string> step() { return controller->step(nodes, operators); }
  // Registers over the operators' endpoint and connects.
  void enroll(const TestNode& node);
  void connect(const TestNode& node);

  void send(const TestNode& node, MessageType type, ByteView payload);
  void send(const TestNode& node, const Batch& batch);
  // What came for a node since the last look.
  std::vector<WireMessage> received(const TestNode& node);
  std::vector<Acknowledgement> acknowledged(const TestNode& node);
  // send, step, and the acknowledgements that came.
  std::vector<Acknowledgement> deliver(const TestNode& node, const Batch& batch);

  OperatorRequest request(std::string operation, Value::Map arguments = {});
  Bytes sign(const OperatorRequest& request, const SigningKey& key) const;
  void send_operator(const TestOperator& who, ByteView message);
  // Whole replies, each decoded; empty when nothing came.
  std::vector<OperatorReply> replies(const TestOperator& who);
  // One request of an operator with all rights, and its items; an error fails the test.
  Value::Array ask(std::string operation, Value::Map arguments = {});
  Error ask_refused(std::string operation, Value::Map arguments = {});
  std::vector<OperatorReply> ask_as(const TestOperator& who, std::string operation,
                                    Value::Map arguments = {});

  // Publishes one bundle with these rules to all nodes; gives back the bundle's bytes.
  Bytes publish(std::uint64_t version, std::vector<std::string> rules = {"ssh-config"});
  Bytes manifest_object(std::uint64_t version, const Bytes& bundle, std::size_t rules) const;
  void upload(const Bytes& bundle);

  std::uint64_t counted(const std::string& name) const;
  std::vector<ObjectType> leaf_types() const;

  TestFleet fleet;
  FakeClock clock;
  TemporarySqliteStore maker;
  std::unique_ptr<FaultyStore> store;
  FakeServerLink nodes;
  FakeServerLink operators;
  std::unique_ptr<Controller> controller;

 private:
  std::map<TransportKey, std::unique_ptr<FakeClientLink>> clients_;
  std::vector<Bytes> kept_;  // what received() gives views into
  std::uint64_t request_id_ = 0;
};

Bytes test_bundle(const std::vector<std::string>& rules);

}  // namespace reeve
