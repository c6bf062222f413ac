// Policy that must not be adopted, each attack by its name, against the real agent on fakes: roots,
// manifests, bundles. The cases of The Update Framework's conformance suite (rollback,
// fast-forward, freeze, expiry, thresholds, duplicate keys and signatures, rotation, wrong hashes
// and lengths) and ours. Every one is refused by its error's name, on record once, and moves
// nothing.
#include <doctest/doctest.h>

#include <limits>

#include "common/limits.h"
#include "controller/cli/cli_limits.h"
#include "tests/attacks/besieged_agent.h"

namespace reeve::testing {
namespace {

namespace fixture = trust_fixture;

constexpr std::uint64_t naturals_end = std::numeric_limits<std::uint64_t>::max();
constexpr std::uint8_t stranger = fixture::stranger_key;
constexpr std::uint8_t other_stranger = 23;

struct Attack {
  std::string name;
  std::string refused_as;
  std::function<void(Besieged&)> strike;
};

void strike_all(const std::vector<Attack>& attacks) {
  for (const Attack& attack : attacks) {
    CAPTURE(attack.name);
    Besieged world;
    const Standing before = world.standing();
    attack.strike(world);
    world.check_unmoved(before);
    CHECK(world.refusals() == std::vector<std::string>{attack.refused_as});
    CHECK(world.last_heartbeat()->refused == attack.refused_as);
    attack.strike(world);  // what is refused already is not recorded again
    world.check_unmoved(before);
    CHECK(world.refusals().size() == 1);
    world.check_alive(Besieged::version_in_force + 2);
  }
}

// Attacks by root.

using ChangeRoot = std::function<void(Root&)>;

Attack root_attack(std::string name, std::string refused_as, Besieged::Keys signers,
                   ChangeRoot change = {}) {
  return {std::move(name), std::move(refused_as), [signers, change](Besieged& world) {
            Root next = world.next_root();
            if (change) change(next);
            world.hear(MessageType::root, Besieged::seal(next, signers));
          }};
}

Attack root_payload_attack(std::string name, std::string refused_as, std::string field,
                           Value value) {
  return {std::move(name), std::move(refused_as), [field, value](Besieged& world) {
            const Bytes payload = fixture::with(encode_root(world.next_root()), field, value);
            world.hear(MessageType::root,
                       fixture::sealed(ObjectType::root, payload, Besieged::root_signers));
          }};
}

Bytes mixed(const Bytes& signatures_of, const Bytes& payload_of, ObjectType type) {
  auto taken = parse_signed_object(signatures_of, type);
  auto given = parse_signed_object(payload_of, type);
  REQUIRE(taken.ok());
  REQUIRE(given.ok());
  return encode_signed_object({type, taken->signatures, given->payload});
}

Bytes changed_at(Bytes bytes, std::size_t at) {
  bytes.at(at) ^= 1;
  return bytes;
}

Attack root_bytes_attack(std::string name, std::string refused_as,
                         std::function<Bytes(Bytes)> change) {
  return {std::move(name), std::move(refused_as), [change](Besieged& world) {
            world.hear(MessageType::root, change(Besieged::seal(world.next_root())));
          }};
}

TEST_CASE("root: forged, under-signed and doubly-signed ones are refused by name") {
  const auto taken_over = [](Root& next) { next.root = fixture::role({stranger}, 1); };
  strike_all({
      root_attack("forged by strangers", "too_few_signatures", {stranger, other_stranger}),
      root_attack("a root that only its own new key signed", "too_few_signatures", {stranger},
                  taken_over),
      root_attack("one of the two keys that are needed", "too_few_signatures", {1}),
      root_attack("one key and a stranger's", "too_few_signatures", {1, stranger}),
      root_attack("no signature at all", "too_few_signatures", {}),
      root_attack("one key twice", "bad_signature", {1, 1}),
      root_attack("the policy keys", "too_few_signatures", Besieged::policy_keys),
      root_attack("the ledger key, which is online", "too_few_signatures",
                  {fixture::ledger_key, 1}),
      root_attack("an operator's key", "too_few_signatures", {fixture::operator_key, 1}),
      root_attack("new keys that did not sign themselves", "too_few_signatures",
                  Besieged::root_signers,
                  [](Root& next) {
                    next.root = fixture::role({stranger, other_stranger}, 2);
                  }),
      root_attack("a raised threshold that is not met", "too_few_signatures",
                  Besieged::root_signers, [](Root& next) { next.root.threshold = 3; }),
      root_bytes_attack("a changed payload", "bad_signature",
                        [](Bytes bytes) { return changed_at(bytes, bytes.size() - 1); }),
      root_bytes_attack(
          "a changed signature", "bad_signature",
          [](Bytes bytes) { return changed_at(bytes, signed_object_header_bytes + 40); }),
  });
}

TEST_CASE("root: rolled-back, replayed, fast-forwarded and mixed ones are refused by name") {
  strike_all({
      root_attack("the version before", "root_rollback", Besieged::root_signers,
                  [](Root& next) { next.version -= 2; }),
      root_attack("the version in force with another content", "root_rollback",
                  Besieged::root_signers,
                  [](Root& next) {
                    next.version -= 1;
                    next.expires_s += 1;
                  }),
      root_attack("a version left out", "root_gap", Besieged::root_signers,
                  [](Root& next) { next.version += 1; }),
      root_attack("fast-forward to the last version", "root_gap", Besieged::root_signers,
                  [](Root& next) { next.version = naturals_end; }),
      {"signatures of another root", "bad_signature",
       [](Besieged& world) {
         Root one = world.next_root(), other = one;
         other.policy = fixture::role({stranger});
         world.hear(MessageType::root,
                    mixed(Besieged::seal(one), Besieged::seal(other), ObjectType::root));
       }},
      {"a manifest in a root's place", "wrong_type",
       [](Besieged& world) { world.hear(MessageType::root, world.honest(6).object); }},
      {"root signatures made for another type", "bad_signature",
       [](Besieged& world) {
         const Bytes payload = encode_root(world.next_root());
         auto other = parse_signed_object(
             fixture::sealed(ObjectType::manifest, payload, Besieged::root_signers),
             ObjectType::manifest);
         world.hear(MessageType::root,
                    encode_signed_object({ObjectType::root, other->signatures, payload}));
       }},
  });
}

TEST_CASE("root: what is malformed, oversized or of another version is refused by name") {
  const auto many = [](std::size_t count) {
    return [count](Root& next) {
      for (std::size_t i = 0; i < count; ++i) {
        FixedBytes<32> key;
        key.data[0] = static_cast<std::uint8_t>(i);
        key.data[1] = static_cast<std::uint8_t>(i >> 8);
        next.operators.push_back({"o" + std::to_string(i), key, key, {}});
      }
    };
  };
  strike_all({
      root_payload_attack("an unknown field", "unknown_field", "colour", "red"),
      root_payload_attack("a later format", "unsupported_version", "format", std::uint64_t{2}),
      root_payload_attack("an old format", "unsupported_version", "format", std::uint64_t{0}),
      root_payload_attack("no format", "malformed", "format", Value{}),
      root_payload_attack("no expiry", "malformed", "expires", Value{}),
      root_payload_attack("a threshold of none", "malformed", "policy",
                          Value::Map{{"keys", Value::Array{Value(fixture::key(2).public_key())}},
                                     {"need", std::uint64_t{0}}}),
      root_payload_attack("a role's unknown field", "unknown_field", "policy",
                          Value::Map{{"keys", Value::Array{Value(fixture::key(2).public_key())}},
                                     {"need", std::uint64_t{1}},
                                     {"also", std::uint64_t{1}}}),
      root_attack("a threshold that no keys can meet", "malformed", Besieged::root_signers,
                  [](Root& next) { next.policy.threshold = 4; }),
      root_attack("one key twice in a role", "malformed", Besieged::root_signers,
                  [](Root& next) {
                    next.policy = fixture::role({2, 2, 9}, 2);
                  }),
      root_attack("one key for two operators", "malformed", Besieged::root_signers,
                  [](Root& next) {
                    next.operators.push_back(next.operators[0]);
                    next.operators.back().name = "eve";
                  }),
      root_attack("an expiry of zero", "malformed", Besieged::root_signers,
                  [](Root& next) { next.expires_s = 0; }),
      root_attack("too many operators", "limit_exceeded", Besieged::root_signers,
                  many(limits::operators_max)),
      root_bytes_attack("cut short", "malformed",
                        [](Bytes bytes) {
                          bytes.resize(bytes.size() / 2);
                          return bytes;
                        }),
      root_bytes_attack("bytes behind it", "malformed",
                        [](Bytes bytes) {
                          bytes.push_back(0);
                          return bytes;
                        }),
      root_bytes_attack("a later signed object", "malformed",
                        [](Bytes bytes) {
                          bytes.at(4) = 2;
                          return bytes;
                        }),
      root_bytes_attack("more signatures than there may be", "malformed",
                        [](Bytes bytes) {
                          bytes.at(6) = 0xff;
                          return bytes;
                        }),
      root_bytes_attack("as long as a message can be", "limit_exceeded",
                        [](Bytes bytes) {
                          bytes.resize(limits::message_bytes_max - 4);
                          return bytes;
                        }),
  });
}

// Attacks by manifest.

using ChangeManifest = std::function<void(Manifest&)>;

Attack manifest_attack(std::string name, std::string refused_as, ChangeManifest change,
                       Besieged::Keys signers = Besieged::policy_signers) {
  return {std::move(name), std::move(refused_as), [signers, change](Besieged& world) {
            auto policy = world.honest(6);
            if (change) change(policy.manifest);
            policy.object = Besieged::seal(policy.manifest, signers);
            world.push(policy);
          }};
}

Attack manifest_bytes_attack(std::string name, std::string refused_as,
                             std::function<Bytes(Besieged&, Bytes)> change) {
  return {std::move(name), std::move(refused_as), [change](Besieged& world) {
            auto policy = world.honest(6);
            policy.object = change(world, std::move(policy.object));
            world.push(policy);
          }};
}

Attack manifest_payload_attack(std::string name, std::string refused_as, std::string field,
                               Value value) {
  return manifest_bytes_attack(
      std::move(name), std::move(refused_as), [field, value](Besieged&, const Bytes& object) {
        auto opened = parse_signed_object(object, ObjectType::manifest);
        return fixture::sealed(ObjectType::manifest, fixture::with(opened->payload, field, value),
                               Besieged::policy_signers);
      });
}

TEST_CASE("manifest: forged, under-signed and doubly-signed ones are refused by name") {
  strike_all({
      manifest_attack("forged by strangers", "too_few_signatures", {}, {stranger, other_stranger}),
      manifest_attack("one of the two keys that are needed", "too_few_signatures", {}, {2}),
      manifest_attack("one key and a stranger's", "too_few_signatures", {}, {2, stranger}),
      manifest_attack("no signature at all", "too_few_signatures", {}, {}),
      manifest_attack("one key twice", "bad_signature", {}, {2, 2}),
      manifest_attack("the root keys", "too_few_signatures", {}, Besieged::root_keys),
      manifest_attack("the ledger key, which is online", "too_few_signatures", {},
                      {fixture::ledger_key, 2}),
      manifest_attack("an operator's key", "too_few_signatures", {}, {fixture::operator_key, 2}),
      manifest_attack("the node's own key", "too_few_signatures", {}, {fixture::record_key, 2}),
      manifest_bytes_attack(
          "a changed payload", "bad_signature",
          [](Besieged&, Bytes bytes) { return changed_at(bytes, bytes.size() - 1); }),
      manifest_bytes_attack("signatures of another manifest", "bad_signature",
                            [](Besieged& world, const Bytes& bytes) {
                              return mixed(world.honest(7).object, bytes, ObjectType::manifest);
                            }),
      manifest_bytes_attack(
          "a root in a manifest's place", "wrong_type",
          [](Besieged& world, const Bytes&) { return Besieged::seal(world.next_root()); }),
  });
}

TEST_CASE("manifest: rolled-back, replayed, expired and fast-forwarded ones are refused by name") {
  strike_all({
      manifest_attack("an older version", "manifest_rollback",
                      [](Manifest& manifest) { manifest.version = 4; }),
      manifest_attack("the version in force with another content", "manifest_rollback",
                      [](Manifest& manifest) { manifest.version = 5; }),
      manifest_attack("the first version", "manifest_rollback",
                      [](Manifest& manifest) { manifest.version = 1; }),
      manifest_attack("expired", "manifest_expired",
                      [](Manifest& manifest) {
                        manifest.created_s -= limits::manifest_lifetime_s;
                        manifest.expires_s = manifest.created_s + 60;
                      }),
      manifest_attack("fast-forward to the last version", "limit_exceeded",
                      [](Manifest& manifest) { manifest.version = naturals_end; }),
      manifest_attack("expired before it was made", "malformed",
                      [](Manifest& manifest) { manifest.expires_s = manifest.created_s; }),
  });
}

// What is for other nodes only is not fetched here, and its figures are judged all the same.
void for_others(ManifestBundle& bundle) { bundle.selector = {{{"role", {"db"}}}}; }

TEST_CASE("manifest: what is malformed, oversized or of another version is refused by name") {
  const auto bundle = [](std::function<void(ManifestBundle&)> change) {
    return [change](Manifest& manifest) { change(manifest.bundles.at(0)); };
  };
  strike_all({
      manifest_payload_attack("an unknown field", "unknown_field", "colour", "red"),
      manifest_payload_attack("a later format", "unsupported_version", "format", std::uint64_t{2}),
      manifest_payload_attack("an old format", "unsupported_version", "format", std::uint64_t{0}),
      manifest_payload_attack("no bundles", "malformed", "bundles", Value{}),
      manifest_payload_attack("a bundle that is no map", "malformed", "bundles",
                              Value::Array{Value("x")}),
      manifest_attack("version 0", "malformed", [](Manifest& manifest) { manifest.version = 0; }),
      manifest_attack("made before 1970", "malformed",
                      [](Manifest& manifest) { manifest.created_s = -1; }),
      manifest_attack("one bundle twice", "malformed",
                      [](Manifest& manifest) {
                        manifest.bundles.push_back(manifest.bundles[0]);
                        manifest.bundles[1].policy = "other";
                      }),
      manifest_attack("too many bundles", "limit_exceeded",
                      [](Manifest& manifest) {
                        for (std::size_t i = 0; i < limits::manifest_bundles_max; ++i) {
                          manifest.bundles.push_back(manifest.bundles[0]);
                          manifest.bundles.back().digest.data[0] = static_cast<std::uint8_t>(i);
                        }
                      }),
      manifest_attack("a bundle over the limit", "limit_exceeded",
                      bundle([](ManifestBundle& one) { one.size = limits::bundle_bytes_max + 1; })),
      manifest_attack(
          "more rules than there may be", "limit_exceeded",
          bundle([](ManifestBundle& one) { one.rules = limits::bundle_rules_max + 1; })),
      manifest_attack("another node's bundle over the limit", "limit_exceeded",
                      bundle([](ManifestBundle& one) {
                        for_others(one);
                        one.size = limits::bundle_bytes_max + 1;
                      })),
      manifest_attack("more rules for another node than there may be", "limit_exceeded",
                      bundle([](ManifestBundle& one) {
                        for_others(one);
                        one.rules = limits::bundle_rules_max + 1;
                      })),
      manifest_attack("bundles that are too much together", "limit_exceeded",
                      [](Manifest& manifest) {
                        manifest.bundles.push_back(manifest.bundles[0]);
                        manifest.bundles[1].digest.data[0] ^= 1;
                        manifest.bundles[0].size = manifest.bundles[1].size =
                            limits::bundle_bytes_max;
                      }),
      manifest_attack("a bundle of no bytes", "malformed",
                      bundle([](ManifestBundle& one) { one.size = 0; })),
      manifest_attack("a selector that lost its labels", "malformed",
                      bundle([](ManifestBundle& one) { one.selector = {{}}; })),
      manifest_attack("a label that allows nothing", "malformed", bundle([](ManifestBundle& one) {
                        one.selector = {{{"role", {}}}};
                      })),
      manifest_attack("a share of more than all", "malformed", bundle([](ManifestBundle& one) {
                        one.stages = {{10'001, 0}};
                      })),
      manifest_attack("too many stages", "limit_exceeded", bundle([](ManifestBundle& one) {
                        one.stages.assign(limits::stages_max + 1, Stage{});
                      })),
      manifest_bytes_attack("cut short", "malformed",
                            [](Besieged&, Bytes bytes) {
                              bytes.resize(bytes.size() - 1);
                              return bytes;
                            }),
      manifest_bytes_attack("bytes behind it", "malformed",
                            [](Besieged&, Bytes bytes) {
                              bytes.push_back(0);
                              return bytes;
                            }),
      manifest_bytes_attack("as long as a message can be", "limit_exceeded",
                            [](Besieged&, Bytes bytes) {
                              bytes.resize(limits::message_bytes_max - 4);
                              return bytes;
                            }),
  });
}

// Attacks by what manifests name.

Attack bundle_attack(std::string name, std::string refused_as, std::function<Bytes(Bytes)> change) {
  return {std::move(name), std::move(refused_as), [change](Besieged& world) {
            auto policy = world.honest(6);
            const Bytes bundle = change(policy.bundles.begin()->second);
            policy.manifest.bundles[0].digest = sha256(bundle);
            policy.manifest.bundles[0].size = bundle.size();
            Besieged::resign(policy);
            policy.bundles = {{sha256(bundle), bundle}};
            world.push(policy);
          }};
}

// The chunk that answers the agent's next request, as the attacker would have it.
Attack chunk_attack(std::string name, std::string refused_as, std::function<void(Chunk&)> change) {
  return {std::move(name), std::move(refused_as), [change](Besieged& world) {
            const auto policy = world.honest(6);
            world.hear(MessageType::manifest, policy.object);
            const auto wanted = world.agent->policy_store().wanted();
            REQUIRE(wanted);
            const Bytes& bundle = policy.bundles.begin()->second;
            Chunk chunk{wanted->digest, 0, static_cast<std::uint32_t>(bundle.size()), bundle};
            change(chunk);
            world.hear(MessageType::chunk, encode_chunk(chunk));
          }};
}

Bytes with_right_digest(Bytes bytes) {
  bytes.resize(bytes.size() - Digest::size());
  append(bytes, sha256(bytes).view());
  return bytes;
}

Attack rule_attack(std::string name, std::string refused_as, std::function<void(Rule&)> change) {
  return bundle_attack(std::move(name), std::move(refused_as), [change](const Bytes& bytes) {
    auto bundle = decode_bundle(bytes);
    REQUIRE(bundle.ok());
    change(bundle->rules.at(0));
    return encode_bundle(*bundle);
  });
}

TEST_CASE("bundle: wrong digests and sizes, unknown kinds and fields are refused by name") {
  strike_all({
      chunk_attack("another bundle of the same size", "bundle_digest_mismatch",
                   [](Chunk& chunk) { chunk.bytes.back() ^= 1; }),
      chunk_attack("an older bundle in its place", "bundle_size_mismatch",
                   [](Chunk& chunk) {
                     chunk.bytes.resize(chunk.bytes.size() - 1);
                     chunk.total -= 1;
                   }),
      chunk_attack("more bytes than the manifest says", "bundle_size_mismatch",
                   [](Chunk& chunk) {
                     chunk.bytes.push_back(0);
                     chunk.total += 1;
                   }),
      chunk_attack("endless bytes", "bundle_size_mismatch",
                   [](Chunk& chunk) {
                     chunk.bytes.resize(limits::chunk_bytes_max);
                     chunk.total = limits::bundle_bytes_max;
                   }),
      bundle_attack("noise", "malformed_bundle", [](const Bytes&) { return Bytes(100, 7); }),
      bundle_attack("cut short", "malformed_bundle",
                    [](Bytes bytes) {
                      bytes.resize(bytes.size() / 2);
                      return with_right_digest(bytes);
                    }),
      bundle_attack("its own digest changed", "malformed_bundle",
                    [](Bytes bytes) { return changed_at(bytes, bytes.size() - 1); }),
      bundle_attack("a later version", "unsupported_version",
                    [](Bytes bytes) {
                      bytes.at(4) = 2;
                      return with_right_digest(bytes);
                    }),
      bundle_attack("an old version", "unsupported_version",
                    [](Bytes bytes) {
                      bytes.at(4) = 0;
                      return with_right_digest(bytes);
                    }),
      bundle_attack("more rules than there may be", "limit_exceeded",
                    [](Bytes bytes) {
                      bytes.at(5) = 0xff;
                      return with_right_digest(bytes);
                    }),
      bundle_attack("two rules of one id", "duplicate_rule",
                    [](const Bytes& bytes) {
                      auto bundle = decode_bundle(bytes);
                      bundle->rules.push_back(bundle->rules.at(0));
                      return encode_bundle(*bundle);
                    }),
      rule_attack("an unknown kind", "unknown_kind", [](Rule& rule) { rule.kind = "command"; }),
      rule_attack(
          "an unknown field", "unknown_field",
          [](Rule& rule) {
            rule.fields = Value::Map{{"path", "/etc/secret"}, {"mode", "0600"}, {"run", "/bin/sh"}};
          }),
      rule_attack("a path that is none", "invalid_rule",
                  [](Rule& rule) {
                    rule.fields = Value::Map{{"path", "../../etc/shadow"}, {"mode", "0600"}};
                  }),
  });
}

// What cannot be a case of the tables: it takes a root, or time.

TEST_CASE("keys that a new root dropped sign nothing any more: revoked") {
  Besieged world;
  Root next = world.next_root();
  next.root = fixture::role({8, 21, 24}, 2);
  next.policy = fixture::role({9, 22, 25}, 2);
  world.hear(MessageType::root, Besieged::seal(next, {1, 8, 21}));
  REQUIRE(world.agent->policy_store().root().version == next.version);
  const Standing before = world.standing();

  auto policy = world.honest(6);
  world.push(policy);  // 2 is revoked, 9 is not
  policy = world.honest(7);
  policy.object = Besieged::seal(policy.manifest, {2, 22});
  world.push(policy);
  Root after = world.next_root();
  world.hear(MessageType::root, Besieged::seal(after, {1, 8}));
  world.check_unmoved(before);
  CHECK(world.refusals() == std::vector<std::string>(3, "too_few_signatures"));

  policy = world.honest(8);
  policy.object = Besieged::seal(policy.manifest, {9, 22});
  world.push(policy);
  CHECK(world.agent->policy_store().version() == 8);
}

TEST_CASE("a raised threshold holds for manifests that were signed before it") {
  Besieged world;
  const auto waiting = world.honest(6);
  Root next = world.next_root();
  next.policy.threshold = 3;
  world.adopt_root(next);
  const Standing before = world.standing();
  world.push(waiting);
  world.check_unmoved(before);
  CHECK(world.refusals() == std::vector<std::string>{"too_few_signatures"});
}

TEST_CASE("an expired root stops new policy, not enforcement, and lets the next root pass") {
  Besieged world;
  Root next = world.next_root();
  next.expires_s = world.clock.wall_ns() / 1'000'000'000 + 100;
  world.adopt_root(next);
  world.advance(101'000'000'000);
  const Standing before = world.standing();
  world.push(world.honest(6));
  world.check_unmoved(before);
  CHECK(world.refusals() == std::vector<std::string>{"root_expired"});
  world.host.add_file(Besieged::watched, 0666);
  world.wake(0, Besieged::watched);
  CHECK(world.host.at(Besieged::watched).mode == 0600);

  // Through an intermediate that has expired as well.
  next.version += 1;
  world.adopt_root(next);
  next.version += 1;
  next.expires_s += limits::manifest_lifetime_s;
  world.adopt_root(next);
  world.push(world.honest(7));
  CHECK(world.agent->policy_store().version() == 7);
}

TEST_CASE("what waits for its stage is judged by the keys and the time of its adoption") {
  const auto staged = [](Besieged& world, std::int64_t lifetime_s) {
    auto policy = world.honest(6);
    policy.manifest.bundles[0].stages = {{share_by_time_max, policy.manifest.created_s + 100}};
    policy.manifest.expires_s = policy.manifest.created_s + lifetime_s;
    // The first revision whose stage takes this node in.
    const NodeId node = world.identity.certificate.node;
    for (int i = 0;; ++i) {
      policy.manifest.source_revision = std::to_string(i);
      if (stage_position(sha256(encode_manifest(policy.manifest)), node) < share_by_time_max) break;
    }
    Besieged::resign(policy);
    world.push(policy);
    CHECK(world.agent->policy_store().version() == Besieged::version_in_force);
    return policy;
  };
  SUBCASE("early: it is neither fetched nor adopted") {
    Besieged world;
    const auto policy = staged(world, 10'000);
    CHECK_FALSE(world.agent->policy_store().wanted());
    world.advance(101'000'000'000);
    world.serve_fetches(policy);
    CHECK(world.agent->policy_store().version() == 6);
  }
  SUBCASE("a key that signed it is revoked meanwhile") {
    Besieged world;
    const auto policy = staged(world, 10'000);
    Root next = world.next_root();
    next.policy = fixture::role({9, 22, 25}, 2);
    world.adopt_root(next);
    const Standing before = world.standing();
    world.advance(101'000'000'000);
    world.serve_fetches(policy);
    world.check_unmoved(before);
    CHECK(world.refusals() == std::vector<std::string>{"too_few_signatures"});
  }
  SUBCASE("it expires meanwhile") {
    Besieged world;
    const auto policy = staged(world, 200);
    const Standing before = world.standing();
    world.advance(201'000'000'000);
    world.serve_fetches(policy);
    world.check_unmoved(before);
    CHECK(world.refusals() == std::vector<std::string>{"manifest_expired"});
  }
}

TEST_CASE("frozen: policy that is withheld goes stale in every heartbeat and is enforced") {
  Besieged world;
  CHECK_FALSE(world.last_heartbeat()->stale);
  const Standing before = world.standing();
  world.advance((limits::manifest_lifetime_s + 1) * 1'000'000'000);
  world.check_unmoved(before);
  CHECK(world.last_heartbeat()->stale);
  world.host.add_file(Besieged::watched, 0666);
  world.wake(0, Besieged::watched);
  CHECK(world.host.at(Besieged::watched).mode == 0600);
}

TEST_CASE("replayed: what is in force already comes again without effect or record") {
  Besieged world;
  const auto policy = world.honest(6);
  world.push(policy);
  const Standing before = world.standing();
  for (int i = 0; i < 10; ++i) {
    world.push(policy);
    world.hear(MessageType::root, world.identity.root_object);
  }
  world.check_unmoved(before);
  CHECK(world.refusals().empty());
  CHECK(world.standing().journal == before.journal);
}

TEST_CASE("misaddressed: policy for other nodes is neither fetched nor enforced here") {
  Besieged world;
  auto policy = world.honest(6);
  policy.manifest.bundles[0].selector = {{{"role", {"db"}}}, {{"site", {"us"}}, {"role", {"web"}}}};
  Besieged::resign(policy);
  const auto fetched = world.courier.payloads(MessageType::fetch).size();
  world.push(policy);
  CHECK(world.agent->policy_store().version() == 6);
  CHECK(world.agent->enforcer().policy().rules.empty());
  CHECK(world.courier.payloads(MessageType::fetch).size() == fetched);
}

}  // namespace
}  // namespace reeve::testing
