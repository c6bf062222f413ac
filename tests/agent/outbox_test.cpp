#include <doctest/doctest.h>

#include "agent/agent_limits.h"
#include "common/paths.h"
#include "tests/agent/agent_world.h"

using namespace reeve;
using namespace reeve::testing;

namespace {

const std::string secret = "/etc/secret";

struct Sent {
  Batch batch;
};

std::vector<Batch> batches_of(const AgentWorld& world) {
  std::vector<Batch> out;
  const KeyChain keys = world.key_chain();
  for (const Bytes& bytes : world.courier.payloads(MessageType::batch)) {
    const auto header = read_own_batch(bytes);
    REQUIRE(header.ok());
    REQUIRE(keys.find(header->header.key) != nullptr);
    auto batch = open_batch(bytes, keys.find(header->header.key)->key);
    REQUIRE(batch.ok());
    out.push_back(std::move(*batch));
  }
  return out;
}

// Breaks the file and lets the agent put it right: one receipt, one batch.
void break_once(AgentWorld& world) {
  world.host.add_file(secret, 0666);
  world.wake(0, secret);
  world.settle();
}

struct Enforcing : AgentWorld {
  Enforcing() {
    host.add_file(secret, 0600);
    start();
    // It is broken and put right as often as a test needs batches.
    Rule rule = file_rule("secret-mode", secret);
    rule.breaker.fixes_first_minute = rule.breaker.fixes_per_hour = 1'000;
    push(1, {rule});
  }
};

}  // namespace

TEST_CASE("what was recorded while the link was down is sent in order when it comes up") {
  Enforcing world;
  for (int i = 0; i < 5; ++i) break_once(world);
  CHECK(world.courier.payloads(MessageType::batch).empty());
  world.link_up();
  std::map<Stream, std::uint64_t> next;
  for (const Batch& batch : batches_of(world)) {
    CHECK(batch.header.first == next[batch.header.stream]);
    next[batch.header.stream] = batch.header.first + batch.header.count;
  }
  CHECK(next[Stream::urgent] == world.agent->recorder().durable_records(Stream::urgent));
  CHECK(next[Stream::routine] == world.agent->recorder().durable_records(Stream::routine));
}

TEST_CASE("urgent batches go before routine ones") {
  Enforcing world;
  break_once(world);
  world.link_up();
  const auto batches = batches_of(world);
  bool seen_routine = false;
  for (const Batch& batch : batches) {
    if (batch.header.stream == Stream::routine)
      seen_routine = true;
    else
      CHECK(!seen_routine);
  }
  CHECK(seen_routine);
}

TEST_CASE("no more than the credit is on its way; acknowledgements bring more") {
  Enforcing world;
  for (int i = 0; i < 60; ++i) break_once(world);
  world.link_up();
  std::size_t bytes = 0;
  for (const Bytes& batch : world.courier.payloads(MessageType::batch)) bytes += batch.size();
  CHECK(bytes <= limits::first_credit_bytes);
  CHECK(bytes > limits::first_credit_bytes / 2);
  const std::size_t before = batches_of(world).size();
  world.credit_bytes = 2 * limits::first_credit_bytes;
  CHECK(world.acknowledge_all() == before);
  CHECK(batches_of(world).size() > 2 * before);
  while (world.acknowledge_all() > 0) {
  }
  std::map<Stream, std::uint64_t> records;
  for (const Batch& batch : batches_of(world)) records[batch.header.stream] += batch.header.count;
  for (const Stream stream : {Stream::urgent, Stream::routine})
    CHECK(records[stream] == world.agent->recorder().durable_records(stream));
}

TEST_CASE("without credit one batch goes in a pause, and urgent ones have the first turns") {
  Enforcing world;
  for (int i = 0; i < 60; ++i) break_once(world);
  world.credit_bytes = 0;
  world.link_up();
  world.acknowledge_all();
  for (int turn = 0; turn < 5; ++turn) {
    const std::size_t before = batches_of(world).size();
    world.settle();
    CHECK(batches_of(world).size() == before);
    world.advance(2 * limits::credit_pause_ns);
    const auto batches = batches_of(world);
    REQUIRE(batches.size() == before + 1);
    CHECK(batches.back().header.stream == Stream::urgent);
    CHECK(world.acknowledge_all() == 1);
  }
}

TEST_CASE("an acknowledgement that does not match its batch in everything changes nothing") {
  Enforcing world;
  world.link_up();
  const auto batches = batches_of(world);
  const std::size_t sent = batches.size();
  for (const Batch& batch : batches) {
    std::vector<Acknowledgement> wrong(5, world.answer_to(batch));
    wrong[0].node.data[0] ^= 1;
    wrong[1].epoch.data[0] ^= 1;
    wrong[2].header.data[0] ^= 1;
    wrong[3].last += 1;
    wrong[4].stream = batch.header.stream == Stream::urgent ? Stream::routine : Stream::urgent;
    for (const Acknowledgement& answer : wrong)
      world.hear(MessageType::acknowledgement, encode_acknowledgement(answer));
  }
  world.advance(limits::ack_timeout_ns);
  CHECK(batches_of(world).size() == 2 * sent);
  CHECK(!world.disk.read(paths::acknowledged, 256)->has_value());
}

TEST_CASE("without an acknowledgement the same bytes are sent again") {
  Enforcing world;
  world.link_up();
  const auto first = world.courier.payloads(MessageType::batch);
  world.advance(limits::ack_timeout_ns);
  auto both = world.courier.payloads(MessageType::batch);
  REQUIRE(both.size() == 2 * first.size());
  CHECK(std::vector<Bytes>(both.begin() + static_cast<std::ptrdiff_t>(first.size()), both.end()) ==
        first);
  world.acknowledge_all();
  const std::size_t sent = world.courier.payloads(MessageType::batch).size();
  world.advance(limits::ack_timeout_ns);
  CHECK(world.courier.payloads(MessageType::batch).size() == sent);
}

TEST_CASE("a link that comes up again sends what is unacknowledged at once") {
  Enforcing world;
  world.link_up();
  const std::size_t first = world.courier.payloads(MessageType::batch).size();
  world.hear(MessageType::link_state, Bytes{0, 1});
  world.hear(MessageType::link_state, Bytes{1, 1});
  CHECK(world.courier.payloads(MessageType::batch).size() == 2 * first);
}

TEST_CASE("acknowledgements out of order are taken, and what is acknowledged is not sent again") {
  Enforcing world;
  for (int i = 0; i < 3; ++i) break_once(world);
  world.link_up();
  auto batches = batches_of(world);
  const Batch oldest = batches.front();
  for (std::size_t i = batches.size() - 1; i > 0; --i)
    world.hear(MessageType::acknowledgement, encode_acknowledgement(world.answer_to(batches[i])));
  const std::size_t sent = batches.size();
  world.advance(limits::ack_timeout_ns);
  batches = batches_of(world);
  REQUIRE(batches.size() == sent + 1);
  CHECK(batches.back().header == oldest.header);
}

TEST_CASE("a courier that takes nothing is tried again and nothing is lost") {
  Enforcing world;
  world.courier.takes_messages = false;
  world.link_up();
  CHECK(world.courier.sent.empty());
  CHECK(world.agent->step() > world.clock.monotonic_ns());
  world.courier.takes_messages = true;
  world.advance(limits::send_retry_ns);
  CHECK(batches_of(world).size() >= 2);
  CHECK(world.last_heartbeat());
}

TEST_CASE(
    "a later start sends what was not acknowledged, from earlier epochs too, and nothing else") {
  Enforcing world;
  world.link_up();
  world.acknowledge_all();
  break_once(world);
  world.advance(limits::acknowledged_write_ns);
  const Epoch first = world.agent->recorder().epoch();
  world.stop();
  world.courier.sent.clear();
  world.start();
  world.link_up();
  std::uint64_t of_first = 0;
  for (const Batch& batch : batches_of(world)) {
    if (batch.header.epoch != first) continue;
    ++of_first;
    CHECK(batch.header.first > 0);
  }
  CHECK(of_first >= 2);  // the receipt and the agent_stop
}

TEST_CASE("a lost or damaged note of what was acknowledged means sending again, not losing") {
  Enforcing world;
  world.link_up();
  world.acknowledge_all();
  world.stop();
  Bytes note = **world.disk.read(paths::acknowledged, 256);
  note[10] ^= 1;
  REQUIRE(replace_file(world.disk, paths::acknowledged, note).ok());
  const auto before = batches_of(world);
  world.courier.sent.clear();
  world.start();
  world.link_up();
  const auto again = batches_of(world);
  REQUIRE(again.size() > before.size());
  CHECK(again.front().header == before.front().header);
}

TEST_CASE("no batch is handed to the courier before a power cut could no longer take it") {
  std::uint64_t checked = 0;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    AgentWorld world;
    world.host.add_file(secret, 0644);
    world.courier.on_batch = [&](ByteView bytes) {
      const auto wanted = read_own_batch(bytes)->header_digest();
      auto left = world.own_disk.crash(seed + checked);
      AgentWorld after(*left);
      bool found = false;
      auto recovered = recover_journal(*left, read_own_batch(bytes)->header.stream);
      Journal journal(*left,
                      {read_own_batch(bytes)->header.stream, world.identity.certificate.node},
                      recovered->segments, recovered->newest);
      for (JournalPosition at = journal.begin();;) {
        auto stored = journal.read_batch(at);
        if (!stored.ok() || !stored->has_value()) break;
        at = (*stored)->next;
        if (read_own_batch((*stored)->bytes)->header_digest() == wanted) found = true;
      }
      CHECK(found);
      ++checked;
    };
    world.start();
    world.link_up();
    world.push(1, {file_rule("secret-mode", secret)});
    for (int i = 0; i < 3; ++i) break_once(world);
  }
  CHECK(checked > 300);
}

TEST_CASE("a power cut makes no start send again all that the controller has") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Enforcing world;
    world.link_up();
    for (int i = 0; i < 40; ++i) break_once(world);
    while (world.acknowledge_all() > 0) world.settle();
    world.advance(limits::acknowledged_write_ns);
    const auto after = world.own_disk.crash(seed);
    AgentWorld next(*after);
    next.start();
    next.link_up();
    next.settle();
    const std::size_t sent = next.courier.payloads(MessageType::batch).size();
    CHECK(sent <= 8);
  }
}
