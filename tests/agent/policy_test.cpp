#include <doctest/doctest.h>

#include <cerrno>

#include "agent/agent_limits.h"
#include "common/paths.h"
#include "controller/cli/cli_limits.h"
#include "tests/agent/agent_world.h"

using namespace reeve;
using namespace reeve::testing;

namespace fixture = reeve::trust_fixture;

namespace {

const std::string secret = "/etc/secret";

// An agent with version 5 in force.
struct Settled : AgentWorld {
  Settled() {
    host.add_file(secret, 0644);
    start();
    link_up();
    push(5, {file_rule("good", secret)});
    REQUIRE(agent->policy_store().version() == 5);
  }
  std::vector<std::string> refusals() {
    std::vector<std::string> out;
    for (const Record& record : records("policy_refused"))
      out.push_back(*record.body.find("error")->text());
    return out;
  }
  // The good policy is in force, also after a restart.
  void check_good() {
    CHECK(agent->policy_store().version() == 5);
    CHECK(agent->enforcer().policy().rules.size() == 1);
    host.add_file(secret, 0666);
    wake(0, secret);
    CHECK(host.at(secret).mode == 0600);
    start();
    CHECK(agent->policy_store().version() == 5);
    host.add_file(secret, 0666);
    wake(0, secret);
    CHECK(host.at(secret).mode == 0600);
  }
};

// Of this node's share: the first such manifest whose stage takes the node in, and time opens it.
AgentWorld::Signed staged_policy(const AgentWorld& world, std::int64_t lifetime_s) {
  const NodeId node = world.identity.certificate.node;
  for (int i = 0;; ++i) {
    auto policy = world.sign(6, {file_rule("new", secret)}, [&](Manifest& manifest) {
      manifest.bundles[0].stages = {{share_by_time_max, manifest.created_s + 100}};
      manifest.expires_s = manifest.created_s + lifetime_s;
      manifest.source_revision = std::to_string(i);
    });
    if (stage_position(sha256(encode_manifest(policy.manifest)), node) < share_by_time_max)
      return policy;
  }
}

Rule stranger_rule(std::string kind, Value::Map fields) {
  Rule rule = file_rule("bad", secret);
  rule.kind = std::move(kind);
  rule.fields = Value(std::move(fields));
  return rule;
}

}  // namespace

TEST_CASE("every policy that must not be adopted is refused by its name and displaces nothing") {
  struct Attempt {
    std::string name;
    std::function<AgentWorld::Signed(const AgentWorld&)> make;
  };
  const auto resealed = [](std::vector<std::uint8_t> keys) {
    return [keys](const AgentWorld& world) {
      auto policy = world.sign(6, {file_rule("new", secret)});
      policy.object = fixture::sealed(ObjectType::manifest, encode_manifest(policy.manifest), keys);
      return policy;
    };
  };
  const auto changed = [](std::uint64_t version, std::function<void(Manifest&)> change) {
    return [version, change](const AgentWorld& world) {
      return world.sign(version, {file_rule("new", secret)}, change);
    };
  };
  const auto with_rule = [](Rule rule) {
    return [rule](const AgentWorld& world) { return world.sign(6, {rule}); };
  };
  const std::vector<Attempt> attempts{
      {"too_few_signatures", resealed({fixture::stranger_key})},
      {"too_few_signatures", resealed({fixture::operator_key})},
      {"malformed",
       [](const AgentWorld& world) {
         auto policy = world.sign(6, {file_rule("new", secret)});
         policy.object.resize(policy.object.size() / 2);
         return policy;
       }},
      {"bad_signature",
       [](const AgentWorld& world) {
         auto policy = world.sign(6, {file_rule("new", secret)});
         policy.object.back() ^= 1;
         return policy;
       }},
      {"wrong_fleet", changed(6, [](Manifest& manifest) { manifest.fleet.data[0] ^= 1; })},
      {"promotion_needed",
       changed(6,
               [](Manifest& manifest) {
                 manifest.bundles[0].stages = {{share_by_time_max + 1, manifest.created_s + 1}};
               })},
      {"manifest_rollback", changed(4, [](Manifest&) {})},
      {"manifest_rollback", changed(5, [](Manifest& manifest) { manifest.created_s += 1; })},
      {"manifest_expired", changed(6,
                                   [](Manifest& manifest) {
                                     manifest.created_s -= limits::manifest_lifetime_s;
                                     manifest.expires_s = manifest.created_s + 60;
                                   })},
      {"limit_exceeded", changed(6,
                                 [](Manifest& manifest) {
                                   manifest.bundles.push_back(manifest.bundles[0]);
                                   manifest.bundles[0].size = manifest.bundles[1].size =
                                       limits::bundle_bytes_max;
                                   manifest.bundles[1].digest.data[0] ^= 1;
                                 })},
      {"bundle_size_mismatch",
       changed(6, [](Manifest& manifest) { manifest.bundles[0].size += 1; })},
      {"unknown_kind", with_rule(stranger_rule("teapot", {{"path", secret}}))},
      {"unknown_field",
       with_rule(stranger_rule("file", {{"path", secret}, {"mode", "0600"}, {"colour", "red"}}))},
      {"invalid_rule", with_rule(stranger_rule("file", {{"path", "not absolute"}}))},
      {"malformed_bundle",
       [](const AgentWorld& world) {
         auto policy = world.sign(6, {file_rule("new", secret)});
         Bytes noise(100, 7);
         policy.manifest.bundles[0].digest = sha256(noise);
         policy.manifest.bundles[0].size = noise.size();
         policy.bundles = {{sha256(noise), noise}};
         policy.object = fixture::sealed(ObjectType::manifest, encode_manifest(policy.manifest),
                                         {fixture::policy_key});
         return policy;
       }},
  };
  for (const Attempt& attempt : attempts) {
    CAPTURE(attempt.name);
    Settled world;
    const auto policy = attempt.make(world);
    world.push(policy);
    CHECK(world.refusals() == std::vector<std::string>{attempt.name});
    CHECK(world.last_heartbeat()->refused == attempt.name);
    world.push(policy);
    CHECK(world.refusals().size() == 1);
    world.check_good();
  }
}

TEST_CASE("a bundle whose bytes are not the signed ones is refused, and may come again whole") {
  Settled world;
  auto policy = world.sign(6, {file_rule("new", secret)});
  const auto honest = policy;
  policy.bundles.begin()->second.back() ^= 1;
  world.push(policy);
  CHECK(world.refusals() == std::vector<std::string>{"bundle_digest_mismatch"});
  CHECK(world.agent->policy_store().version() == 5);
  world.push(honest);
  CHECK(world.agent->policy_store().version() == 6);
  CHECK(world.last_heartbeat()->refused.empty());
}

TEST_CASE("chunks that were not asked for are ignored") {
  Settled world;
  const auto policy = world.sign(6, {file_rule("new", secret)});
  const Bytes& bundle = policy.bundles.begin()->second;
  world.hear(MessageType::manifest, policy.object);
  const auto wanted = world.agent->policy_store().wanted();
  REQUIRE(wanted);
  const auto total = static_cast<std::uint32_t>(bundle.size());
  for (const Chunk& chunk :
       {Chunk{sha256(view_of("other")), 0, total, bundle}, Chunk{wanted->digest, 1, total, bundle},
        Chunk{wanted->digest, 0, 0, {}}})
    world.hear(MessageType::chunk, encode_chunk(chunk));
  CHECK(world.agent->policy_store().wanted() == wanted);
  CHECK(world.refusals().empty());
  world.serve_fetches(policy);
  CHECK(world.agent->policy_store().version() == 6);
}

TEST_CASE("a large bundle comes in chunks, each asked for once and again after a silence") {
  Settled world;
  std::vector<Rule> rules;
  for (int i = 0; i < 2'000; ++i)
    rules.push_back(file_rule("r" + std::to_string(i), "/etc/" + std::to_string(i)));
  const auto policy = world.sign(6, rules);
  REQUIRE(policy.manifest.bundles[0].size > 3 * limits::chunk_bytes_max);
  world.hear(MessageType::manifest, policy.object);
  CHECK(world.courier.payloads(MessageType::fetch).size() == 2);  // version 5's and this one's
  world.advance(limits::ack_timeout_ns);
  CHECK(world.courier.payloads(MessageType::fetch).size() == 3);
  world.serve_fetches(policy);
  CHECK(world.agent->policy_store().version() == 6);
  CHECK(world.agent->enforcer().policy().rules.size() == 2'000);
}

TEST_CASE("only bundles whose selector names this node are fetched and enforced") {
  Settled world;
  const auto policy = world.sign(6, {file_rule("mine", secret)}, [](Manifest& manifest) {
    ManifestBundle other = manifest.bundles[0];
    manifest.bundles[0].selector = {{{"role", {"web"}}}};
    other.policy = "theirs";
    other.digest = sha256(view_of("theirs"));
    other.selector = {{{"role", {"db"}}}};
    manifest.bundles.push_back(other);
  });
  world.push(policy);
  CHECK(world.agent->policy_store().version() == 6);
  CHECK(world.agent->enforcer().policy().bundles.size() == 1);
}

TEST_CASE("a stage that is not open yet waits and is adopted when it opens") {
  Settled world;
  const auto policy = staged_policy(world, 10'000);
  world.push(policy);
  CHECK(world.agent->policy_store().version() == 5);
  CHECK(!world.agent->policy_store().wanted());
  world.advance(101'000'000'000);
  CHECK(world.agent->policy_store().wanted());
  world.serve_fetches(policy);
  CHECK(world.agent->policy_store().version() == 6);
}

TEST_CASE("expired policy goes on being enforced and shows as stale") {
  Settled world;
  world.advance((limits::manifest_lifetime_s + 1) * 1'000'000'000);
  CHECK(world.last_heartbeat()->stale);
  world.check_good();
  world.link_up();
  CHECK(world.last_heartbeat()->stale);
}

TEST_CASE("a root is chained from the one before it and kept; others are refused") {
  Settled world;
  Root next = fixture::root();
  next.version += 1;
  next.policy = fixture::role({fixture::second_policy_key});
  const auto seal = [](const Root& root, std::vector<std::uint8_t> keys) {
    return fixture::sealed(ObjectType::root, encode_root(root), std::move(keys));
  };
  world.hear(MessageType::root, seal(next, {fixture::stranger_key}));
  CHECK(world.refusals() == std::vector<std::string>{"too_few_signatures"});
  Root far = next;
  far.version += 5;
  world.hear(MessageType::root, seal(far, {fixture::root_key}));
  CHECK(world.refusals().back() == "root_gap");
  const Bytes good = seal(next, {fixture::root_key});
  world.hear(MessageType::root, good);
  CHECK(world.agent->policy_store().root().version == next.version);
  CHECK(**world.disk.read(paths::trusted_root, 65'536) == good);
  CHECK(world.records("root_adopted").size() == 1);
  world.hear(MessageType::root, good);
  CHECK(world.refusals().size() == 2);

  // The policy of the keys before stays in force across a start; they can sign nothing new.
  world.identity.root = next;
  world.identity.root_object = good;
  world.check_good();
  world.push(6, {file_rule("new", secret)});
  CHECK(world.agent->policy_store().version() == 5);
  CHECK(world.refusals().back() == "too_few_signatures");
}

TEST_CASE("what waits for its stage is judged again, by the keys and the time of its adoption") {
  SUBCASE("the key that signed it has been taken away") {
    Settled world;
    const auto policy = staged_policy(world, 10'000);
    world.push(policy);
    Root next = fixture::root();
    next.version += 1;
    next.policy = fixture::role({fixture::second_policy_key});
    world.hear(MessageType::root,
               fixture::sealed(ObjectType::root, encode_root(next), {fixture::root_key}));
    REQUIRE(world.agent->policy_store().root().version == next.version);
    world.advance(101'000'000'000);
    world.serve_fetches(policy);
    CHECK(world.agent->policy_store().version() == 5);
    CHECK(world.refusals() == std::vector<std::string>{"too_few_signatures"});
  }
  SUBCASE("its bundle was withheld until it had expired") {
    Settled world;
    const auto policy = staged_policy(world, 200);
    world.push(policy);
    world.advance(101'000'000'000);
    REQUIRE(world.agent->policy_store().wanted());
    world.advance(100'000'000'000);
    world.serve_fetches(policy);
    CHECK(world.agent->policy_store().version() == 5);
    CHECK(world.refusals() == std::vector<std::string>{"manifest_expired"});
    world.check_good();
  }
}

TEST_CASE("a flood of made-up objects costs a bounded number of records, and none goes uncounted") {
  constexpr std::uint64_t offered = 1'000;
  Settled world;
  for (std::uint64_t i = 0; i < offered; ++i) {
    Bytes noise;
    append_u64(noise, i);
    world.courier.incoming.push_back(
        encode_message(i % 2 == 0 ? MessageType::manifest : MessageType::root, noise));
  }
  for (int i = 0; i < 10; ++i) world.settle();
  CHECK(world.records("policy_refused").size() == limits::refusals_recorded_max);
  world.advance(limits::refusals_interval_ns);
  const auto records = world.records("policy_refused");
  REQUIRE(records.size() == limits::refusals_recorded_max + 1);
  CHECK(*records.back().body.find("error")->text() == "too_many_refusals");
  CHECK(records.back().body.find("more")->natural() == offered - limits::refusals_recorded_max);
  world.check_good();
}

TEST_CASE("a full disk refuses the new policy and keeps the good one") {
  for (auto call : {CrashDisk::Call::append, CrashDisk::Call::sync, CrashDisk::Call::rename}) {
    for (std::uint64_t nth = 1; nth <= 3; ++nth) {
      Settled world;
      const auto policy = world.sign(6, {file_rule("new", secret)});
      world.hear(MessageType::manifest, policy.object);
      world.own_disk.fail(call, nth, ENOSPC);
      world.serve_fetches(policy);
      world.advance(limits::journal_retry_max_ns);
      CHECK(world.own_disk.faults_fired() == 1);
      if (world.agent->policy_store().version() == 5) {
        CHECK(world.refusals() == std::vector<std::string>{"disk_full"});
        world.push(policy);
      }
      CHECK(world.agent->policy_store().version() == 6);
    }
  }
}

TEST_CASE("a damaged cached bundle is refused, recorded, and fetched again") {
  Settled world;
  const auto policy = world.sign(7, {file_rule("seven", secret)});
  world.push(policy);
  const std::string name =
      std::string(paths::bundle_prefix) + hex(policy.manifest.bundles[0].digest.view());
  REQUIRE(replace_file(world.disk, name, view_of("damaged")).ok());
  world.start();
  CHECK(world.agent->policy_store().version() == 0);
  CHECK(world.refusals() == std::vector<std::string>{"bundle_size_mismatch"});
  world.link_up();
  world.push(5, {file_rule("older", secret)});
  CHECK(world.refusals().back() == "manifest_rollback");
  world.push(policy);
  CHECK(world.agent->policy_store().version() == 7);
}

TEST_CASE("a cached manifest that cannot be read lets nothing older in; it may come again") {
  for (const bool is_gone : {false, true}) {
    Settled world;
    const auto good = world.sign(5, {file_rule("good", secret)});
    const auto older = world.sign(4, {file_rule("older", secret)});
    if (is_gone) {
      REQUIRE(world.disk.remove(paths::manifest).ok());
    } else {
      Bytes manifest = **world.disk.read(paths::manifest, limits::message_bytes_max);
      manifest.back() ^= 1;
      REQUIRE(replace_file(world.disk, paths::manifest, manifest).ok());
    }
    world.start();
    world.link_up();
    CHECK(world.agent->policy_store().version() == 0);
    world.push(older);
    CHECK(world.agent->policy_store().version() == 0);
    CHECK(world.refusals().back() == "manifest_rollback");
    world.push(good);
    world.check_good();
  }
}

TEST_CASE("a floor that cannot be read is the cached manifest's version, and is written anew") {
  Settled world;
  Bytes floor = **world.disk.read(paths::policy_floor, 64);
  floor[10] ^= 1;
  REQUIRE(replace_file(world.disk, paths::policy_floor, floor).ok());
  world.start();
  world.link_up();
  world.push(world.sign(4, {file_rule("older", secret)}));
  CHECK(world.refusals().back() == "manifest_rollback");
  floor[10] ^= 1;
  CHECK(**world.disk.read(paths::policy_floor, 64) == floor);
  world.check_good();
}

TEST_CASE("power cuts during an adoption leave the old policy or the new one, never neither") {
  std::uint64_t old_ones = 0, new_ones = 0;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    Settled world;
    const auto policy = world.sign(6, {file_rule("new", secret)});
    world.hear(MessageType::manifest, policy.object);
    world.own_disk.cut_power_after(seed % 40);
    world.serve_fetches(policy);
    auto left = world.own_disk.crash(seed);
    AgentWorld next(*left);
    next.host.add_file(secret, 0644);
    next.start();
    REQUIRE(next.has_started());
    const std::uint64_t version = next.agent->policy_store().version();
    REQUIRE((version == 5 || version == 6));
    CHECK(next.host.at(secret).mode == 0600);
    (version == 5 ? old_ones : new_ones) += 1;
  }
  CHECK(old_ones > 10);
  CHECK(new_ones > 10);
}
