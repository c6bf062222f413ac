// Checkpoints that a fleet's own agents cosign, and a controller that shows it two ledgers.
#include "tests/lives/witnesses.h"

#include <doctest/doctest.h>

#include "agent/agent_limits.h"
#include "common/witness.h"
#include "controller/controller_limits.h"

using namespace reeve;
using namespace reeve::testing;

namespace {

// What a face shows as cosigned, judged by a reader who knows root, nodes and their keys.
struct Judged {
  Checkpoint checkpoint;
  std::set<NodeId> cosigners;
};

Judged judge(Witnesses& fleet, Face& face) {
  Judged out;
  const auto items = face.items("cosigned");
  REQUIRE(!items.empty());
  const std::string text = *items[0].find("note")->text();
  if (text.empty()) return out;
  const std::array keys{fleet.fleet.ledger_key.public_key()};
  const std::string& origin = fleet.fleet.root.origin;
  const auto checkpoint = verify_checkpoint(text, origin, keys);
  REQUIRE(checkpoint.ok());
  out.checkpoint = *checkpoint;
  std::map<NodeId, KeyChain> chains;
  std::map<NodeId, Bytes> statements;
  for (const Value& item : items) {
    const auto* id = item.find("node");
    if (id == nullptr) continue;
    const NodeId node = *fixed<32>(*id->binary());
    if (const auto* certificate = item.find("certificate")) {
      const auto verified = verify_certificate(*certificate->binary(), fleet.fleet.root);
      REQUIRE(verified.ok());
      REQUIRE(verified->node == node);
      chains.emplace(node, KeyChain(node, {verified->record_key, 0, std::nullopt}));
      statements[node] = *item.find("key")->binary();
    } else {
      REQUIRE(chains.at(node).add(*item.find("succession")->binary()).ok());
    }
  }
  const auto note = decode_note(text);
  for (const auto& [node, statement] : statements) {
    const RecordKey* signer = chains.at(node).find(*signer_of(statement, ObjectType::cosigner_key));
    REQUIRE(signer != nullptr);
    const auto key = verify_cosigner_key(statement, node, signer->key);
    REQUIRE(key.ok());
    const auto at = cosigned_at(*note, {cosigner_name(origin, node), key->key});
    REQUIRE(at.ok());
    if (*at) out.cosigners.insert(node);
  }
  return out;
}

}  // namespace

TEST_CASE("a checkpoint that enough witnesses have cosigned is shown with their signatures") {
  Witnesses fleet(5);
  fleet.rest();
  CHECK(fleet.one->items("cosigned").empty());
  fleet.set_witnesses(1, 4, 3);
  fleet.advance(0);
  const auto first = judge(fleet, *fleet.one);
  CHECK(first.cosigners.size() == 4);
  CHECK(first.checkpoint.tree.size == fleet.one->controller->tree_size());
  CHECK(fleet.nodes[4]->cosignatures == 0);  // it is not in the set
  for (int i = 0; i < 5; ++i) {
    fleet.log_something(*fleet.one);
    fleet.advance(limits::cosign_round_ns);
    const auto later = judge(fleet, *fleet.one);
    CHECK(later.cosigners.size() == 4);
    CHECK(later.checkpoint.tree ==
          TreeView{fleet.one->controller->tree_size(), fleet.one->controller->tree_root()});
  }
}

TEST_CASE("fewer than are needed make nothing cosigned, and who comes late is asked at its link") {
  Witnesses fleet(3);
  for (std::size_t i = 1; i < 3; ++i) {
    fleet.nodes[i]->link.reset();
    fleet.nodes[i]->face = nullptr;
  }
  fleet.set_witnesses(1, 3, 2);
  fleet.advance(0);
  CHECK(fleet.nodes[0]->cosignatures == 1);
  CHECK(judge(fleet, *fleet.one).checkpoint.tree.size == 0);
  fleet.nodes[1]->connect(*fleet.one);
  fleet.carry();
  CHECK(judge(fleet, *fleet.one).cosigners.size() == 2);
}

TEST_CASE("a fleet in which nothing is logged says nothing about checkpoints") {
  Witnesses fleet(3);
  fleet.rest();
  fleet.set_witnesses(1, 3, 2);
  fleet.advance(limits::cosign_round_ns);
  std::uint64_t before = 0;
  for (const auto& node : fleet.nodes) before += node->cosignatures;
  const std::uint64_t rounds = fleet.one->counted("cosigning_round");
  const std::uint64_t size = fleet.one->controller->tree_size();
  for (int i = 0; i < 100; ++i) fleet.advance(20'000'000'000);
  REQUIRE(fleet.one->controller->tree_size() == size);
  std::uint64_t after = 0;
  for (const auto& node : fleet.nodes) after += node->cosignatures;
  CHECK(after == before);
  CHECK(fleet.one->counted("cosigning_round") == rounds);
}

TEST_CASE("a witness that is silent is asked again a few times, and no more") {
  Witnesses fleet(3);
  fleet.rest();
  fleet.nodes[2]->agent.courier.takes_messages = false;
  fleet.set_witnesses(1, 3, 2);
  fleet.advance(0);
  CHECK(judge(fleet, *fleet.one).cosigners.size() == 2);
  for (int i = 0; i < 20; ++i) fleet.advance(limits::cosign_ask_again_ns);
  CHECK(fleet.one->counted("cosigning_round") == limits::cosign_asks_max);
}

TEST_CASE("what is cosigned outlives the controller, and a new set takes the place of the old") {
  Witnesses fleet(4);
  fleet.set_witnesses(1, 3, 2);
  fleet.advance(0);
  const auto before = judge(fleet, *fleet.one);
  for (auto& node : fleet.nodes) {
    node->link.reset();
    node->face = nullptr;
  }
  fleet.one.reset();
  fleet.one = std::make_unique<Face>(fleet.fleet, fleet.clock, fleet.directory.path() + "/one.db");
  CHECK(judge(fleet, *fleet.one).checkpoint == before.checkpoint);
  CHECK(judge(fleet, *fleet.one).cosigners == before.cosigners);
  for (auto& node : fleet.nodes) node->connect(*fleet.one);
  fleet.carry();
  fleet.set_witnesses(2, 4, 4);
  fleet.advance(limits::cosign_round_ns);
  CHECK(judge(fleet, *fleet.one).cosigners.size() == 4);
  WitnessSet older;
  older.fleet = fleet.fleet.root.fleet;
  older.version = 2;
  older.nodes = {fleet.nodes[0]->node.id};
  const Bytes object =
      seal_object(ObjectType::witness_set, encode_witness_set(older), fleet.fleet.admin.key);
  CHECK(fleet.one->ask("set_witnesses", {{"witnesses", object}}).error->name ==
        "witnesses_rollback");
}

TEST_CASE("a controller with two faces never gets a majority for both, and two cosignatures tell") {
  Witnesses fleet(5);
  fleet.rest();
  fleet.set_witnesses(1, 5, 3);
  fleet.advance(0);
  const auto common = judge(fleet, *fleet.one);
  CHECK(common.cosigners.size() == 5);
  fleet.split();
  // Two nodes are shown another story, of the same size at every step.
  for (std::size_t i = 0; i < 5; ++i) fleet.nodes[i]->connect(i < 3 ? *fleet.one : *fleet.other);
  fleet.carry();
  for (int round = 0; round < 6; ++round) {
    fleet.log_something(*fleet.one);
    fleet.log_something(*fleet.other);
    fleet.advance(limits::cosign_round_ns);
  }
  const auto one = judge(fleet, *fleet.one);
  const auto other = judge(fleet, *fleet.other);
  CHECK(one.cosigners.size() == 3);
  CHECK(one.checkpoint.tree.size > common.checkpoint.tree.size);
  // The other story stays where it was when the two parted.
  CHECK(other.checkpoint == common.checkpoint);
  // Who sees a cosignature of each has the proof.
  const std::string& origin = fleet.fleet.root.origin;
  const Checkpoint ours{origin, fleet.nodes[0]->agent.agent->witness().cosigned()};
  const Checkpoint theirs{origin, fleet.nodes[3]->agent.agent->witness().cosigned()};
  CHECK(ours == one.checkpoint);
  const auto seen = require_one_view(ours, theirs);
  REQUIRE_FALSE(seen.ok());
  CHECK(seen.error().name == "split_view");
  // Moving one witness over helps it nothing: that one has accepted the first story.
  fleet.nodes[0]->connect(*fleet.other);
  fleet.carry();
  for (int round = 0; round < 3; ++round) {
    fleet.log_something(*fleet.other);
    fleet.advance(limits::cosign_round_ns);
  }
  CHECK(judge(fleet, *fleet.other).checkpoint == common.checkpoint);
  CHECK(fleet.nodes[0]->agent.agent->ledger().trouble() == "ledger_rewritten");
  CHECK(fleet.nodes[0]->agent.agent->witness().cosigned() == one.checkpoint.tree);
}
