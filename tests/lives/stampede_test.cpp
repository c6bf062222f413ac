// A thousand nodes that lost their controller come back at one moment, each with a backlog.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>

#include "agent/agent_limits.h"
#include "agent/outbox.h"
#include "controller/credits.h"
#include "tests/fakes/crash_disk.h"
#include "tests/fakes/fake_clock.h"

using namespace reeve;

namespace {

constexpr std::size_t nodes = 1'000;
constexpr std::size_t batches = 30;
constexpr std::size_t credit_total = 2u << 20;

// One node: a journal with a backlog, and its outbox.
class Node final : public CourierPort {
 public:
  Node(FakeClock& clock, std::size_t number, const SigningKey& key) {
    REQUIRE(disk_.make_directory("journal").ok());
    id.data[0] = static_cast<std::uint8_t>(number);
    id.data[1] = static_cast<std::uint8_t>(number >> 8);
    for (const Stream stream : {Stream::urgent, Stream::routine}) {
      auto& journal = journals_[static_cast<std::size_t>(stream)];
      journal = std::make_unique<Journal>(disk_, Journal::Settings{stream, id},
                                          std::vector<std::uint32_t>{}, Journal::Newest::unusable);
      if (stream == Stream::routine) break;
      REQUIRE(journal->start_segment({}).ok());
      BatchHeader header{id, epoch_, stream, 0, 0, {}, {}, {}};
      for (std::size_t i = 0; i < batches; ++i) {
        const Batch batch = seal_batch(header, {{random_bytes<16>(), Bytes(1'000)}}, key);
        REQUIRE(journal->append(FrameType::batch, encode_batch(batch)).ok());
        header.first += 1;
        header.previous = batch.header_digest();
      }
      REQUIRE(journal->sync().ok());
    }
    time_ = std::make_unique<TrustedTime>(clock, disk_);
    outbox = std::make_unique<Outbox>(
        Outbox::Parts{clock, disk_, *this, id, *journals_[0], *journals_[1], *time_, number});
  }
  bool send(ByteView message) override {
    outgoing.emplace_back(message.begin() + wire_header_bytes, message.end());
    return true;
  }
  std::optional<Bytes> receive() override { return std::nullopt; }

  NodeId id;
  std::vector<Bytes> outgoing;
  std::unique_ptr<Outbox> outbox;
  std::size_t done = 0;

 private:
  CrashDisk disk_;
  Epoch epoch_ = random_bytes<16>();
  std::unique_ptr<TrustedTime> time_;
  std::array<std::unique_ptr<Journal>, 2> journals_;
};

}  // namespace

TEST_CASE("a thousand nodes that come back together share what the controller can hold") {
  FakeClock clock;
  const SigningKey key = SigningKey::generate();
  std::vector<std::unique_ptr<Node>> fleet;
  for (std::size_t i = 0; i < nodes; ++i) fleet.push_back(std::make_unique<Node>(clock, i, key));
  for (auto& node : fleet) node->outbox->begin_link();

  Credits credits(credit_total);
  std::deque<std::pair<Node*, Bytes>> held;
  std::size_t held_bytes = 0, most_at_first = 0, most_later = 0, done = 0;
  std::size_t least_halfway = 0;
  for (std::size_t turn = 0; done < nodes * batches; ++turn) {
    REQUIRE(turn < 10'000);
    for (auto& node : fleet) {
      node->outbox->pump();
      for (Bytes& batch : node->outgoing) {
        held_bytes += batch.size();
        held.emplace_back(node.get(), std::move(batch));
      }
      node->outgoing.clear();
    }
    auto& most = turn < 10 ? most_at_first : most_later;
    most = std::max(most, held_bytes);
    // One commit, as Controller::step() takes them.
    std::vector<std::pair<Node*, Acknowledgement>> answers;
    for (std::size_t i = 0; i < limits::messages_per_commit && !held.empty(); ++i) {
      auto [node, bytes] = std::move(held.front());
      held.pop_front();
      held_bytes -= bytes.size();
      credits.came(node->id, clock.boottime_ns());
      const auto batch = read_own_batch(bytes);
      Acknowledgement answer;
      answer.node = node->id;
      answer.epoch = batch->header.epoch;
      answer.stream = batch->header.stream;
      answer.last = batch->header.first + batch->header.count - 1;
      answer.header = batch->header_digest();
      answers.emplace_back(node, answer);
    }
    for (auto& [node, answer] : answers) {
      answer.credit_bytes = credits.share(clock.boottime_ns());
      REQUIRE(node->outbox->acknowledge(answer));
      ++node->done;
      ++done;
    }
    clock.advance(20'000'000);
    // Halfway nobody is starved.
    if (done > nodes * batches / 2 && done <= nodes * batches / 2 + limits::messages_per_commit) {
      const auto by_done = [](const auto& node) { return node->done; };
      least_halfway = (*std::ranges::min_element(fleet, {}, by_done))->done;
    }
  }
  CHECK(least_halfway >= batches / 4);
  // Those who are heard first share while the others are not known yet.
  CHECK(most_at_first <= nodes * limits::first_credit_bytes + credit_total);
  CHECK(most_later <= nodes * limits::first_credit_bytes);
  CHECK(most_later < nodes * batches * 1'000);
}

TEST_CASE("one that sends alone has all the credit that one may have; too many have a pause") {
  Credits credits(1u << 20);
  NodeId id;
  credits.came(id, 1);
  CHECK(credits.share(1) == 1u << 20);
  for (std::uint32_t i = 0; i < 1'000; ++i) {
    std::memcpy(id.data.data(), &i, sizeof i);
    credits.came(id, 2);
  }
  CHECK(credits.share(2) == 0);
  // Those that have gone silent share no more.
  credits.came(id, 2 + 2 * limits::credit_interval_ns);
  CHECK(credits.share(2 + 2 * limits::credit_interval_ns) == 1u << 20);
}
