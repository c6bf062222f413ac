#include "tests/fakes/lossy_link.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "tests/fakes/fake_clock.h"

namespace reeve {
namespace {

constexpr std::int64_t second_ns = 1'000'000'000;

TransportKey key_of(std::uint8_t number) {
  TransportKey key;
  key.data[0] = number;
  return key;
}

// What of 1,000 numbered messages arrives within ten seconds, in the order of arrival.
std::vector<std::uint64_t> passed(std::uint64_t seed, const LossyNetwork::Weather& weather,
                                  LossyNetwork::Counts* counts = nullptr) {
  FakeClock clock;
  LossyNetwork network(clock, seed);
  network.set_weather(weather);
  const auto client = network.connect(key_of(1));
  std::vector<std::uint64_t> out;
  const auto drain = [&] {
    while (const auto got = network.receive()) out.push_back(ByteReader(got->message).u64());
  };
  for (std::uint64_t i = 0; i < 1'000; ++i) {
    Bytes message;
    append_u64(message, i);
    CHECK(client->send(message));
    clock.advance(second_ns / 100);
    drain();
  }
  clock.advance(10 * second_ns);
  drain();
  if (counts != nullptr) *counts = network.counts();
  return out;
}

TEST_CASE("in good weather every message arrives once and in order") {
  const auto out = passed(1, {});
  REQUIRE(out.size() == 1'000);
  CHECK(std::ranges::is_sorted(out));
}

TEST_CASE("in bad weather messages are lost, doubled, late and out of order, as counted") {
  LossyNetwork::Counts counts;
  const auto out = passed(2, {100, 50, 300, second_ns}, &counts);
  CHECK(counts.sent == 1'000);
  CHECK(counts.lost > 50);
  CHECK(counts.doubled > 20);
  CHECK(counts.late > 200);
  CHECK(counts.reordered > 50);
  CHECK(out.size() == 1'000 - counts.lost + counts.doubled);
  CHECK_FALSE(std::ranges::is_sorted(out));
}

TEST_CASE("one seed gives one network") {
  const LossyNetwork::Weather weather{100, 50, 300, second_ns};
  CHECK(passed(3, weather) == passed(3, weather));
  CHECK(passed(3, weather) != passed(4, weather));
}

TEST_CASE("a cut peer neither sends nor hears, and what was under way is lost") {
  FakeClock clock;
  LossyNetwork network(clock, 5);
  const auto one = network.connect(key_of(1));
  const auto two = network.connect(key_of(2));
  CHECK(one->send(Bytes{1}));
  CHECK(network.send(key_of(1), Bytes{2}));
  network.cut(key_of(1));
  CHECK(one->send(Bytes{3}));
  CHECK(network.send(key_of(1), Bytes{4}));
  CHECK(two->send(Bytes{5}));
  CHECK_FALSE(one->receive().has_value());
  CHECK(network.receive()->message == Bytes{5});
  CHECK_FALSE(network.receive().has_value());
  network.mend(key_of(1));
  CHECK(network.send(key_of(1), Bytes{6}));
  CHECK(one->receive() == Bytes{6});
  CHECK(network.counts().lost == 2);
  CHECK_FALSE(network.send(key_of(3), Bytes{7}));
}

}  // namespace
}  // namespace reeve
