// Keys, a root, a manifest and a certificate for the tests of trust: always the same ones.
#pragma once

#include <doctest/doctest.h>

#include "common/trust.h"

namespace reeve::trust_fixture {

inline SigningKey key(std::uint8_t number) {
  FixedBytes<32> seed;
  seed.data.fill(number);
  return SigningKey::from_seed(seed);
}

inline TransportKey transport_key(std::uint8_t number) {
  FixedBytes<32> secret;
  secret.data.fill(number);
  return transport_public_key(Secret(secret));
}

inline constexpr std::uint8_t root_key = 1;
inline constexpr std::uint8_t policy_key = 2;
inline constexpr std::uint8_t ledger_key = 3;
inline constexpr std::uint8_t operator_key = 4;
inline constexpr std::uint8_t viewer_key = 5;
inline constexpr std::uint8_t record_key = 6;
inline constexpr std::uint8_t stranger_key = 7;
inline constexpr std::uint8_t second_root_key = 8;
inline constexpr std::uint8_t second_policy_key = 9;
inline constexpr std::int64_t now_s = 1'767'225'600;
inline constexpr std::int64_t day_s = 86'400;

inline Role role(std::vector<std::uint8_t> numbers, std::uint32_t threshold = 1) {
  Role out;
  for (auto number : numbers) out.keys.push_back(key(number).public_key());
  out.threshold = threshold;
  return out;
}

inline Root root() {
  Root out;
  out.fleet.data.fill(0xf1);
  out.version = 3;
  out.expires_s = now_s + 365 * day_s;
  out.origin = "fleet.example/ledger";
  out.root = role({root_key});
  out.policy = role({policy_key});
  out.ledger = role({ledger_key});
  out.operators = {
      {"ada",
       key(operator_key).public_key(),
       transport_key(operator_key),
       {Right::view, Right::operate, Right::publish, Right::enroll, Right::administer}},
      {"vic", key(viewer_key).public_key(), transport_key(viewer_key), {Right::view}},
  };
  return out;
}

inline Manifest manifest() {
  Manifest out;
  out.fleet = root().fleet;
  out.version = 12;
  out.created_s = now_s - day_s;
  out.expires_s = now_s + 29 * day_s;
  out.source_revision = "3f2a";
  ManifestBundle bundle;
  bundle.policy = "base";
  bundle.digest = sha256(view_of("bundle"));
  bundle.size = 1'234;
  bundle.rules = 17;
  bundle.selector = {{{"role", {"db", "web"}}, {"site", {"eu"}}}, {{"canary", {"yes"}}}};
  bundle.stages = {{100, 0}, {1'000, now_s + day_s}};
  out.bundles = {bundle, {"rest", sha256(view_of("rest")), 99, 1, {}, {}}};
  return out;
}

inline NodeCertificate certificate() {
  NodeCertificate out;
  out.fleet = root().fleet;
  out.record_key = key(record_key).public_key();
  out.node = key_hash(out.record_key);
  out.name = "web-1";
  out.labels = {{"role", "web"}, {"site", "eu"}};
  out.transport_key = transport_key(record_key);
  out.version = 1;
  out.issued_s = now_s - 2 * day_s;
  return out;
}

inline Bytes sealed(ObjectType type, Bytes payload, std::vector<std::uint8_t> numbers) {
  std::vector<SigningKey> keys;
  keys.reserve(numbers.size());
  std::vector<const SigningKey*> pointers;
  for (auto number : numbers) pointers.push_back(&keys.emplace_back(key(number)));
  return seal_object(type, std::move(payload), pointers);
}

// A payload with one entry of its map changed, added or, with nil, left out.
inline Bytes with(ByteView payload, std::string_view name, const Value& value) {
  auto decoded = decode(payload);
  REQUIRE(decoded.ok());
  Value::Map out;
  bool found = false;
  for (const auto& [entry, old] : *decoded->map()) {
    bool ours = entry == name;
    found = found || ours;
    if (!ours) out.emplace_back(entry, old);
    if (ours && !value.is_nil()) out.emplace_back(entry, value);
  }
  if (!found) out.emplace_back(std::string(name), value);
  return encode(Value(std::move(out)));
}

}  // namespace reeve::trust_fixture
