#include "common/witness.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "common/limits.h"
#include "tests/common/trust_fixture.h"
#include "tests/golden.h"
#include "tests/mutations.h"

namespace reeve {
namespace {

using namespace trust_fixture;

NodeId node(std::uint8_t number) { return sha256(Bytes{number}); }

WitnessSet witnesses() {
  WitnessSet out;
  out.fleet = root().fleet;
  out.version = 4;
  out.issued_s = now_s - 60;
  out.need = 2;
  out.nodes = {node(1), node(2), node(3)};
  return out;
}

Bytes signed_set(const WitnessSet& set, std::vector<std::uint8_t> numbers = {operator_key}) {
  return sealed(ObjectType::witness_set, encode_witness_set(set), std::move(numbers));
}

std::string name_after(const std::function<void(WitnessSet&)>& change) {
  WitnessSet changed = witnesses();
  change(changed);
  const auto verified = verify_witness_set(signed_set(changed), root());
  return verified.ok() ? "accepted" : verified.error().name;
}

std::string refusal(ByteView object, const Root& by = root()) {
  const auto verified = verify_witness_set(object, by);
  return verified.ok() ? "accepted" : verified.error().name;
}

CosignerKey statement() { return {key(record_key).hash(), key(10).public_key(), now_s}; }

TEST_CASE("a witness set is its golden bytes, comes back whole, and names who signed it") {
  check_golden("signed_witnesses.bin", signed_set(witnesses()));
  const auto verified = verify_witness_set(golden("signed_witnesses.bin"), root());
  REQUIRE(verified.ok());
  CHECK(verified->set == witnesses());
  CHECK(verified->who == "ada");
  CHECK(verified->key == key(operator_key).hash());
  CHECK(verified->set.has(node(2)));
  CHECK_FALSE(verified->set.has(node(4)));
}

TEST_CASE("a witness set that must not count is refused by its own error name") {
  Root other_fleet = root();
  other_fleet.fleet.data[3] ^= 1;
  Root may_less = root();
  may_less.operators[0].rights = {Right::view, Right::operate, Right::publish, Right::enroll};
  Root without = root();
  without.operators.erase(without.operators.begin());
  const Bytes good = signed_set(witnesses());
  CHECK(refusal(good) == "accepted");
  CHECK(refusal(good, other_fleet) == "wrong_fleet");
  CHECK(refusal(good, may_less) == "not_permitted");
  CHECK(refusal(good, without) == "not_an_operator");
  CHECK(refusal(signed_set(witnesses(), {root_key})) == "not_an_operator");
  CHECK(refusal(signed_set(witnesses(), {operator_key, viewer_key})) == "bad_signature");
  CHECK(refusal(sealed(ObjectType::operator_act, encode_witness_set(witnesses()),
                       {operator_key})) == "wrong_type");
  Bytes altered = good;
  altered.back() ^= 1;
  CHECK(refusal(altered) == "bad_signature");
  CHECK(refusal(sealed(ObjectType::witness_set,
                       with(encode_witness_set(witnesses()), "more", Value(std::uint64_t{1})),
                       {operator_key})) == "unknown_field");
}

TEST_CASE("a witness set needs a majority of different nodes, and no more than all") {
  CHECK(name_after([](WitnessSet& set) { set.need = 1; }) == "malformed");
  CHECK(name_after([](WitnessSet& set) { set.need = 4; }) == "malformed");
  CHECK(name_after([](WitnessSet& set) { set.need = 3; }) == "accepted");
  CHECK(name_after([](WitnessSet& set) { set.nodes[1] = set.nodes[0]; }) == "malformed");
  CHECK(name_after([](WitnessSet& set) { set.version = 0; }) == "malformed");
  CHECK(name_after([](WitnessSet& set) { set.issued_s = -1; }) == "malformed");
  CHECK(name_after([](WitnessSet& set) { set.nodes.clear(); }) == "malformed");
  const auto of_size = [](std::size_t size) {
    return name_after([&](WitnessSet& set) {
      set.nodes.clear();
      for (std::size_t i = 0; i < size; ++i) set.nodes.push_back(sha256(Bytes(i + 1, 7)));
      set.need = majority_of(size);
    });
  };
  CHECK(of_size(1) == "accepted");
  CHECK(of_size(limits::witnesses_max) == "accepted");
  CHECK(of_size(limits::witnesses_max + 1) == "limit_exceeded");
}

TEST_CASE("the nodes that are chosen by hash change in one place when one of them leaves") {
  std::vector<NodeId> nodes;
  for (std::uint8_t i = 0; i < 100; ++i) nodes.push_back(node(i));
  const auto chosen = choose_witnesses(nodes, root().fleet, witnesses_by_default);
  CHECK(chosen.size() == witnesses_by_default);
  std::ranges::reverse(nodes);
  CHECK(choose_witnesses(nodes, root().fleet, witnesses_by_default) == chosen);
  std::erase(nodes, chosen[4]);
  const auto again = choose_witnesses(nodes, root().fleet, witnesses_by_default);
  std::vector<NodeId> both;
  std::ranges::set_intersection(chosen, again, std::back_inserter(both));
  CHECK(both.size() == witnesses_by_default - 1);
  FleetId other = root().fleet;
  other.data[0] ^= 1;
  CHECK(choose_witnesses(nodes, other, witnesses_by_default) != again);
  nodes.resize(2);
  CHECK(choose_witnesses(nodes, root().fleet, witnesses_by_default).size() == 2);
}

TEST_CASE("a cosigner's key is its golden bytes, and another node's or key's is refused by name") {
  const Bytes object = seal_cosigner_key(statement(), key(record_key));
  check_golden("cosigner_key.bin", object);
  const NodeId ours = key(record_key).hash();
  const auto verified =
      verify_cosigner_key(golden("cosigner_key.bin"), ours, key(record_key).public_key());
  REQUIRE(verified.ok());
  CHECK(*verified == statement());
  CHECK(object.size() < limits::cosigner_key_bytes_max);
  const auto name = [&](ByteView bytes, const NodeId& whose, std::uint8_t signer) {
    const auto judged = verify_cosigner_key(bytes, whose, key(signer).public_key());
    return judged.ok() ? std::string("accepted") : judged.error().name;
  };
  CHECK(name(object, node(1), record_key) == "wrong_node");
  CHECK(name(object, ours, stranger_key) == "too_few_signatures");
  for_each_mutation(object, [&](ByteView bytes) {
    const bool is_changed = !std::ranges::equal(bytes, object);
    CHECK((name(bytes, ours, record_key) == "accepted") == !is_changed);
  });
  for_each_truncation(object,
                      [&](ByteView bytes) { CHECK(name(bytes, ours, record_key) == "malformed"); });
}

TEST_CASE("a cosignature goes over the wire and comes back as the line of a note") {
  const Checkpoint checkpoint{"fleet.example/ledger", {8, sha256(view_of("root"))}};
  const std::string text = checkpoint_text(checkpoint);
  const NoteKey who{cosigner_name(checkpoint.origin, node(1)), key(10).public_key()};
  const NoteSignature line = cosign(text, who.name, key(10), now_s);
  const Cosignature sent = cosignature_of(line, 8, bytes_of("statement"));
  CHECK(sent.time_s == now_s);
  const Note note{text, {line_of(sent, who)}};
  CHECK(note.signatures.front() == line);
  CHECK(*cosigned_at(note, who) == now_s);
  CHECK(encode_note(note).size() - text.size() < limits::cosignature_line_bytes_max);
}

TEST_CASE("one size with two roots is a split view, and nothing else is") {
  const Checkpoint a{"acme", {8, sha256(view_of("a"))}};
  const Checkpoint b{"acme", {8, sha256(view_of("b"))}};
  CHECK(require_one_view(a, a).ok());
  CHECK(require_one_view(a, {"other", b.tree}).ok());
  CHECK(require_one_view(a, {"acme", {9, b.tree.root}}).ok());
  REQUIRE_FALSE(require_one_view(a, b).ok());
  CHECK(require_one_view(a, b).error().name == "split_view");
}

}  // namespace
}  // namespace reeve
