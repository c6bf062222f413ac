// A fleet of one operator and its nodes in memory, and the items that an honest controller would
// send about them: for tests of everything that judges a controller's words.
#pragma once

#include "common/batch.h"
#include "common/record.h"
#include "controller/cli/verify.h"

namespace reeve {

struct SmallNode {
  SigningKey key = SigningKey::generate();
  NodeCertificate certificate;
  Bytes certificate_object;
};

struct SmallFleet {
  static constexpr std::int64_t now_ns = 1'767'225'600'000'000'000;  // 2026-01-01T00:00:00Z

  SigningKey root_key = SigningKey::generate();
  SigningKey policy_key = SigningKey::generate();
  SigningKey ledger_key = SigningKey::generate();
  SigningKey operator_key = SigningKey::generate();
  Root root;

  SmallFleet() {
    root.expires_s = now_ns / 1'000'000'000 + 86'400;
    root.fleet.data.fill(0xf1);
    root.origin = "test";
    root.root.keys = {root_key.public_key()};
    root.policy.keys = {policy_key.public_key()};
    root.ledger.keys = {ledger_key.public_key()};
    root.operators = {{.name = "op",
                       .key = operator_key.public_key(),
                       .transport_key = {},
                       .rights = {Right::view, Right::publish, Right::enroll}}};
  }

  SmallNode node(const std::string& name) const { return node_by(name, operator_key); }
  SmallNode node_by(const std::string& name, const SigningKey& signer) const {
    SmallNode out;
    out.certificate.fleet = root.fleet;
    out.certificate.node = out.key.hash();
    out.certificate.name = name;
    out.certificate.record_key = out.key.public_key();
    out.certificate.issued_s = now_ns / 1'000'000'000;
    out.certificate_object =
        seal_object(ObjectType::node_certificate, encode_certificate(out.certificate), signer);
    return out;
  }
};

inline Heartbeat healthy_heartbeat(const SmallNode& node) {
  Heartbeat out;
  out.node = node.certificate.node;
  out.made.wall_ns = SmallFleet::now_ns;
  out.manifest_version = 1;
  out.isolation = "full";
  out.rules[static_cast<std::size_t>(RuleState::holds)] = 3;
  return out;
}

inline Bytes seal_heartbeat(const Heartbeat& heartbeat, const SigningKey& key) {
  return seal_object(ObjectType::heartbeat, encode_heartbeat(heartbeat), key);
}

inline Value status_item(const SmallNode& node, const Bytes& heartbeat) {
  return Value::Map{{"certificate", node.certificate_object},
                    {"heartbeat", heartbeat},
                    {"seen", SmallFleet::now_ns},
                    {"connected", true},
                    {"flags", Value::Array{}}};
}

// As judged from an honest item.
inline cli::SeenNode seen_node(const SmallFleet& fleet, const SmallNode& node,
                               const Heartbeat& heartbeat) {
  return cli::judge_node(status_item(node, seal_heartbeat(heartbeat, node.key)), fleet.root);
}

}  // namespace reeve
