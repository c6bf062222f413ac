// The journal on a disk that is worn, full or too small: what is kept, what is given up, and that
// each loss is on record.
#include <doctest/doctest.h>

#include <algorithm>

#include "agent/agent_limits.h"
#include "common/paths.h"
#include "tests/agent/agent_world.h"
#include "tests/agent/journal_life.h"
#include "tests/agent/worn_disk.h"

using namespace reeve;
using namespace reeve::testing;

namespace {

const std::string secret = "/etc/secret";
const std::string motd = "/etc/motd";

// Keeps one urgent and one routine rule, each broken as often as a test likes.
struct Keeping : AgentWorld {
  explicit Keeping(Disk& on) : AgentWorld(on) {
    host.add_file(secret, 0600);
    host.add_file(motd, 0600);
  }
  void begin() {
    start();
    REQUIRE(has_started());
    std::vector<Rule> rules{file_rule("urgent", secret),
                            file_rule("routine", motd, "0600", Severity::medium)};
    for (Rule& rule : rules)
      rule.breaker.fixes_first_minute = rule.breaker.fixes_per_hour =
          rule.breaker.agent_fixes_per_minute = 1'000'000;
    push(1, rules);
  }
  void break_urgent() { break_one(secret, 0); }
  void break_routine() { break_one(motd, 1); }
  void break_one(const std::string& path, WatchId rule) {
    host.add_file(path, 0666);
    wake(rule, path);
    settle();
    CHECK(host.at(path).mode == 0600);  // enforcement goes on, whatever the disk does
  }
  Recorder& recorder() const { return const_cast<Recorder&>(agent->recorder()); }
  std::uint64_t journal_bytes() const {
    return recorder().journal(Stream::urgent).bytes() + recorder().journal(Stream::routine).bytes();
  }
  std::vector<Record> gaps() { return records("gap"); }
};

std::uint64_t number(const Record& record, std::string_view field) {
  const Value* value = record.body.find(field);
  REQUIRE(value != nullptr);
  return *value->natural();
}

std::string word(const Record& record, std::string_view field) {
  const Value* value = record.body.find(field);
  REQUIRE(value != nullptr);
  return *value->text();
}

}  // namespace

TEST_CASE("at its limit the journal takes no routine records, and one gap record counts them") {
  CrashDisk under;
  Keeping world(under);
  world.journal_bytes_max = 60'000;
  world.begin();
  std::uint64_t routine = 0;
  while (world.agent->recorder().durable_records(Stream::routine) > routine) {
    world.break_routine();
    REQUIRE(++routine < 1'000);
  }
  const std::uint64_t kept = world.agent->recorder().durable_records(Stream::routine);
  const std::uint64_t bytes = world.journal_bytes();
  for (int i = 0; i < 20; ++i) world.break_routine();
  CHECK(world.agent->recorder().durable_records(Stream::routine) == kept);
  CHECK(world.journal_bytes() <= bytes + 6'000);
  CHECK(world.gaps().empty());  // it lasts: told of once in a while
  const std::uint64_t urgent = world.agent->recorder().durable_records(Stream::urgent);
  world.break_urgent();
  CHECK(world.agent->recorder().durable_records(Stream::urgent) == urgent + 1);

  world.advance(limits::gap_record_ns);
  const auto gaps = world.gaps();
  REQUIRE(gaps.size() == 1);
  CHECK(word(gaps[0], "stream") == "routine");
  CHECK(word(gaps[0], "reason") == "journal_full");
  CHECK(number(gaps[0], "count") >= 20);
  CHECK(number(gaps[0], "first") == kept);
  CHECK(number(gaps[0], "last") == kept);
  CHECK(gaps[0].body.find("by_severity")->find("medium")->natural() >= 20u);
  CHECK(gaps[0].body.find("hash")->binary()->size() == 32);
  CHECK(*gaps[0].body.find("since")->integer() < *gaps[0].body.find("until")->integer());
  // The chains have no hole: what was not taken never had a number.
  CHECK(world.records().size() == world.agent->recorder().durable_records(Stream::urgent) + kept);
  // A start at the limit begins its epoch in both streams all the same.
  world.start();
  CHECK(world.records("epoch_start").size() == 4);
}

TEST_CASE("what the controller has makes room first, is recorded as such, and is no gap") {
  CrashDisk under;
  Keeping world(under);
  world.journal_bytes_max = 60'000;
  world.begin();
  world.link_up();
  for (int i = 0; i < 200; ++i) {
    world.break_routine();
    world.break_urgent();
    while (world.acknowledge_all() > 0) {
    }
    world.advance(limits::checkpoint_write_ns / 4);
  }
  CHECK(world.journal_bytes() < 66'000);
  CHECK(world.gaps().empty());
  const auto trimmed = world.records("journal_trimmed");
  REQUIRE(!trimmed.empty());
  CHECK(word(trimmed.back(), "reason") == "journal_full");
  CHECK(world.records("receipt").size() < 400);  // not all of them are still here
  std::map<Stream, std::uint64_t> next;
  for (const Bytes& bytes : world.courier.payloads(MessageType::batch)) {
    const auto header = read_own_batch(bytes)->header;
    CHECK(header.first == next[header.stream]);
    next[header.stream] = header.first + header.count;
  }
  CHECK(next[Stream::routine] == world.agent->recorder().durable_records(Stream::routine));
  // Nothing that a start needs has gone.
  world.start();
  CHECK(world.records("journal_damaged").empty());
  CHECK(world.records("epoch_start").back().body.find("previous") != nullptr);
}

TEST_CASE("routine records make way for urgent ones, oldest first, and the gap names their chain") {
  CrashDisk under;
  Keeping world(under);
  world.journal_bytes_max = 60'000;
  world.begin();
  for (int i = 0; i < 60; ++i) world.break_routine();
  std::size_t urgent = 0;
  while (world.recorder().journal(Stream::routine).spare_segment()) {
    world.break_urgent();
    REQUIRE(++urgent < 500);
  }
  const std::uint64_t before = world.agent->recorder().durable_records(Stream::urgent);
  for (int i = 0; i < 40; ++i) world.break_urgent();
  CHECK(world.journal_bytes() < 66'000);
  CHECK(world.agent->recorder().durable_records(Stream::urgent) < before + 40);  // these go last
  std::uint64_t wanted = 0;
  for (const Record& gap : world.gaps()) {
    if (gap.body.find("epoch") == nullptr) continue;
    CHECK(word(gap, "stream") == "routine");
    CHECK(number(gap, "first") == wanted);
    wanted = number(gap, "last") + 1;
    CHECK(number(gap, "count") == wanted - number(gap, "first"));
    CHECK(gap.body.find("header")->binary()->size() == 32);
  }
  CHECK(wanted > 10);

  // The heartbeat tells of it, so that the controller can go on behind it; no second record does.
  const std::size_t told = world.gaps().size();
  world.link_up();
  while (world.acknowledge_all() > 0) {
  }
  bool is_told = false;
  for (const Bytes& bytes : world.courier.payloads(MessageType::heartbeat)) {
    const auto beat = decode_heartbeat(parse_signed_object(bytes, ObjectType::heartbeat)->payload);
    for (const ChainGap& gap : beat->gaps)
      is_told = is_told || (gap.first == 0 && gap.last == wanted - 1);
  }
  CHECK(is_told);
  world.advance(limits::heartbeat_interval_ns);
  CHECK(world.last_heartbeat()->gaps.empty());
  std::size_t of_chains = 0;
  for (const Record& gap : world.gaps()) of_chains += gap.body.find("epoch") != nullptr ? 1 : 0;
  CHECK(of_chains <= told);
}

TEST_CASE("a lasting EIO in an old segment is a record, and what lies behind it is still sent") {
  CrashDisk under;
  WornDisk disk(under);
  Keeping world(disk);
  world.segment_bytes_max = 20'000;
  world.begin();
  for (int i = 0; i < 60; ++i) world.break_urgent();
  disk.spoil(segment_name(Stream::urgent, 1), 8'192, 12'288);
  const std::uint64_t all = world.agent->recorder().durable_records(Stream::urgent);
  world.link_up();
  for (int i = 0; i < 4 * limits::read_refusals_max; ++i) {
    world.advance(limits::ack_timeout_ns);
    while (world.acknowledge_all() > 0) {
    }
  }
  CHECK(disk.reads_refused() > 0);
  disk.spoil(segment_name(Stream::urgent, 1), 0, 0);  // so that the test can read what it says
  const auto damaged = world.records("journal_damaged");
  REQUIRE(damaged.size() == 1);
  CHECK(number(damaged[0], "segment") == 1);
  CHECK(number(damaged[0], "offset") < 8'192);
  CHECK(number(damaged[0], "offset") + number(damaged[0], "bytes") >= 12'288);
  std::set<std::uint64_t> sent;
  for (const Bytes& bytes : world.courier.payloads(MessageType::batch)) {
    const auto header = read_own_batch(bytes)->header;
    if (header.stream != Stream::urgent) continue;
    for (std::uint64_t i = 0; i < header.count; ++i) sent.insert(header.first + i);
  }
  const auto gaps = world.gaps();
  REQUIRE(gaps.size() == 1);
  CHECK(word(gaps[0], "reason") == "not_readable");
  std::uint64_t missing = 0;
  for (std::uint64_t i = 0; i < all; ++i) {
    if (sent.contains(i)) continue;
    ++missing;
    CHECK(number(gaps[0], "first") <= i);
    CHECK(number(gaps[0], "last") >= i);
  }
  CHECK(missing == number(gaps[0], "count"));
  CHECK(missing > 0);
  CHECK(missing < 12);
}

TEST_CASE("a disk that refuses to read for a while loses nothing") {
  CrashDisk under;
  WornDisk disk(under);
  Keeping world(disk);
  world.segment_bytes_max = 20'000;
  world.begin();
  for (int i = 0; i < 60; ++i) world.break_urgent();
  disk.spoil(segment_name(Stream::urgent, 1), 0, 20'000);
  world.link_up();
  for (int i = 0; i < 2; ++i) world.advance(limits::ack_timeout_ns);
  CHECK(disk.reads_refused() > 0);
  disk.spoil(segment_name(Stream::urgent, 1), 0, 0);
  for (int i = 0; i < 3; ++i) {
    world.advance(limits::ack_timeout_ns);
    while (world.acknowledge_all() > 0) {
    }
  }
  CHECK(world.records("journal_damaged").empty());
  CHECK(world.gaps().empty());
}

TEST_CASE("on a full disk the reserve lets a stop leave its gap and its last record") {
  for (const std::size_t reserve : {std::size_t{0}, std::size_t{200'000}}) {
    CrashDisk under;
    WornDisk disk(under);
    Keeping world(disk);
    world.reserve_bytes = reserve;
    world.begin();
    disk.set_capacity(disk.used());
    for (int i = 0; i < 30; ++i) world.break_urgent();
    CHECK(disk.appends_refused() > 0);
    world.stop();
    const bool is_clean = !world.records("agent_stop").empty();
    CHECK(is_clean == (reserve > 0));
    if (reserve == 0) continue;
    const auto gaps = world.gaps();
    REQUIRE(gaps.size() == 1);
    CHECK(word(gaps[0], "reason") == "disk_full");
    CHECK(number(gaps[0], "count") >= 29);
    CHECK(world.records().back().type != "unclean_stop");
    // With room again the reserve is there again, and the start finds a clean stop.
    disk.set_capacity(UINT64_MAX);
    world.start();
    CHECK(world.records("unclean_stop").empty());
    CHECK(disk.read(paths::journal_reserve, reserve)->has_value());
  }
}

TEST_CASE("a gap that lasts on a refusing disk does not keep a core busy") {
  CrashDisk under;
  WornDisk disk(under);
  Keeping world(disk);
  world.begin();
  disk.set_capacity(0);
  for (std::size_t i = 0; i < 10; ++i) world.break_urgent();
  for (std::size_t i = 0; i < 2 * limits::pending_records_max; ++i)
    world.recorder().record(example_receipt("/x"));
  world.advance(2 * limits::gap_record_ns);
  CHECK(disk.appends_refused() > 0);
  CHECK(world.agent->step() > world.clock.monotonic_ns());
}
