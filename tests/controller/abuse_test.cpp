// One stolen node key against a fleet: whatever it sends, the other nodes' records and standing
// stay as they were. Every run is made from its seed.
#include <doctest/doctest.h>

#include <random>

#include "tests/controller/world.h"

namespace reeve {
namespace {

class Abuser {
 public:
  Abuser(World& world, TestNode& thief, TestNode& victim, std::uint64_t seed)
      : world_(world), thief_(thief), victim_(victim), chance_(seed) {}

  void abuse() {
    switch (pick(9)) {
      case 0:
        return send(any_type(), random_bytes_of(pick(4'000)));
      case 1:
        return send(MessageType::batch, damaged(encode_batch(thief_.next_batch(Stream::urgent))));
      case 2:
        return send(MessageType::batch, encode_batch(victim_.batch(victim_header(), 2, "stolen")));
      case 3:
        return send(MessageType::batch, encode_batch(thief_.batch(victim_header(), 2, "forged")));
      case 4:
        return send(MessageType::batch, encode_batch(thief_.batch(odd_header(), 3, "odd")));
      case 5:
        return send(MessageType::batch, encode_batch(batch_of_bombs()));
      case 6:
        return send(MessageType::heartbeat, thief_.sign_heartbeat(odd_heartbeat()));
      case 7:
        return send(MessageType::fetch, random_bytes_of(36));
      default:
        thief_.begin_epoch(pick(2) == 0 ? thief_.epoch : Epoch{});
        return send(MessageType::batch, encode_batch(thief_.next_batch(Stream::routine)));
    }
  }

 private:
  std::uint64_t pick(std::uint64_t below) { return chance_() % below; }
  Stream any_stream() { return pick(2) == 0 ? Stream::urgent : Stream::routine; }
  MessageType any_type() { return static_cast<MessageType>(pick(256)); }
  void send(MessageType type, const Bytes& payload) { world_.send(thief_, type, payload); }

  Bytes random_bytes_of(std::size_t count) {
    Bytes bytes(count);
    for (auto& byte : bytes) byte = static_cast<std::uint8_t>(chance_());
    return bytes;
  }
  Bytes damaged(Bytes bytes) {
    if (pick(2) == 0) bytes.resize(pick(bytes.size()));
    for (int i = 0; i < 3 && !bytes.empty(); ++i)
      bytes[pick(bytes.size())] ^= static_cast<std::uint8_t>(1u << pick(8));
    return bytes;
  }
  BatchHeader victim_header() { return victim_.next_header(any_stream()); }
  BatchHeader odd_header() {
    auto header = thief_.next_header(any_stream());
    header.first = pick(3) == 0 ? chance_() >> pick(64) : pick(20);
    if (header.first > ~std::uint64_t{0} - 10) header.first = 7;
    if (pick(2) == 0) header.previous = sha256(random_bytes_of(8));
    if (pick(4) == 0) header.epoch = victim_.epoch;
    return header;
  }
  // Bodies that are signed as they should be and are bombs for whoever decodes them.
  Batch batch_of_bombs() {
    std::vector<SaltedRecord> records;
    records.push_back({{}, encode_record("epoch_start", {1, 1}, {}, {})});
    records.push_back({{}, Bytes{0xdf, 0xff, 0xff, 0xff, 0xff}});     // a map of four billion
    records.push_back({{}, Bytes(20'000, 0x91)});                     // arrays in arrays
    records.push_back({{}, Bytes{0xc6, 0xff, 0xff, 0xff, 0xff, 0}});  // four gigabytes
    records.push_back({{}, random_bytes_of(500)});
    auto header = thief_.next_header(any_stream());
    header.epoch = fixed<16>(random_bytes_of(16)).value_or(Epoch{});
    header.first = 0;
    header.previous = {};
    return seal_batch(header, std::move(records), thief_.key);
  }
  Heartbeat odd_heartbeat() {
    auto heartbeat = thief_.heartbeat();
    if (pick(2) == 0) heartbeat.node = victim_.id;
    heartbeat.count = chance_();
    heartbeat.root_version = chance_() >> pick(64);
    heartbeat.manifest_version = chance_() >> pick(64);
    heartbeat.refused = std::string(pick(100), '\x1b');
    return heartbeat;
  }

  World& world_;
  TestNode& thief_;
  TestNode& victim_;
  std::mt19937_64 chance_;
};

TEST_CASE("1,000 abuses of one stolen key harm no other node") {
  World world;
  TestNode thief("thief");
  TestNode victim("victim");
  world.enroll(thief);
  world.enroll(victim);
  world.publish(1);
  world.received(victim);
  Abuser abuser(world, thief, victim, 20'260'101);
  std::size_t delivered = 0;
  for (int round = 0; round < 50; ++round) {
    for (int i = 0; i < 20; ++i) abuser.abuse();
    const auto batch = victim.next_batch(Stream::urgent, 2, "victims-rule");
    const auto acks = world.deliver(victim, batch);
    REQUIRE(acks.size() == 1);
    CHECK(acks[0].header == batch.header_digest());
    delivered += batch.records.size();
    world.received(thief);
  }
  // The abuse was taken in, and more of it was refused than kept.
  CHECK(world.counted("equivocation") > 0);
  CHECK(world.counted("wrong_node") > 0);
  CHECK(world.counted("malformed") > 0);
  CHECK(world.counted("hole") + world.counted("no_epoch_start") > 0);
  CHECK(world.counted("disk_full") + world.counted("store_failed") == 0);

  const auto* node = world.controller->registry().find(victim.id);
  CHECK(node->flag_names().empty());
  CHECK(world.ask("records", {{"node", "victim"}}).size() == delivered);
  CHECK(world.ask("records", {{"rule", "stolen"}, {"node", "victim"}}).empty());
  CHECK(world.ask("records", {{"rule", "forged"}, {"node", "victim"}}).empty());
  const auto hashes = world.store->leaf_hashes(0, 1'000'000);
  CHECK(world.controller->tree_root() == tree_root(*hashes));
}

}  // namespace
}  // namespace reeve
