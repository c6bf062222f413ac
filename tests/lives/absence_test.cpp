// Three days without the controller at one deviation a second, and the way back. In each run a
// twentieth of it; all of it where REEVE_TEST_LONG is set.
#include <cstdlib>

#include "agent/agent_limits.h"
#include "tests/lives/pair.h"

using namespace reeve;
using namespace reeve::testing;

TEST_CASE("after a long absence all arrives, urgent first, and never more than credit allows") {
  const bool is_long = std::getenv("REEVE_TEST_LONG") != nullptr;
  const int seconds = is_long ? 259'200 : 2'592;
  Pair pair;
  pair.agent.segment_bytes_max = 64'000;
  pair.agent.start();
  pair.give_policy(pair.agent);
  pair.connect(pair.agent);
  pair.carry();
  pair.agent.hear(MessageType::link_state, Bytes{0, 1});
  for (int i = 0; i < seconds; ++i) {
    Pair::break_file(pair.agent, i % 2 == 0 ? secret : motd);
    pair.agent.clock.advance(1'000'000'000);
  }
  const Recorder& recorder = pair.agent.agent->recorder();
  Recorder& journals = const_cast<Recorder&>(recorder);
  const std::uint64_t bytes =
      journals.journal(Stream::urgent).bytes() + journals.journal(Stream::routine).bytes();
  // A third of a million incidents fit: the limit leaves this many bytes for each.
  CHECK(bytes / static_cast<std::uint64_t>(seconds) < limits::journal_bytes_max / 259'200);
  CHECK(pair.agent.records("gap").empty());
  CHECK(pair.agent.courier.sent.size() < 100);

  pair.connect(pair.agent);
  std::size_t most = 0, rounds = 0;
  std::uint64_t urgent_at_first_routine = 0;
  const std::uint64_t urgent_wanted = recorder.durable_records(Stream::urgent);
  std::map<Stream, std::uint64_t> taken;
  while (true) {
    for (const Bytes& message : pair.agent.courier.payloads(MessageType::batch)) {
      const auto header = read_own_batch(message)->header;
      if (header.stream == Stream::routine && header.first + header.count > 10 &&
          urgent_at_first_routine == 0)
        urgent_at_first_routine = taken[Stream::urgent];
      taken[header.stream] = header.first + header.count;
    }
    CHECK(pair.agent.agent->status().size() > 0);
    if (pair.carry_once() == 0) break;
    most = std::max(most, pair.bytes_in_last_round());
    ++rounds;
  }
  CHECK(most <= limits::credit_bytes_max);
  CHECK(rounds > 10);
  CHECK(urgent_at_first_routine + limits::batches_in_flight_max >= urgent_wanted);
  const auto records = pair.ledger_records();
  for (const Stream stream : {Stream::urgent, Stream::routine})
    CHECK(records.at({recorder.epoch(), stream}) == recorder.durable_records(stream));
  CHECK(pair.flags().empty());
}
