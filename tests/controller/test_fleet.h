// The security team of a fleet in tests: its keys, its operators and its first root, and the
// operators' requests as they sign them.
#pragma once

#include "common/trust.h"
#include "controller/operator_protocol.h"
#include "tests/fakes/fake_clock.h"

namespace reeve {

inline constexpr std::int64_t second_ns = 1'000'000'000;

// A person with both keys.
struct TestOperator {
  SigningKey key = SigningKey::generate();
  TransportKeyPair transport = generate_transport_keys();
  Operator row(std::string name, std::vector<Right> rights) const {
    return Operator{std::move(name), key.public_key(), transport.public_key, std::move(rights)};
  }
};

// The secrets of a fleet and its first root.
struct TestFleet {
  SigningKey root_key = SigningKey::generate();
  SigningKey policy_key = SigningKey::generate();
  SigningKey ledger_key = SigningKey::generate();
  TransportKeyPair transport = generate_transport_keys();
  TestOperator admin;
  TestOperator viewer;
  Root root = make_root();
  Bytes root_object = seal_object(ObjectType::root, encode_root(root), root_key);

  Root make_root() const;
  // A root of the next version, signed as it must be.
  Bytes next_root(std::uint64_t version) const;
};

}  // namespace reeve
