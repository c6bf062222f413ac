#include "common/key_succession.h"

#include <doctest/doctest.h>

#include "common/codec.h"
#include "common/limits.h"
#include "tests/common/samples.h"

using namespace reeve;
using samples::filled;

namespace {

// A node that has rotated its key as often as a test asked.
struct Node {
  std::vector<SigningKey> keys;
  std::vector<Epoch> epochs{Epoch{}};
  std::vector<Bytes> links;

  explicit Node(std::uint8_t seed) { keys.push_back(SigningKey::from_seed(filled<32>(seed))); }
  NodeId id() const { return keys.front().hash(); }
  RecordKey anchor() const { return {keys.front().public_key(), 0, {}}; }
  KeySuccession next(std::uint64_t urgent = 0) const {
    KeySuccession link;
    link.node = id();
    link.number = keys.size();
    link.ended = epochs.back();
    link.epoch = filled<16>(static_cast<std::uint8_t>(0x40 + keys.size()));
    link.ends[0] = {urgent, filled<32>(9)};
    return link;
  }
  void rotate(std::uint64_t urgent = 0) {
    KeySuccession link = next(urgent);
    SigningKey key =
        SigningKey::from_seed(filled<32>(static_cast<std::uint8_t>(0x80 + keys.size())));
    link.key = key.public_key();
    links.push_back(seal_succession(link, keys.back()));
    epochs.push_back(link.epoch);
    keys.push_back(std::move(key));
  }
};

std::string name_of(const Result<KeyChain::Added>& added) {
  if (!added.ok()) return added.error().name;
  return *added == KeyChain::Added::added ? "added" : "known";
}

KeyChain chain_of(const Node& node) {
  KeyChain chain(node.id(), node.anchor());
  for (const Bytes& link : node.links) REQUIRE(name_of(chain.add(link)) == "added");
  return chain;
}

BatchHeader header_in(const Epoch& epoch, std::uint64_t first, std::uint64_t count) {
  BatchHeader header;
  header.epoch = epoch;
  header.first = first;
  header.count = count;
  return header;
}

std::string name_of(const Status& status) { return status.ok() ? "" : status.error().name; }

}  // namespace

TEST_CASE("a chain of successions certifies its last key, and takes each statement once") {
  Node node(1);
  for (int i = 0; i < 5; ++i) node.rotate();
  KeyChain chain = chain_of(node);
  const RecordKey* tip = chain.find(node.keys.back().hash());
  REQUIRE(tip != nullptr);
  CHECK(tip->number == 5);
  CHECK(tip->epoch == node.epochs.back());
  for (const Bytes& link : node.links) CHECK(name_of(chain.add(link)) == "known");
  CHECK(chain.size() == 6);
  CHECK(!chain.is_forked());
}

TEST_CASE("a statement whose signer is not in the chain is refused by name") {
  Node node(1);
  node.rotate();
  node.rotate();
  KeyChain chain(node.id(), node.anchor());
  CHECK(name_of(chain.add(node.links[1])) == "key_unknown");
  CHECK(chain.find(node.keys[2].hash()) == nullptr);
}

TEST_CASE("a key with two successors keeps both and is a fork") {
  Node node(1);
  node.rotate();
  KeySuccession other = node.next();
  node.rotate();
  const SigningKey thief = SigningKey::from_seed(filled<32>(0x77));
  other.key = thief.public_key();
  KeyChain chain = chain_of(node);
  CHECK(name_of(chain.add(seal_succession(other, node.keys[1]))) == "added");
  CHECK(chain.is_forked());
  CHECK(chain.successors(node.keys[1].hash()).size() == 2);
  CHECK(chain.find(thief.hash()) != nullptr);
  CHECK(chain.find(node.keys[2].hash()) != nullptr);
}

TEST_CASE("every way to break a chain is refused by its own name") {
  Node node(1);
  node.rotate();
  Node stranger(2);
  struct Case {
    std::string what;
    std::function<void(KeySuccession&)> change;
    std::string error;
  };
  const Case cases[] = {
      {"another node", [&](KeySuccession& l) { l.node = stranger.id(); }, "wrong_node"},
      {"a number left out", [](KeySuccession& l) { l.number = 3; }, "broken_chain"},
      {"a number again", [](KeySuccession& l) { l.number = 1; }, "broken_chain"},
      {"number 0", [](KeySuccession& l) { l.number = 0; }, "malformed"},
      {"an epoch that was another key's", [](KeySuccession& l) { l.ended = filled<16>(7); },
       "broken_chain"},
      {"back to the first key", [&](KeySuccession& l) { l.key = node.keys.front().public_key(); },
       "broken_chain"},
      {"to itself", [&](KeySuccession& l) { l.key = node.keys.back().public_key(); },
       "broken_chain"},
  };
  for (const Case& bad : cases) {
    CAPTURE(bad.what);
    KeyChain chain = chain_of(node);
    KeySuccession link = node.next();
    link.key = SigningKey::from_seed(filled<32>(0x55)).public_key();
    bad.change(link);
    CHECK(name_of(chain.add(seal_succession(link, node.keys.back()))) == bad.error);
    CHECK(chain.size() == 2);
  }
}

TEST_CASE("a statement is refused when any byte of it is changed") {
  Node node(1);
  node.rotate();
  for (std::size_t i = 0; i < node.links[0].size(); ++i) {
    KeyChain chain(node.id(), node.anchor());
    Bytes changed = node.links[0];
    changed[i] ^= 1;
    CHECK(!chain.add(changed).ok());
  }
}

TEST_CASE("a statement signed twice or of another type is refused") {
  Node node(1);
  KeySuccession link = node.next();
  link.old_key = node.id();
  const SigningKey other = SigningKey::from_seed(filled<32>(3));
  const std::array<const SigningKey*, 2> both{&node.keys[0], &other};
  KeyChain chain(node.id(), node.anchor());
  CHECK(name_of(chain.add(seal_object(ObjectType::key_succession, encode_succession(link),
                                      both))) == "malformed");
  CHECK(name_of(chain.add(seal_object(ObjectType::heartbeat, encode_succession(link),
                                      node.keys[0]))) == "wrong_type");
}

TEST_CASE("a key signs in its own epoch only, and nothing beyond what its successor says") {
  Node node(1);
  node.rotate();
  const KeyChain before = chain_of(node);
  const RecordKey key = *before.find(node.keys[1].hash());
  const auto use = [&](const KeyChain& chain, const BatchHeader& header) {
    return name_of(check_use(key, chain.successors(key.hash()), header));
  };
  CHECK(use(before, header_in(node.epochs[1], 0, 1'000)) == "");
  CHECK(use(before, header_in(filled<16>(7), 0, 1)) == "wrong_epoch");
  node.rotate(10);
  const KeyChain after = chain_of(node);
  CHECK(use(after, header_in(node.epochs[1], 0, 10)) == "");
  CHECK(use(after, header_in(node.epochs[1], 9, 1)) == "");
  CHECK(use(after, header_in(node.epochs[1], 9, 2)) == "key_retired");
  CHECK(use(after, header_in(node.epochs[1], 10, 1)) == "key_retired");
  BatchHeader routine = header_in(node.epochs[1], 0, 1);
  routine.stream = Stream::routine;
  CHECK(use(after, routine) == "key_retired");
}

TEST_CASE("what is not signed exactly once, or is too long, has no signer") {
  CHECK(signer_of(Bytes{}, ObjectType::key_succession).error().name == "malformed");
  CHECK(signer_of(Bytes(limits::message_bytes_max), ObjectType::key_succession).error().name ==
        "limit_exceeded");
  CHECK(*signer_of(samples::succession_object(), ObjectType::key_succession) ==
        samples::record_key().hash());
}
