// Which acknowledgements count for an agent, what it makes of a ledger that was rewritten, and what
// its journal lets go of.
#include "agent/ledger_watch.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "agent/agent_limits.h"
#include "common/paths.h"
#include "tests/agent/agent_world.h"
#include "tests/golden.h"

using namespace reeve;
using namespace reeve::testing;

namespace {

namespace fixture = trust_fixture;

const std::string secret = "/etc/secret";
const std::string motd = "/etc/motd";

struct Watching : AgentWorld {
  Watching() { furnish(); }
  explicit Watching(Disk& on) : AgentWorld(on) { furnish(); }
  void furnish() {
    host.add_file(secret, 0600);
    host.add_file(motd, 0600);
    ledger.grow(5);  // of others, before this node came
  }
  void begin() {
    start();
    std::vector<Rule> rules{file_rule("urgent", secret),
                            file_rule("routine", motd, "0600", Severity::medium)};
    for (Rule& rule : rules)
      rule.breaker.fixes_first_minute = rule.breaker.fixes_per_hour =
          rule.breaker.agent_fixes_per_minute = 1'000'000;
    push(1, rules);
    link_up();
    acknowledge_keys();
    acknowledge_all();
  }
  void break_one(const std::string& path, WatchId rule) {
    host.add_file(path, 0666);
    wake(rule, path);
    settle();
    REQUIRE(host.at(path).mode == 0600);
  }
  void break_both() {
    break_one(secret, 0);
    break_one(motd, 1);
  }
  // The next batch, which nobody has acknowledged.
  Batch send_one() {
    const auto before = courier.payloads(MessageType::batch).size();
    break_one(secret, 0);
    const auto sent = courier.payloads(MessageType::batch);
    REQUIRE(sent.size() > before);
    return *read_own_batch(sent[before]);
  }
  bool is_on_its_way(const Batch& batch) const {
    return std::ranges::any_of(courier.payloads(MessageType::batch), [&](const Bytes& sent) {
      return read_own_batch(sent)->header == batch.header;
    });
  }
  // All but what shows which keys are this node's.
  void forget_sent() {
    std::erase_if(courier.sent, [](const Bytes& message) {
      return decode_message(message)->type != MessageType::succession;
    });
  }
  // Whether it is sent once more when its time has come.
  bool is_sent_again(const Batch& batch) {
    forget_sent();
    advance(limits::ack_timeout_ns_max);
    return is_on_its_way(batch);
  }
  void hear(const Acknowledgement& answer) {
    AgentWorld::hear(MessageType::acknowledgement, encode_acknowledgement(answer));
  }
  using AgentWorld::hear;
  TreeView accepted() const { return agent->ledger().accepted(); }
  std::uint32_t first_segment(Stream stream) const {
    return const_cast<Recorder&>(agent->recorder()).journal(stream).begin().segment;
  }
  std::string error() const { return std::string(agent->ledger().trouble()); }
};

// What spoils a proof, by name.
struct Spoiling {
  std::string name;
  std::function<void(Acknowledgement&)> spoil;
};

// Of all batches in both journals.
std::set<Digest> headers_in(Disk& disk, const NodeId& node) {
  std::set<Digest> out;
  for (const Stream stream : {Stream::urgent, Stream::routine}) {
    const auto recovered = recover_journal(disk, stream);
    REQUIRE(recovered.ok());
    Journal journal(disk, {stream, node}, recovered->segments, recovered->newest);
    for (JournalPosition at = journal.begin();;) {
      auto stored = journal.read_batch(at);
      if (!stored.ok() || !stored->has_value()) break;
      at = (*stored)->next;
      out.insert(read_own_batch((*stored)->bytes)->header_digest());
    }
  }
  return out;
}

Bytes signed_by(std::uint8_t key, const TreeView& tree, const std::string& origin) {
  return bytes_of(sign_checkpoint({origin, tree}, fixture::key(key)));
}

std::vector<Spoiling> spoilings() {
  const std::string origin = fixture::root().origin;
  return {
      {"no proof at all",
       [](Acknowledgement& a) {
         a.leaf_index = a.tree_size = a.consistent_from = 0;
         a.inclusion.clear();
         a.consistency.clear();
         a.checkpoint.clear();
       }},
      {"no checkpoint", [](Acknowledgement& a) { a.checkpoint.clear(); }},
      {"no inclusion", [](Acknowledgement& a) { a.inclusion.clear(); }},
      {"a flipped inclusion", [](Acknowledgement& a) { a.inclusion[0].data[3] ^= 1; }},
      {"one hash more", [](Acknowledgement& a) { a.inclusion.push_back(a.inclusion[0]); }},
      {"another leaf", [](Acknowledgement& a) { a.leaf_index -= 1; }},
      {"a leaf behind the tree", [](Acknowledgement& a) { a.leaf_index = a.tree_size; }},
      {"another tree's size", [](Acknowledgement& a) { a.tree_size += 1; }},
      {"a proof from elsewhere", [](Acknowledgement& a) { a.consistent_from -= 1; }},
      {"a proof from nothing", [](Acknowledgement& a) { a.consistent_from = 0; }},
      {"a stranger's checkpoint",
       [=](Acknowledgement& a) {
         const auto tree = decode_checkpoint_text(decode_note(text_of(a.checkpoint))->text)->tree;
         a.checkpoint = signed_by(fixture::stranger_key, tree, origin);
       }},
      {"another log's checkpoint",
       [=](Acknowledgement& a) {
         const auto tree = decode_checkpoint_text(decode_note(text_of(a.checkpoint))->text)->tree;
         a.checkpoint = signed_by(fixture::ledger_key, tree, "another.example/ledger");
       }},
      {"noise for a checkpoint", [](Acknowledgement& a) { a.checkpoint = Bytes(300, 0x61); }},
  };
}

}  // namespace

TEST_CASE("an acknowledgement that is not proven changes nothing, however its proof is spoilt") {
  for (const Spoiling& spoiling : spoilings()) {
    CAPTURE(spoiling.name);
    Watching world;
    world.begin();
    world.ledger.grow(3);
    const TreeView before = world.accepted();
    const Batch batch = world.send_one();
    Acknowledgement honest = world.answer_to(batch);
    Acknowledgement lie = honest;
    spoiling.spoil(lie);
    world.hear(lie);
    CHECK(world.is_sent_again(batch));
    // What a checkpoint alone may do: be accepted where it holds, whatever is claimed beside it.
    CHECK((world.accepted() == before || world.accepted() == world.ledger.tree()));
    CHECK(world.error().empty());
    CHECK(world.records("ledger_rewritten").empty());
    // It asks from where the controller is to prove, and is content with that.
    CHECK(!world.courier.payloads(MessageType::checkpoint_held).empty());
    world.hear(world.answer_to(batch));
    CHECK(world.accepted() == world.ledger.tree());
    CHECK(!world.is_sent_again(batch));
  }
}

TEST_CASE("the first checkpoint is believed, and each later one that has grown out of it") {
  Watching world;
  world.begin();
  for (std::size_t i = 0; i < 40; ++i) {
    world.ledger.grow(i % 7);
    world.break_both();
    CHECK(world.acknowledge_all() > 0);
    CHECK(world.accepted() == world.ledger.tree());
  }
  CHECK(world.error().empty());
  world.advance(limits::heartbeat_interval_ns);
  CHECK(world.last_heartbeat()->ledger ==
        LedgerSeen{world.accepted().size, world.accepted().root, ""});
}

TEST_CASE("one checkpoint is for all acknowledgements that leave after one commit") {
  Watching world;
  world.begin();
  std::vector<Batch> batches;
  for (int i = 0; i < 5; ++i) batches.push_back(world.send_one());
  std::vector<Acknowledgement> answers;
  for (const Batch& batch : batches) static_cast<void>(world.ledger.append(batch.header_object));
  for (const Batch& batch : batches) answers.push_back(world.answer_to(batch));
  for (std::size_t i = 1; i < answers.size(); ++i) answers[i].checkpoint.clear();
  for (const Acknowledgement& answer : answers) world.hear(answer);
  for (const Batch& batch : batches) CHECK(!world.is_sent_again(batch));
}

TEST_CASE("a link that comes up begins with what the agent holds, before anything is signed") {
  Watching world;
  world.begin();
  const std::uint64_t held = world.accepted().size;
  REQUIRE(held > 0);
  world.courier.sent.clear();
  world.hear(MessageType::link_state, Bytes{0, 1});
  world.hear(MessageType::link_state, Bytes{1, 1});
  REQUIRE(!world.courier.sent.empty());
  const auto first = decode_message(world.courier.sent.front());
  CHECK(first->type == MessageType::checkpoint_held);
  CHECK(ByteReader(first->payload).u64() == held);
}

TEST_CASE("however much is not proven, the agent asks once a second") {
  Watching world;
  world.begin();
  const Batch batch = world.send_one();
  Acknowledgement lie = claim_of(batch);
  lie.tree_size = 77;
  world.forget_sent();
  for (int i = 0; i < 50; ++i) world.hear(lie);  // within a second
  CHECK(world.courier.payloads(MessageType::checkpoint_held).size() <= 2);
  world.advance(limits::checkpoint_ask_ns);
  CHECK(world.courier.payloads(MessageType::checkpoint_held).size() <= 3);
  const auto before = world.courier.payloads(MessageType::checkpoint_held).size();
  for (int i = 0; i < 20; ++i) world.advance(limits::checkpoint_ask_ns);  // nothing more to ask
  CHECK(world.courier.payloads(MessageType::checkpoint_held).size() == before);
}

TEST_CASE("a signed checkpoint that contradicts the accepted one is refused, recorded and told") {
  Watching world;
  world.begin();
  const TreeView accepted = world.accepted();
  TestLedger honest = world.ledger;
  world.ledger.rewrite(2, sha256(view_of("another leaf")));
  const Batch batch = world.send_one();
  const Acknowledgement lie = world.answer_to(batch);
  world.forget_sent();
  world.hear(lie);
  CHECK(world.accepted() == accepted);
  CHECK(world.error() == "ledger_rewritten");
  CHECK(world.is_sent_again(batch));
  const auto records = world.records("ledger_rewritten");
  REQUIRE(records.size() == 1);
  const Value& body = records[0].body;
  CHECK(body.find("size")->natural() == accepted.size);
  CHECK(body.find("other_size")->natural() == lie.tree_size);
  // Both notes are there: whoever has the ledger key can tell them from anybody's.
  const std::array keys{fixture::key(fixture::ledger_key).public_key()};
  const std::string origin = fixture::root().origin;
  CHECK(verify_checkpoint(*body.find("accepted")->text(), origin, keys)->tree == accepted);
  CHECK(verify_checkpoint(*body.find("other")->text(), origin, keys)->tree == world.ledger.tree());
  // At once, not when the next heartbeat is due.
  CHECK(world.last_heartbeat()->ledger.error == "ledger_rewritten");
  Value status(world.agent->status());
  CHECK(*status.find("ledger_error")->text() == "ledger_rewritten");
  // The same one again is no news.
  world.hear(lie);
  CHECK(world.records("ledger_rewritten").size() == 1);
  // The true ledger still counts, and what was seen stays said.
  world.ledger = honest;
  world.ledger.held = accepted.size;
  world.hear(world.answer_to(batch));
  CHECK(!world.is_sent_again(batch));
  CHECK(world.error() == "ledger_rewritten");
}

TEST_CASE("a checkpoint of the accepted size and another root is a contradiction by itself") {
  Watching world;
  world.begin();
  const TreeView accepted = world.accepted();
  Acknowledgement lie;
  lie.node = world.identity.certificate.node;
  lie.checkpoint = signed_by(fixture::ledger_key, {accepted.size, sha256(view_of("other"))},
                             fixture::root().origin);
  world.hear(lie);
  CHECK(world.error() == "ledger_rewritten");
  CHECK(world.accepted() == accepted);
}

TEST_CASE("whoever signs contradictions without end fills no journal") {
  Watching world;
  world.begin();
  Acknowledgement lie;
  lie.node = world.identity.certificate.node;
  const auto contradict = [&](std::uint64_t number) {
    Bytes text;
    append_u64(text, number);
    lie.checkpoint = signed_by(fixture::ledger_key, {world.accepted().size, sha256(text)},
                               fixture::root().origin);
    world.hear(lie);
  };
  for (std::uint64_t i = 0; i < 100; ++i) contradict(i);
  CHECK(world.records("ledger_rewritten").size() == limits::rewrites_recorded_max);
  world.advance(limits::rewrites_interval_ns);
  contradict(100);
  const auto records = world.records("ledger_rewritten");
  REQUIRE(records.size() == limits::rewrites_recorded_max + 1);
  CHECK(records.back().body.find("more")->natural() == 100 - limits::rewrites_recorded_max);
}

TEST_CASE("a ledger with fewer leaves is not believed, and shown for as long as it stays so") {
  Watching world;
  world.begin();
  const TreeView accepted = world.accepted();
  TestLedger whole = world.ledger;
  world.ledger.cut(4);
  const Batch batch = world.send_one();
  world.hear(world.answer_to(batch));
  CHECK(world.accepted() == accepted);
  CHECK(world.error() == "ledger_shorter");
  CHECK(world.records("ledger_rewritten").empty());
  CHECK(world.is_sent_again(batch));
  CHECK(world.last_heartbeat()->ledger.error == "ledger_shorter");
  world.ledger = whole;
  world.ledger.held = accepted.size;
  world.hear(world.answer_to(batch));
  CHECK(world.error().empty());
}

TEST_CASE("a new ledger key counts from the root that names it on, and the old one no more") {
  Watching world;
  world.begin();
  constexpr std::uint8_t next_key = 41;
  Root next = fixture::root();
  next.version += 1;
  next.ledger = fixture::role({next_key});
  const Batch first = world.send_one();
  const auto with_key = [&](std::uint8_t key, const Batch& batch) {
    Acknowledgement answer = world.answer_to(batch);
    answer.checkpoint = signed_by(key, world.ledger.tree(), fixture::root().origin);
    return answer;
  };
  const TreeView before = world.accepted();
  world.hear(with_key(next_key, first));
  CHECK(world.accepted() == before);
  world.hear(MessageType::root,
             fixture::sealed(ObjectType::root, encode_root(next), {fixture::root_key}));
  world.ledger.held = before.size;
  world.hear(with_key(next_key, first));
  CHECK(world.accepted() == world.ledger.tree());
  const Batch second = world.send_one();
  world.hear(with_key(fixture::ledger_key, second));
  CHECK(world.is_sent_again(second));
  CHECK(world.error().empty());
}

TEST_CASE("successions of record keys are proven like batches") {
  Watching world;
  world.start();
  world.link_up();
  const auto statements = world.courier.payloads(MessageType::succession);
  REQUIRE(statements.size() == 1);
  Acknowledgement claim;
  claim.node = world.identity.certificate.node;
  claim.last = 1;
  claim.header = sha256(statements[0]);
  world.hear(claim);
  world.courier.sent.clear();
  world.advance(limits::ack_timeout_ns);
  CHECK(world.courier.payloads(MessageType::succession).size() == 1);
  world.acknowledge_keys();
  world.courier.sent.clear();
  world.advance(limits::ack_timeout_ns);
  CHECK(world.courier.payloads(MessageType::succession).empty());
}

TEST_CASE("the accepted checkpoint outlives a stop, and a rewrite before it is found after one") {
  Watching world;
  world.begin();
  const TreeView accepted = world.accepted();
  world.stop();
  world.start();
  CHECK(world.accepted() == accepted);
  world.link_up();
  world.ledger.rewrite(0, sha256(view_of("another leaf")));
  const Batch batch = world.send_one();
  world.hear(world.answer_to(batch));
  CHECK(world.accepted() == accepted);
  CHECK(world.error() == "ledger_rewritten");
}

TEST_CASE("the accepted checkpoint is written byte for byte as its golden file") {
  CrashDisk disk;
  REQUIRE(disk.make_directory("trust").ok());
  TestLedger ledger;
  ledger.grow(5);
  Acknowledgement answer;
  ledger.prove(answer, 2);
  LedgerWatch watch(disk, fixture::root().origin);
  watch.hear(answer, fixture::root(), 0);
  watch.keep(0);
  check_golden("accepted_checkpoint.bin", **disk.read(paths::accepted_checkpoint, 8'192));
  CHECK(LedgerWatch(disk, fixture::root().origin).accepted() == ledger.tree());
}

TEST_CASE("a checkpoint that cannot be read back is told of, and the next one is believed") {
  Watching world;
  world.begin();
  world.stop();
  Bytes file = **world.disk.read(paths::accepted_checkpoint, 8'192);
  for (std::size_t at : {std::size_t{0}, std::size_t{5}, std::size_t{12}, file.size() - 1}) {
    Bytes damaged = file;
    damaged[at] ^= 1;
    REQUIRE(replace_file(world.disk, paths::accepted_checkpoint, damaged).ok());
    CHECK(LedgerWatch(world.disk, fixture::root().origin).is_lost());
  }
  REQUIRE(replace_file(world.disk, paths::accepted_checkpoint, ByteView(file).first(20)).ok());
  world.start();
  CHECK(world.records("checkpoint_lost").size() == 1);
  world.link_up();
  world.send_one();
  CHECK(world.acknowledge_all() > 0);
  CHECK(world.accepted() == world.ledger.tree());
}

TEST_CASE("whenever the power goes, what is gone is under the checkpoint that is left") {
  std::uint64_t gone = 0;
  std::uint64_t older = 0;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    Watching world;
    world.acknowledged_bytes_max = 0;
    world.segment_bytes_max = 2'000;
    world.begin();
    std::vector<TreeView> seen{{}, world.accepted()};
    std::map<Digest, std::uint64_t> proven;  // the size of the tree that each batch was proven in
    for (std::uint64_t i = 0; i < 10 + seed % 7; ++i) {
      world.forget_sent();
      world.break_both();
      for (const Bytes& sent : world.courier.payloads(MessageType::batch)) {
        const auto batch = read_own_batch(sent);
        world.hear(world.answer_to(*batch));
        proven[batch->header_digest()] = world.accepted().size;
        seen.push_back(world.accepted());
      }
      world.advance(limits::acknowledged_write_ns + 100'000'000 * static_cast<std::int64_t>(seed));
    }
    const auto left = world.own_disk.crash(seed);
    const LedgerWatch after(*left, fixture::root().origin);
    CHECK(!after.is_lost());
    CHECK(std::ranges::find(seen, after.accepted()) != seen.end());
    if (after.accepted() != world.accepted()) ++older;
    const auto there = headers_in(*left, world.identity.certificate.node);
    for (const auto& [header, size] : proven) {
      if (there.contains(header)) continue;
      ++gone;
      CHECK(size <= after.accepted().size);
    }
  }
  CHECK(gone > 100);
  CHECK(older > 10);
}

TEST_CASE("what is acknowledged and no more proven than that is never trimmed") {
  Watching world;
  world.acknowledged_bytes_max = 0;
  world.begin();
  world.advance(limits::checkpoint_write_ns);
  const auto urgent = world.first_segment(Stream::urgent);
  const auto routine = world.first_segment(Stream::routine);
  for (int i = 0; i < 60; ++i) {
    world.break_both();
    for (const Bytes& sent : world.courier.payloads(MessageType::batch))
      world.courier.incoming.push_back(encode_message(
          MessageType::acknowledgement, encode_acknowledgement(claim_of(*read_own_batch(sent)))));
    world.forget_sent();
    world.advance(limits::checkpoint_write_ns);
  }
  CHECK(world.first_segment(Stream::urgent) == urgent);
  CHECK(world.first_segment(Stream::routine) == routine);
  CHECK(world.records("journal_trimmed").empty());
}

TEST_CASE("what is proven is kept for 7 days, over restarts, and then goes oldest first") {
  Watching world;
  world.begin();
  for (int i = 0; i < 40; ++i) {
    world.break_both();
    world.acknowledge_all();
  }
  const std::int64_t day_ns = 86'400'000'000'000;
  for (int day = 0; day < 6; ++day) {
    world.advance(day_ns);
    world.acknowledge_keys();
    world.acknowledge_all();
    if (day == 3) {
      world.stop();
      world.start();
      world.link_up();
    }
  }
  CHECK(world.first_segment(Stream::urgent) == 1);
  CHECK(world.first_segment(Stream::routine) == 1);
  CHECK(world.records("journal_trimmed").empty());
  world.advance(day_ns + 3'600'000'000'000);
  world.settle();
  CHECK(world.first_segment(Stream::urgent) > 1);
  CHECK(world.first_segment(Stream::routine) > 1);
  const auto trimmed = world.records("journal_trimmed");
  REQUIRE(!trimmed.empty());
  for (const Record& record : trimmed) CHECK(*record.body.find("reason")->text() == "age");
  world.start();
  CHECK(world.records("journal_damaged").empty());
}

TEST_CASE("of what is proven no more is kept than the bound, and both streams give") {
  Watching world;
  world.acknowledged_bytes_max = 40'000;
  world.begin();
  for (int i = 0; i < 150; ++i) {
    world.break_both();
    world.break_one(secret, 0);
    world.acknowledge_all();
    world.advance(limits::checkpoint_write_ns);
  }
  auto& recorder = const_cast<Recorder&>(world.agent->recorder());
  const std::uint64_t bytes =
      recorder.journal(Stream::urgent).bytes() + recorder.journal(Stream::routine).bytes();
  CHECK(bytes > 30'000);
  CHECK(bytes < 40'000 + 6 * world.segment_bytes_max);
  CHECK(world.first_segment(Stream::urgent) > 1);
  CHECK(world.first_segment(Stream::routine) > 1);
  for (const Record& record : world.records("journal_trimmed"))
    CHECK(*record.body.find("reason")->text() == "size");
  // Every chain is still whole from where it begins on, and a start finds all it needs.
  world.start();
  CHECK(world.records("journal_damaged").empty());
  CHECK(world.records("gap").empty());
}

TEST_CASE("marks of what was acknowledged when are few, and a clock that was wrong is taken back") {
  Retention kept;
  const std::int64_t now = 1'800'000'000;
  for (std::uint32_t i = 2; i < 500; ++i) kept.acknowledged(i, now + i);
  CHECK(kept.marks().size() <= 2);
  CHECK(kept.expired_before(now + limits::acknowledged_kept_s - 1) == 0);
  CHECK(kept.expired_before(now + limits::acknowledged_kept_s + 2 * 3'600) == 499);
  CHECK(kept.marks().empty());
  for (std::uint32_t i = 0; i < 3'000; ++i) kept.acknowledged(500 + i, now + i * 3'600);
  CHECK(kept.marks().size() <= limits::acknowledged_marks_max);
  // A clock ten years ahead when it was marked.
  Retention wrong;
  wrong.acknowledged(9, now + 315'000'000);
  CHECK(wrong.expired_before(now) == 0);
  CHECK(wrong.expired_before(now + limits::acknowledged_kept_s + 3'600) == 9);
}
