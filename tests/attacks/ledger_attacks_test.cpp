// A controller that holds the ledger key and would like history to have been another one: what it
// signs contradicts a checkpoint that the agent accepted, and its proofs are the best that there
// are, or anything. What it does is made from a seed.
#include <doctest/doctest.h>

#include <algorithm>
#include <random>

#include "agent/agent_limits.h"
#include "common/paths.h"
#include "tests/attacks/besieged_agent.h"

namespace reeve::testing {
namespace {

class Forger {
 public:
  Forger(Besieged& world, std::uint64_t seed)
      : world_(world), accepted_(world.agent->ledger().accepted()), chance_(seed) {}

  // An acknowledgement of this batch in a ledger that was rewritten at or before what the agent has
  // accepted.
  Acknowledgement attack(const Batch& batch) {
    TestLedger forged = rewritten();
    Acknowledgement answer = claim_of(batch);
    answer.credit_bytes = 1u << 20;
    const auto index = forged.append(batch.header_object);
    forged.grow(pick(40), "more of the forger's");
    REQUIRE((forged.size() < accepted_.size || forged.tree_at(accepted_.size) != accepted_));
    forged.held = std::min(accepted_.size, forged.size());
    const auto honest_proof = world_.ledger.consistency(accepted_.size);
    forged.prove(answer, index);
    ++sizes_[forged.size() < accepted_.size ? "shorter" : "longer"];
    spoil(answer, honest_proof);
    return answer;
  }
  const std::map<std::string, int>& rewrites() const { return rewrites_; }
  const std::map<std::string, int>& sizes() const { return sizes_; }

 private:
  std::uint64_t pick(std::uint64_t below) { return chance_() % below; }

  TestLedger rewritten() {
    TestLedger forged = world_.ledger;
    const std::uint64_t place = pick(accepted_.size);
    switch (pick(5)) {
      case 0:
        ++rewrites_["changed"];
        forged.rewrite(place, Digest(random()));
        break;
      case 1:
        ++rewrites_["swapped"];
        forged.swap(place, (place + 1) % accepted_.size);
        break;
      case 2:
        ++rewrites_["cut and grown anew"];
        forged.cut(place);
        forged.grow(accepted_.size - place + pick(20), "the forger's leaf");
        break;
      case 3:
        ++rewrites_["cut"];
        forged.cut(place);
        break;
      default:
        ++rewrites_["made up"];
        forged.cut(0);
        forged.grow(accepted_.size + pick(3), "the forger's leaf");
    }
    return forged;
  }

  // The proof is the best for that tree, one of the true ledger, or noise.
  void spoil(Acknowledgement& answer, const std::vector<Digest>& honest_proof) {
    switch (pick(4)) {
      case 0:
        answer.consistency = honest_proof;
        return;
      case 1:
        answer.consistency.clear();
        answer.consistent_from = pick(2) == 0 ? accepted_.size : 0;
        return;
      case 2:
        for (Digest& hash : answer.consistency) hash = Digest(random());
        return;
      default:
        return;
    }
  }

  FixedBytes<32> random() {
    FixedBytes<32> out;
    for (auto& byte : out.data) byte = static_cast<std::uint8_t>(chance_());
    return out;
  }

  Besieged& world_;
  TreeView accepted_;
  std::mt19937_64 chance_;
  std::map<std::string, int> rewrites_;
  std::map<std::string, int> sizes_;
};

// An agent that has accepted a few checkpoints, and one batch that is on its way.
struct Witnessing : Besieged {
  Witnessing() {
    acknowledge_keys();
    for (std::size_t i = 0; i < 12; ++i) {
      ledger.grow(i);
      deviate();
      REQUIRE(acknowledge_all() > 0);
    }
    ledger.grow(5);
    const auto before = courier.payloads(MessageType::batch).size();
    deviate();
    const auto sent = courier.payloads(MessageType::batch);
    REQUIRE(sent.size() > before);
    batch = *read_own_batch(sent[before]);
  }
  // At a pace that its rule's breaker has nothing against.
  void deviate() {
    advance(200'000'000'000);
    host.add_file(watched, 0666);
    wake(0, watched);
    settle();
    REQUIRE(host.at(watched).mode == 0600);
  }
  void hear_answer(const Acknowledgement& answer) {
    courier.incoming.push_back(
        encode_message(MessageType::acknowledgement, encode_acknowledgement(answer)));
    agent->step();
  }
  std::uint64_t unacknowledged() const {
    const Value status(agent->status());
    return *status.find("unacknowledged")->natural();
  }

  Batch batch;
};

TEST_CASE("a rewrite at or before the last accepted checkpoint is refused, 1,000 of 1,000") {
  Witnessing world;
  const TreeView accepted = world.agent->ledger().accepted();
  const auto flying = world.unacknowledged();
  REQUIRE(flying > 0);
  Forger forger(world, 20'261'126);
  int refused = 0;
  for (int attempt = 0; attempt < 1'000; ++attempt) {
    CAPTURE(attempt);
    const Acknowledgement lie = forger.attack(world.batch);
    world.hear_answer(lie);
    REQUIRE(world.agent->ledger().accepted() == accepted);
    REQUIRE(world.unacknowledged() >= flying);
    ++refused;
  }
  CHECK(refused == 1'000);
  for (const std::string rewrite : {"changed", "swapped", "cut and grown anew", "cut", "made up"}) {
    CAPTURE(rewrite);
    CHECK(forger.rewrites().at(rewrite) > 100);
  }
  CHECK(forger.sizes().at("longer") > 500);
  CHECK(forger.sizes().at("shorter") > 20);
  // It is on record and told of, within bounds.
  world.settle();
  CHECK(world.records("ledger_rewritten").size() == limits::rewrites_recorded_max);
  CHECK(world.last_heartbeat()->ledger.error == "ledger_rewritten");
  // The true history is still believed.
  world.ledger.held = accepted.size;
  const auto before = world.unacknowledged();
  world.hear_answer(world.answer_to(world.batch));
  CHECK(world.agent->ledger().accepted() == world.ledger.tree());
  CHECK(world.unacknowledged() < before);
  world.check_alive(6);
}

TEST_CASE("a rewrite is refused after a restart too, and by an agent whose power was cut") {
  Witnessing world;
  world.advance(limits::checkpoint_write_ns);
  const TreeView accepted = world.agent->ledger().accepted();
  world.start();  // what it had is gone as by a kill
  world.link_up();
  REQUIRE(world.agent->ledger().accepted() == accepted);
  Forger forger(world, 7);
  for (int attempt = 0; attempt < 50; ++attempt) {
    world.hear_answer(forger.attack(world.batch));
    REQUIRE(world.agent->ledger().accepted() == accepted);
  }
  const auto left = world.own_disk.crash(3);
  CHECK(LedgerWatch(*left, world.identity.root.origin).accepted() == accepted);
}

TEST_CASE("checkpoints of days gone by move no agent back and accuse nobody") {
  Witnessing world;
  const TreeView accepted = world.agent->ledger().accepted();
  for (std::uint64_t size = 1; size < accepted.size; ++size) {
    TestLedger old = world.ledger;
    old.cut(size);
    Acknowledgement answer = claim_of(world.batch);
    old.prove(answer, size - 1);
    world.hear_answer(answer);
    REQUIRE(world.agent->ledger().accepted() == accepted);
  }
  CHECK(world.records("ledger_rewritten").empty());
  CHECK(world.agent->ledger().trouble() == "ledger_shorter");
}

TEST_CASE("an old proof of inclusion lets go of no later batch") {
  Witnessing world;
  const auto flying = world.unacknowledged();
  Acknowledgement honest = world.answer_to(world.batch);
  // The checkpoint holds, the leaf is another one of this node's.
  Acknowledgement lie = honest;
  lie.leaf_index = 5;
  lie.inclusion.clear();
  world.hear_answer(lie);
  CHECK(world.unacknowledged() == flying);
  world.ledger.held = world.agent->ledger().accepted().size;
  world.hear_answer(world.answer_to(world.batch));
  CHECK(world.unacknowledged() == flying - 1);
}

}  // namespace
}  // namespace reeve::testing
