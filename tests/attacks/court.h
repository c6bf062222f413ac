// A controller with two nodes and policy, before which forged statements are brought: what it
// refuses must leave everything in Standing as it was. A test owns it and plays the forger.
#pragma once

#include "tests/controller/world.h"

namespace reeve::attacks {

using Keys = std::vector<const SigningKey*>;

// What no refusal may change.
struct Standing {
  std::map<NodeId, std::pair<Bytes, std::string>> nodes;  // certificate, flags
  std::uint64_t tree_size = 0;
  Digest tree_root;
  std::optional<Bytes> manifest;
  bool operator==(const Standing&) const = default;
};

struct Court : World {
  Court() : one("one"), other("other"), newcomer("newcomer") {
    enroll(one);
    enroll(other);
    publish(5);
    for (auto* node : {&one, &other}) {
      REQUIRE(deliver(*node, node->next_batch(Stream::urgent)).size() == 1);
      send(*node, MessageType::heartbeat, node->sign_heartbeat(node->heartbeat()));
      step();
      received(*node);
    }
  }

  Standing standing() {
    Standing now;
    for (const auto& [id, node] : controller->registry().nodes()) {
      std::string flags;
      for (const auto flag : node.flag_names()) flags += flag;
      now.nodes[id] = {node.certificate_object, flags};
    }
    now.tree_size = controller->tree_size();
    now.tree_root = controller->tree_root();
    auto manifest = store->latest_manifest();
    REQUIRE(manifest.ok());
    now.manifest = *manifest;
    return now;
  }

  NodeCertificate certificate_of(const TestNode& node) const {
    NodeCertificate out;
    out.fleet = fleet.root.fleet;
    out.node = node.id;
    out.name = node.name;
    out.labels = {{"env", "test"}};
    out.record_key = node.key.public_key();
    out.transport_key = node.transport.public_key;
    out.issued_s = clock.wall_ns() / second_ns;
    return out;
  }

  TestNode one, other;
  TestNode newcomer;  // not enrolled
};

// An answer to an operator.
struct Refusal {
  std::string name;
  std::string refused_as;
  std::function<std::vector<OperatorReply>(Court&)> strike;
};
// Each is answered by its name, counted once, and changes nothing.
void strike_all(const std::vector<Refusal>& attacks);

}  // namespace reeve::attacks
