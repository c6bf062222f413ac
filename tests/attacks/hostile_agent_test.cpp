// One stolen node key against a fleet: whatever it sends, the other nodes' records and standing
// stay as they were, no file is made, memory stays bounded, and what came of each message is
// counted by name. Every run is made from its seed.
#include <doctest/doctest.h>
#include <malloc.h>

#include <algorithm>
#include <filesystem>
#include <random>
#include <set>

#include "common/clock.h"
#include "common/limits.h"
#include "common/link/zmq_link.h"
#include "tests/controller/world.h"

namespace reeve {
namespace {

// Every name that a node's message may be counted under (intake.h, and the names of errors).
const std::set<std::string> verdicts{
    "appended",  "repeat",        "hole",           "no_epoch_start",      "equivocation",
    "fork",      "root_mismatch", "wrong_node",     "bad_signature",       "key_unknown",
    "malformed", "wrong_type",    "limit_exceeded", "unsupported_version", "heard",
    "fetched",   "not_published", "acknowledged",   "stale_heartbeat",     "not_an_operator",
    "answered",
};

class Abuser {
 public:
  // `send` takes what the thief says to the nodes' endpoint.
  using Send = std::function<void(ByteView message)>;
  Abuser(World& world, TestNode& thief, TestNode& victim, Send send, std::uint64_t seed)
      : world_(world),
        thief_(thief),
        victim_(victim),
        send_(std::move(send)),
        as_operator_(world.operators.connect(thief.transport.public_key)),
        chance_(seed) {}

  static constexpr std::size_t kinds = 18;
  void abuse() {
    const auto kind = pick(kinds);
    ++done_[kind];
    if (kind < 9) return abuse_batches(kind);
    abuse_others(kind);
  }
  const std::map<std::uint64_t, int>& done() const { return done_; }
  // What the victim sends passes by on the wire.
  void overhear(Bytes batch) { overheard_.push_back(std::move(batch)); }

 private:
  void abuse_batches(std::uint64_t kind) {
    switch (kind) {
      case 0:
        return send_batch(damaged(encode_batch(thief_.clone().next_batch(any_stream()))));
      case 1:
        return send_batch(encode_batch(victim_.batch(victim_header(), 2, "stolen")));
      case 2:
        return send_batch(encode_batch(thief_.batch(victim_header(), 2, "forged")));
      case 3:
        return send_batch(encode_batch(thief_.batch(odd_header(), 3, "odd")));
      case 4:
        return send_batch(encode_batch(batch_of_bombs()));
      case 5:
        return send_batch(with_bad_root());
      case 6:
        return send_batch(overheard_.empty() ? Bytes{} : overheard_[pick(overheard_.size())]);
      case 7:
        return overlap();
      default:
        if (pick(2) == 0) thief_.begin_epoch(pick(2) == 0 ? thief_.epoch : Epoch{});
        return send_batch(encode_batch(thief_.next_batch(any_stream(), 2, odd_name())));
    }
  }

  void abuse_others(std::uint64_t kind) {
    switch (kind) {
      case 9:
        return send(any_type(), noise(pick(4'000)));
      case 10:
        return send(MessageType::heartbeat, thief_.sign_heartbeat(odd_heartbeat()));
      case 11:
        return send(MessageType::heartbeat, victims_heartbeat());
      case 12:
        return send(MessageType::heartbeat, Bytes(pick(60'000), 0x91));
      case 13:
        return fetch_everything();
      case 14:
        return send(any_type(), damaged(thief_.certificate(world_.fleet)));
      case 15:
        return send(MessageType::configure, noise(pick(300)));
      case 16:
        for (int i = 0; i < 20; ++i) send(MessageType::heartbeat, noise(100));
        return;
      default:
        static_cast<void>(as_operator_->send(operator_request()));
    }
  }

  std::uint64_t pick(std::uint64_t below) { return chance_() % below; }
  Stream any_stream() { return pick(2) == 0 ? Stream::urgent : Stream::routine; }
  MessageType any_type() { return static_cast<MessageType>(pick(256)); }
  void send(MessageType type, const Bytes& payload) { send_(encode_message(type, payload)); }
  void send_batch(const Bytes& payload) { send(MessageType::batch, payload); }

  Bytes noise(std::size_t count) {
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
  std::string odd_name() {
    const std::array<std::string, 5> names{"../../../tmp/rule", "'; DROP TABLE leaves; --",
                                           "\x1b[2J\r\n", std::string(5'000, 'a'), "\xff\xfe"};
    return names[pick(names.size())];
  }
  BatchHeader victim_header() { return victim_.next_header(any_stream()); }
  BatchHeader odd_header() {
    auto header = thief_.next_header(any_stream());
    header.first = pick(3) == 0 ? chance_() >> pick(64) : pick(20);
    if (header.first > ~std::uint64_t{0} - 10) header.first = 7;
    if (pick(2) == 0) header.previous = sha256(noise(8));
    if (pick(4) == 0) header.epoch = victim_.epoch;
    return header;
  }
  // The sequences of one batch again in two that lie across its bounds.
  void overlap() {
    auto header = thief_.next_header(Stream::urgent);
    send_batch(encode_batch(thief_.batch(header, 4, "first")));
    header.first += header.first == 0 ? 0 : 1;
    send_batch(encode_batch(thief_.batch(header, 6, "across")));
  }
  Bytes with_bad_root() {
    auto batch = thief_.batch(thief_.next_header(any_stream()), 2, "x");
    switch (pick(3)) {
      case 0:
        batch.header.root.data[0] ^= 1;
        break;
      case 1:
        batch.header.count = pick(2) == 0 ? 1'000 : ~std::uint64_t{0} / 2;
        break;
      default:
        batch.header.key = victim_.id;
    }
    batch.header_object =
        seal_object(ObjectType::batch_header, encode_batch_header(batch.header), thief_.key);
    return encode_batch(batch);
  }
  // Bodies that are signed as they should be and are bombs for whoever decodes them.
  Batch batch_of_bombs() {
    std::vector<SaltedRecord> records;
    records.push_back({{}, encode_record("epoch_start", {1, 1}, {}, {})});
    records.push_back({{}, Bytes{0xdf, 0xff, 0xff, 0xff, 0xff}});     // a map of four billion
    records.push_back({{}, Bytes(20'000, 0x91)});                     // arrays in arrays
    records.push_back({{}, Bytes{0xc6, 0xff, 0xff, 0xff, 0xff, 0}});  // four gigabytes
    records.push_back({{}, noise(500)});
    auto header = thief_.next_header(any_stream());
    header.epoch = fixed<16>(noise(16)).value_or(Epoch{});
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
  Bytes victims_heartbeat() {
    const auto* node = world_.controller->registry().find(victim_.id);
    return node->heartbeat ? node->heartbeat_object : Bytes{};
  }
  void fetch_everything() {
    for (std::uint32_t i = 0; i < 20; ++i) {
      FetchRequest request{sha256(test_bundle({"ssh-config"})), i * 1'000};
      if (pick(2) == 0) request.digest = sha256(noise(8));
      if (pick(4) == 0) request.offset = ~std::uint32_t{0};
      send(MessageType::fetch, encode_fetch(request));
    }
  }
  Bytes operator_request() { return world_.sign(world_.request("records"), thief_.key); }

  World& world_;
  TestNode& thief_;
  TestNode& victim_;
  Send send_;
  std::unique_ptr<FakeClientLink> as_operator_;  // at the operators' endpoint
  std::mt19937_64 chance_;
  std::vector<Bytes> overheard_;
  std::map<std::uint64_t, int> done_;
};

std::set<std::string> files_of(const World& world) {
  std::set<std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(
           std::filesystem::path(world.maker.path()).parent_path()))
    files.insert(entry.path());
  return files;
}

void check_victim(World& world, const TestNode& victim, std::size_t delivered) {
  const auto* node = world.controller->registry().find(victim.id);
  CHECK(node->flag_names().empty());
  CHECK(node->certificate_object == victim.certificate(world.fleet));
  CHECK(world.ask("records", {{"node", "victim"}}).size() == delivered);
  for (const char* rule : {"stolen", "forged", "first", "across"})
    CHECK(world.ask("records", {{"rule", rule}, {"node", "victim"}}).empty());
  const auto hashes = world.store->leaf_hashes(0, 1'000'000);
  CHECK(world.controller->tree_root() == tree_root(*hashes));
}

TEST_CASE("1,000 abuses of one stolen key harm no other node") {
  constexpr std::size_t memory_max = 8u << 20;
  World world;
  TestNode thief("thief");
  TestNode victim("victim");
  world.enroll(thief);
  world.enroll(victim);
  world.publish(1);
  world.received(victim);
  const auto files = files_of(world);
  const auto memory = mallinfo2().uordblks;
  Abuser abuser(
      world, thief, victim,
      [&](ByteView message) {
        world.send(thief, static_cast<MessageType>(message[3]), message.subspan(4));
      },
      20'260'101);
  std::size_t delivered = 0;
  for (int round = 0; round < 50; ++round) {
    for (int i = 0; i < 20; ++i) abuser.abuse();
    const auto batch = victim.next_batch(Stream::urgent, 2, "victims-rule");
    world.send(victim, MessageType::heartbeat, victim.sign_heartbeat(victim.heartbeat()));
    world.send(victim, batch);
    for (int i = 0; i < 4; ++i) world.step();
    std::size_t acknowledged = 0;
    for (const auto& message : world.received(victim))
      if (message.type == MessageType::acknowledgement) ++acknowledged;
    REQUIRE(acknowledged == 1);
    abuser.overhear(encode_batch(batch));
    delivered += batch.records.size();
    world.received(thief);
    world.clock.advance(second_ns);
  }
  CHECK(abuser.done().size() == Abuser::kinds);
  CHECK(mallinfo2().uordblks < memory + memory_max);
  CHECK(files_of(world) == files);
  check_victim(world, victim, delivered);
  // The abuse was taken in, and each of its verdicts has a name that we know.
  for (const std::string name : {"equivocation", "wrong_node", "malformed", "root_mismatch",
                                 "bad_signature", "not_published", "key_unknown", "not_an_operator",
                                 "fork", "wrong_type", "limit_exceeded"}) {
    CAPTURE(name);
    CHECK(world.counted(name) > 0);
  }
  CHECK(world.counted("hole") + world.counted("no_epoch_start") > 0);
  for (const auto& [name, count] : world.controller->counters()) {
    const std::string& counter = name;  // Clang 14 takes no binding into a lambda
    CAPTURE(counter);
    CHECK(verdicts.contains(name));
  }
}

// The controller of a world behind real sockets on loopback, with a thief and a victim connected.
struct Sockets {
  Sockets(World& a_world, const TestNode& thief, const TestNode& victim) : world(a_world) {
    const auto admits = [this](const TransportKey& key) {
      return world.controller->admits_node(key);
    };
    auto created = ZmqServer::create(
        world.fleet.transport.secret,
        {{"tcp://127.0.0.1:0", "nodes", admits}, {"tcp://127.0.0.1:0", "operators", admits}});
    REQUIRE(created.ok());
    server = std::move(*created);
    for (const auto* node : {&thief, &victim}) {
      auto client = ZmqClient::connect(server->bound_address(0), world.fleet.transport.public_key,
                                       node->transport.public_key, node->transport.secret);
      REQUIRE(client.ok());
      clients.push_back(std::move(*client));
    }
  }
  void turn() {
    constexpr std::int64_t slice_ns = 2'000'000;
    server->wait(slice_ns, -1);
    for (const auto& client : clients) client->wait(slice_ns, -1);
    world.controller->step(server->endpoint(0), server->endpoint(1));
  }
  void turn_until(const std::function<bool()>& done) {
    constexpr std::int64_t patience_ns = 60'000'000'000;
    const SystemClock clock;
    const std::int64_t end = clock.monotonic_ns() + patience_ns;
    while (!done()) {
      REQUIRE(clock.monotonic_ns() < end);
      turn();
    }
  }
  void send(std::size_t client, ByteView message) {
    turn_until([&] { return clients[client]->send(message); });
  }
  bool acknowledges(const Batch& batch) {
    bool found = false;
    turn_until([&] {
      while (const auto bytes = clients[1]->receive()) {
        const auto message = decode_message(*bytes);
        if (!message.ok() || message->type != MessageType::acknowledgement) continue;
        const auto answer = decode_acknowledgement(message->payload);
        found = found || (answer.ok() && answer->header == batch.header_digest());
      }
      while (clients[0]->receive()) {
      }
      return found;
    });
    return found;
  }

  World& world;
  std::unique_ptr<ZmqServer> server;
  std::vector<std::unique_ptr<ZmqClient>> clients;
};

TEST_CASE("100 abuses of one stolen key over real sockets harm no other node") {
  World world;
  TestNode thief("thief");
  TestNode victim("victim");
  world.enroll(thief);
  world.enroll(victim);
  Sockets sockets(world, thief, victim);
  Abuser abuser(
      world, thief, victim, [&](ByteView message) { sockets.send(0, message); }, 7);
  std::size_t delivered = 0;
  for (int round = 0; round < 10; ++round) {
    for (int i = 0; i < 10; ++i) abuser.abuse();
    const auto batch = victim.next_batch(Stream::urgent, 2, "victims-rule");
    sockets.send(1, encode_message(MessageType::batch, encode_batch(batch)));
    CHECK(sockets.acknowledges(batch));
    abuser.overhear(encode_batch(batch));
    delivered += batch.records.size();
  }
  check_victim(world, victim, delivered);
  CHECK(world.counted("malformed") > 0);
}

}  // namespace
}  // namespace reeve
