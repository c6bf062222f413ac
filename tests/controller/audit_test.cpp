// A ledger that was changed after it was written, in every way that we could think of: it is found,
// and the first leaf that it concerns is named.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "common/act.h"
#include "common/disk.h"
#include "common/key_succession.h"
#include "common/token.h"
#include "controller/audit/stored_ledger.h"
#include "controller/controller_limits.h"
#include "controller/log_files.h"
#include "tests/controller/world.h"
#include "tests/fakes/temporary_directory.h"

namespace reeve {
namespace {

struct Entry {
  Leaf leaf;
  std::optional<BatchRow> batch;
};

// A world with a ledger in which every kind of leaf stands that it can make.
struct AuditWorld : World {
  AuditWorld() {
    enroll(node);
    publish(1);
  }

  void add_batches(std::size_t count, std::size_t records) {
    for (std::size_t i = 0; i < count; ++i) {
      send(node, node.next_batch(i % 2 == 0 ? Stream::urgent : Stream::routine, records));
    }
    step();
    received(node);
  }

  // The next key, and what it signs from here on.
  void rotate() {
    SigningKey next = SigningKey::generate();
    KeySuccession link;
    link.node = node.id;
    link.number = 1;
    link.key = next.public_key();
    link.wall_ns = clock.wall_ns();
    link.ended = node.epoch;
    for (const Stream stream : {Stream::urgent, Stream::routine}) {
      const BatchHeader header = node.next_header(stream);
      link.ends[static_cast<std::size_t>(stream)] = {header.first, header.previous};
    }
    const Epoch before = node.epoch;
    node.begin_epoch(before);
    link.epoch = node.epoch;
    send(node, MessageType::succession, seal_succession(link, node.key));
    step();
    received(node);
    node.key = std::move(next);
  }

  std::vector<Entry> entries() const {
    std::vector<Entry> out;
    const auto batches = store->batches({}, 100'000);
    REQUIRE(batches.ok());
    for (std::uint64_t i = 0; i < controller->tree_size(); ++i) {
      const auto leaf = store->leaf(i);
      REQUIRE(leaf.ok());
      out.push_back({**leaf, std::nullopt});
      for (const BatchRow& batch : *batches) {
        if (batch.leaf == i) out.back().batch = batch;
      }
    }
    return out;
  }

  TestNode node{"web1"};
};

// A copy of a world's store in a directory of its own, to be changed.
class Copy {
 public:
  explicit Copy(const World& world)
      : ledger_key_(world.fleet.ledger_key), origin_(world.fleet.root.origin) {
    REQUIRE(backup_sqlite_store(world.maker.path(), path()).ok());
    trust_.roots = {world.fleet.root};
  }

  std::string path() const { return directory_.path() + "/ledger.db"; }
  std::string directory() const { return directory_.path(); }
  AuditTrust& trust() { return trust_; }

  void change(const std::string& sql) const {
    auto connection = SqliteConnection::open(path());
    REQUIRE(connection.ok());
    const auto done = (*connection)->run_script(sql.c_str());
    CAPTURE(sql);
    CAPTURE((done.ok() ? std::string() : done.error().detail));
    REQUIRE(done.ok());
  }

  // What somebody with the ledger's key can do: the tree and its checkpoint anew.
  void reseal() const {
    auto store = SqliteStore::open(path());
    REQUIRE(store.ok());
    const auto hashes = (*store)->leaf_hashes(0, 100'000);
    REQUIRE(hashes.ok());
    TreeHead head;
    for (const Digest& hash : *hashes) head.append(hash);
    REQUIRE((*store)->begin().ok());
    REQUIRE((*store)->put_tree_head(head).ok());
    REQUIRE(
        (*store)
            ->put_checkpoint(sign_checkpoint({origin_, {head.size(), head.root()}}, ledger_key_))
            .ok());
    REQUIRE((*store)->commit().ok());
  }

  LedgerAudit audit() const {
    const auto ledger = StoredLedger::open(directory(), "");
    CAPTURE((ledger.ok() ? std::string() : ledger.error().detail));
    REQUIRE(ledger.ok());
    auto outcome =
        audit_ledger((*ledger)->store(), (*ledger)->published(), trust_, [](std::uint64_t) {});
    CAPTURE((outcome.ok() ? std::string() : outcome.error().detail));
    REQUIRE(outcome.ok());
    CHECK((*ledger)->require_unchanged().ok());
    return *std::move(outcome);
  }

  // "NAME LEAF" of the first fault; empty where all holds.
  std::string found() const {
    const auto outcome = audit();
    if (!outcome.fault) return "";
    return outcome.fault->error.name + " " + std::to_string(outcome.fault->leaf);
  }

 private:
  TemporaryDirectory directory_;
  const SigningKey& ledger_key_;
  std::string origin_;
  AuditTrust trust_;
};

std::string after(const World& world, const std::string& sql) {
  const Copy copy(world);
  copy.change(sql);
  return copy.found();
}

std::string after_reseal(const World& world, const std::string& sql) {
  const Copy copy(world);
  copy.change(sql);
  copy.reseal();
  return copy.found();
}

template <class Change>
void for_each_bit(Bytes& bytes, std::size_t stride, Change change) {
  for (std::size_t bit = 0; bit < bytes.size() * 8; bit += stride) {
    const auto mask = static_cast<std::uint8_t>(1u << (bit % 8));
    bytes[bit / 8] ^= mask;
    change();
    bytes[bit / 8] ^= mask;
  }
}

template <std::size_t N, class Change>
void for_each_bit(FixedBytes<N>& bytes, Change change) {
  for (std::size_t bit = 0; bit < N * 8; ++bit) {
    const auto mask = static_cast<std::uint8_t>(1u << (bit % 8));
    bytes.data[bit / 8] ^= mask;
    change();
    bytes.data[bit / 8] ^= mask;
  }
}

template <class Change>
void for_each_bit(std::uint64_t& number, Change change) {
  for (unsigned bit = 0; bit < 64; ++bit) {
    number ^= std::uint64_t{1} << bit;
    change();
    number ^= std::uint64_t{1} << bit;
  }
}

// Bits of one leaf and of the batch beside it, after the leaves before it. Gives back how many.
std::size_t flip_bits(const LedgerWalk& before, Entry entry, std::size_t stride) {
  std::size_t flips = 0;
  const auto expect_found = [&] {
    LedgerWalk walk = before;
    ++flips;
    if (walk.take(entry.leaf, entry.batch ? &*entry.batch : nullptr).ok())
      FAIL_CHECK("flip " << flips << " of leaf " << entry.leaf.index << " was not found");
  };
  for_each_bit(entry.leaf.object, stride, expect_found);
  for_each_bit(entry.leaf.hash, expect_found);
  // As well where whoever flipped it has put the hashes right.
  const Entry whole = entry;
  for_each_bit(entry.leaf.object, stride, [&] {
    entry.leaf.hash = leaf_hash(entry.leaf.object);
    if (entry.batch) entry.batch->header = sha256(entry.leaf.object);
    expect_found();
  });
  entry = whole;
  const auto type = static_cast<std::uint8_t>(entry.leaf.type);
  for (unsigned bit = 0; bit < 8; ++bit) {
    entry.leaf.type = static_cast<ObjectType>(type ^ (1u << bit));
    expect_found();
  }
  entry.leaf.type = static_cast<ObjectType>(type);
  if (!entry.batch) return flips;
  for_each_bit(entry.batch->bodies, stride, expect_found);
  for_each_bit(entry.batch->node, expect_found);
  for_each_bit(entry.batch->header, expect_found);
  for_each_bit(entry.batch->first, expect_found);
  for_each_bit(entry.batch->count, expect_found);
  entry.batch->standing = Standing::equivocation;
  expect_found();
  return flips;
}

std::size_t flip_every_bit(const AuditWorld& world, std::size_t stride = 1) {
  LedgerWalk walk({world.fleet.root});
  std::size_t flips = 0;
  for (const Entry& entry : world.entries()) {
    flips += flip_bits(walk, entry, stride);
    REQUIRE(walk.take(entry.leaf, entry.batch ? &*entry.batch : nullptr).ok());
  }
  return flips;
}

// With everything that operators enter as well.
struct BusyWorld : AuditWorld {
  BusyWorld() {
    const std::int64_t now_s = clock.wall_ns() / second_ns;
    Token token;
    token.key = SigningKey::generate().public_key();
    token.fleet = fleet.root.fleet;
    token.root = sha256(encode_root(fleet.root));
    token.controller = fleet.transport.public_key;
    token.enroll_address = "tcp://localhost:1";
    token.nodes_address = "tcp://localhost:2";
    token.name = "*";
    token.created_s = now_s;
    token.expires_s = now_s + 3'600;
    ask("token", {{"token", seal_object(ObjectType::enrollment_token, encode_token(token),
                                        fleet.admin.key)}});
    Act act;
    act.fleet = fleet.root.fleet;
    act.id = random_bytes<16>();
    act.issued_s = now_s;
    act.until_s = now_s + 3'600;
    act.reason = "the deploy fights with it";
    ask("act", {{"act", seal_object(ObjectType::operator_act, encode_act(act), fleet.admin.key)}});
    ask("enroll", {{"certificate", node.certificate(fleet, 2)}});
    ask("root", {{"root", fleet.next_root(2)}});
    publish(2);
    add_batches(2, 2);
    TestNode other("web2");
    enroll(other);
    ask("retire", {{"node", other.id}, {"why", "gone"}});
  }
};

// Three records of a chain are lost; the node's last heartbeat has told of them.
struct HoleWorld : AuditWorld {
  struct Piece {
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    Digest header;
  };

  HoleWorld() {
    add_batches(2, 1);
    const BatchHeader lost = node.next_header(Stream::urgent);
    const Batch gone = node.next_batch(Stream::urgent, 3);
    gap = {lost.epoch, Stream::urgent, lost.first, lost.first + 2, gone.header_digest()};
    Heartbeat heartbeat = node.heartbeat();
    heartbeat.gaps = {gap};
    send(node, MessageType::heartbeat, node.sign_heartbeat(heartbeat));
    step();
    send(node, node.next_batch(Stream::urgent, 1));
    step();
    hole = "chain_hole " + std::to_string(controller->tree_size() - 1);
    clock.advance(limits::node_rows_interval_ns);
    step();
  }

  // What is found when these records account for it and the heartbeat has gone.
  std::string found_with(const std::vector<Piece>& pieces) {
    std::vector<SaltedRecord> records;
    for (const Piece& piece : pieces) {
      records.push_back({random_bytes<16>(), encode_record("gap", {1, 2}, {},
                                                           {{"stream", "urgent"},
                                                            {"reason", "not_readable"},
                                                            {"count", piece.last - piece.first + 1},
                                                            {"epoch", gap.epoch},
                                                            {"first", piece.first},
                                                            {"last", piece.last},
                                                            {"header", piece.header}})});
    }
    send(node, seal_batch(node.next_header(Stream::urgent), std::move(records), node.key));
    step();
    return after(*this, "UPDATE nodes SET heartbeat=x''");
  }

  ChainGap gap;
  std::string hole;
};

}  // namespace

TEST_CASE("a ledger that nobody has changed holds, and is told of") {
  AuditWorld world;
  world.add_batches(3, 4);
  world.rotate();
  world.add_batches(2, 3);
  world.reopen();
  const Copy copy(world);
  const auto audit = copy.audit();
  CHECK_FALSE(audit.fault.has_value());
  CHECK(audit.tree.size == world.controller->tree_size());
  CHECK(audit.origin == world.fleet.root.origin);
  CHECK(audit.counts.batches == 5);
  CHECK(audit.counts.records == 3 * 4 + 2 * 3);
  CHECK(audit.nodes == 1);
  CHECK(audit.counts.withheld == 0);
}

TEST_CASE("every bit of a small ledger that is flipped is found at its leaf") {
  AuditWorld world;
  world.add_batches(4, 1);
  world.rotate();
  world.add_batches(1, 1);
  CHECK(flip_every_bit(world) > 50'000);
}

TEST_CASE("what operators enter is judged as well, and bits of it that are flipped are found") {
  BusyWorld world;
  world.reopen();
  const Copy copy(world);
  const auto audit = copy.audit();
  CHECK_FALSE(audit.fault.has_value());
  CHECK(audit.root_version == 2);
  CHECK(audit.nodes == 2);
  const auto types = world.leaf_types();
  for (const ObjectType type :
       {ObjectType::root, ObjectType::manifest, ObjectType::node_certificate,
        ObjectType::enrollment_token, ObjectType::operator_act, ObjectType::operator_request,
        ObjectType::batch_header, ObjectType::tick}) {
    CAPTURE(static_cast<int>(type));
    CHECK(std::ranges::find(types, type) != types.end());
  }
  CHECK(flip_every_bit(world, std::getenv("REEVE_TEST_LONG") != nullptr ? 1 : 13) > 10'000);
}

TEST_CASE("every bit of a ledger of 1,000 records that is flipped is found at its leaf" *
          doctest::skip(std::getenv("REEVE_TEST_LONG") == nullptr)) {
  AuditWorld world;
  world.add_batches(100, 10);
  CHECK(flip_every_bit(world) > 1'000'000);
}

TEST_CASE("a ledger that is cut at any leaf is found, whatever was cut with it") {
  AuditWorld world;
  world.add_batches(4, 1);
  const auto size = world.controller->tree_size();
  for (std::uint64_t leaf = 0; leaf < size; ++leaf) {
    CAPTURE(leaf);
    const std::string at = std::to_string(leaf);
    const std::string cut = "DELETE FROM leaves WHERE leaf>=" + at;
    CHECK(after(world, cut) == "leaf_missing " + at);
    CHECK(after(world, cut + "; DELETE FROM batches WHERE leaf>=" + at) == "leaf_missing " + at);
    CHECK(after(world, "DELETE FROM leaves WHERE leaf=" + at) == "leaf_missing " + at);
  }
}

TEST_CASE("a ledger that is cut and sealed again is found by who has seen a later head") {
  AuditWorld world;
  world.add_batches(4, 1);
  const auto size = world.controller->tree_size();
  const Copy whole(world);
  const TreeView seen = whole.audit().tree;
  Copy copy(world);
  const std::string at = std::to_string(size - 1);
  copy.change(
      "DELETE FROM leaves WHERE leaf>=" + at + "; DELETE FROM batches WHERE leaf>=" + at +
      "; UPDATE chains SET next=(SELECT max(until) FROM batches WHERE chain=chains.id), "
      "last=(SELECT header FROM batches WHERE chain=chains.id ORDER BY until DESC LIMIT 1)");
  copy.reseal();
  CHECK(copy.found().empty());  // one that ends earlier is a ledger, too
  copy.trust().seen = {{world.fleet.root.origin, seen}};
  CHECK(copy.found() == "ledger_rewritten " + at);
}

TEST_CASE("leaves that change places are found, sealed again or not") {
  AuditWorld world;
  world.add_batches(6, 1);
  const auto size = world.controller->tree_size();
  for (std::uint64_t leaf = 0; leaf + 1 < size; ++leaf) {
    CAPTURE(leaf);
    const std::string a = std::to_string(leaf);
    const std::string b = std::to_string(leaf + 1);
    const auto swap = [&](const std::string& table) {
      return "UPDATE " + table + " SET leaf=-1 WHERE leaf=" + a + "; UPDATE " + table +
             " SET leaf=" + a + " WHERE leaf=" + b + "; UPDATE " + table + " SET leaf=" + b +
             " WHERE leaf=-1;";
    };
    const std::string objects =
        "CREATE TEMP TABLE t AS SELECT leaf, object FROM leaves WHERE leaf IN (" + a + "," + b +
        "); UPDATE leaves SET object=(SELECT object FROM t WHERE leaf=" + b + ") WHERE leaf=" + a +
        "; UPDATE leaves SET object=(SELECT object FROM t WHERE leaf=" + a + ") WHERE leaf=" + b;
    CHECK(after(world, objects) == "leaf_hash " + a);
    const std::string rows = swap("leaves") + swap("batches") + swap("successions");
    const std::string found = after(world, rows);
    CHECK_FALSE(found.empty());
    // The fault begins at the first of them, or at the subtree that both are in.
    CHECK(std::stoull(found.substr(found.find(' '))) <= leaf + 1);
  }
}

TEST_CASE("a batch that is taken out of the middle of a ledger which is sealed again is found") {
  AuditWorld world;
  world.add_batches(6, 2);
  const auto entries = world.entries();
  std::size_t tried = 0;
  for (const Entry& entry : entries) {
    // The last of each stream has none behind it that would name it.
    if (!entry.batch || entry.leaf.index + 2 >= entries.size()) continue;
    CAPTURE(entry.leaf.index);
    const std::string at = std::to_string(entry.leaf.index);
    const std::string found = after_reseal(
        world, "DELETE FROM leaves WHERE leaf=" + at + "; DELETE FROM batches WHERE leaf=" + at +
                   "; UPDATE leaves SET leaf=leaf-1 WHERE leaf>" + at +
                   "; UPDATE batches SET leaf=leaf-1 WHERE leaf>" + at);
    // The next batch of its stream, which is now one leaf earlier.
    CHECK(found == "chain_hole " + std::to_string(entry.leaf.index + 1));
    ++tried;
  }
  CHECK(tried == 4);
}

TEST_CASE("a tick keeps what stood before it, also from who has the ledger's key") {
  AuditWorld world;
  world.add_batches(2, 1);
  world.reopen();
  const auto types = world.leaf_types();
  REQUIRE(types.back() == ObjectType::tick);
  // The last batches' order is told by nothing but the tick behind them.
  const std::string a = std::to_string(types.size() - 3);
  const std::string b = std::to_string(types.size() - 2);
  std::string swap;
  for (const char* table : {"leaves", "batches"}) {
    swap += std::string("UPDATE ") + table + " SET leaf=-1 WHERE leaf=" + a + "; UPDATE " + table +
            " SET leaf=" + a + " WHERE leaf=" + b + "; UPDATE " + table + " SET leaf=" + b +
            " WHERE leaf=-1;";
  }
  CHECK(after_reseal(world, swap) == "tick_differs " + std::to_string(types.size() - 1));
}

TEST_CASE("what the store repeats of its leaves is compared with them") {
  AuditWorld world;
  world.add_batches(2, 2);
  const auto types = world.leaf_types();
  const auto at = [&](ObjectType type) {
    return std::to_string(std::ranges::find(types, type) - types.begin());
  };
  const std::string flipped = "=CAST(substr(object,1,20)||x'ff'||substr(object,22) AS BLOB)";
  CHECK(after(world, "UPDATE roots SET object" + flipped) ==
        "table_differs " + at(ObjectType::root));
  CHECK(after(world, "UPDATE manifests SET object" + flipped) ==
        "table_differs " + at(ObjectType::manifest));
  CHECK(after(world, "DELETE FROM manifests") == "table_differs " + at(ObjectType::manifest));
  CHECK(after(world, "UPDATE bundles SET bytes=x'00'") ==
        "table_differs " + at(ObjectType::manifest));
  CHECK(after(world, "UPDATE nodes SET certificate=x'00'") ==
        "table_differs " + at(ObjectType::node_certificate));
  CHECK(after(world,
              "UPDATE chains SET next=next+1 WHERE id=(SELECT chain FROM batches ORDER BY "
              "leaf DESC LIMIT 1)") == "table_differs " + std::to_string(types.size() - 1));
  CHECK(after(world, "INSERT INTO roots(version, object) VALUES(9, x'00')") == "table_differs 0");
  const std::string end = std::to_string(types.size());
  CHECK(after(world,
              "INSERT INTO batches SELECT 999, chain, node, first, until, tag, standing, "
              "header, bodies FROM batches LIMIT 1") == "stray_batch " + end);
  CHECK(after(world,
              "INSERT INTO batches SELECT 0, chain, node, first, until, tag, standing, "
              "header, bodies FROM batches LIMIT 1") == "stray_batch 0");
  CHECK(after(world, "DELETE FROM batches") == "batch_missing " + at(ObjectType::batch_header));
  CHECK(after(world, "UPDATE leaves SET stored=0 WHERE leaf=1") == "leaf_order 1");
}

TEST_CASE("head and checkpoint must be those of the leaves, and signed by the ledger's key") {
  AuditWorld world;
  world.add_batches(2, 2);
  const Copy other(world);
  const auto size = other.audit().tree.size;
  CHECK(after(world,
              "UPDATE meta SET value=substr(value,1,length(value)-1)||x'ff' "
              "WHERE key='tree_head'")
            .starts_with("tree_differs "));
  CHECK(after(world, "DELETE FROM meta WHERE key='checkpoint'") == "checkpoint_not_signed 0");
  CHECK(after(world, "UPDATE meta SET value=CAST(replace(CAST(value AS TEXT),'" +
                         std::to_string(size) + "','99') AS BLOB) WHERE key='checkpoint'") ==
        "checkpoint_not_signed 0");
  Copy copy(world);
  copy.trust().roots[0].expires_s += 1;
  CHECK(copy.found() == "root_mismatch 0");
  copy.trust().roots[0].version = 7;
  CHECK(copy.found() == "root_mismatch 0");
}

TEST_CASE("bodies that are not there any more are said to be withheld, and all else is judged") {
  AuditWorld world;
  world.add_batches(3, 2);
  const Copy copy(world);
  copy.change("UPDATE batches SET bodies=x'' WHERE leaf=(SELECT max(leaf) FROM batches)");
  const auto audit = copy.audit();
  CHECK_FALSE(audit.fault.has_value());
  CHECK(audit.counts.withheld == 1);
  CHECK(audit.counts.first_withheld == audit.tree.size - 1);
}

TEST_CASE("a hole that the node has accounted for is none") {
  HoleWorld world;
  // By the heartbeat, while that is the last one.
  const Copy copy(world);
  CHECK(copy.found().empty());
  copy.change("UPDATE nodes SET heartbeat=x''");
  CHECK(copy.found() == world.hole);
  // By records, a piece each; the last names the header that the batch behind them names.
  const ChainGap& gap = world.gap;
  CHECK(world.found_with({{gap.first, gap.first, {}}, {gap.first + 1, gap.last, gap.header}}) ==
        "");
}

TEST_CASE("a hole of which the node has told another thing is one") {
  const auto expect_hole = [](auto tell) {
    HoleWorld world;
    CHECK(world.found_with(tell(world.gap)) == world.hole);
  };
  using Pieces = std::vector<HoleWorld::Piece>;
  expect_hole([](const ChainGap& gap) { return Pieces{{gap.last, gap.last, gap.header}}; });
  expect_hole([](const ChainGap& gap) { return Pieces{{gap.first, gap.last, {}}}; });
  expect_hole([](const ChainGap& gap) { return Pieces{{gap.first, gap.last + 1, gap.header}}; });
  expect_hole([](const ChainGap& gap) {
    return Pieces{{gap.first, gap.last - 2, {}}, {gap.last, gap.last, gap.header}};
  });
}

TEST_CASE("a long ledger's tiles are judged, and the tile that differs is named") {
  AuditWorld world;
  world.add_batches(250, 1);
  world.add_batches(50, 1);
  REQUIRE(world.controller->tree_size() > 256);
  CHECK(after(world, "SELECT 1").empty());
  CHECK(after(world, "UPDATE tile_hashes SET hash=zeroblob(32)") == "tree_differs 0");
  CHECK(after(world, "DELETE FROM tile_hashes") == "tree_differs 0");
  CHECK(after(world, "INSERT INTO tile_hashes(level, tile, hash) VALUES(1, 1, zeroblob(32))") ==
        "tree_differs " + std::to_string(world.controller->tree_size()));
}

TEST_CASE("published files are compared with the store, leaf by leaf") {
  AuditWorld world;
  world.add_batches(250, 1);
  world.add_batches(50, 1);
  const Copy copy(world);
  std::filesystem::create_directory(copy.directory() + "/log");
  {
    auto disk = SystemDisk::open_directory(copy.directory());
    REQUIRE(disk.ok());
    std::filesystem::permissions(copy.directory() + "/log", std::filesystem::perms::owner_all);
    auto log = SystemDisk::open_directory(copy.directory() + "/log");
    REQUIRE(log.ok());
    auto ledger =
        Ledger::open(*world.store, world.clock, world.fleet.ledger_key, world.fleet.root.origin);
    REQUIRE(ledger.ok());
    LogFiles files(**log, world.clock);
    REQUIRE(files.open(**ledger).ok());
    while (files.next_due(**ledger)) REQUIRE(files.publish_if_due(*world.store, **ledger).ok());
  }
  CHECK(copy.found().empty());
  CHECK(copy.audit().published == world.controller->tree_size());
  std::size_t changed = 0;
  for (const auto& file :
       std::filesystem::recursive_directory_iterator(copy.directory() + "/log")) {
    if (!file.is_regular_file()) continue;
    CAPTURE(file.path().string());
    std::ifstream in(file.path(), std::ios::binary);
    const std::string whole(std::istreambuf_iterator<char>(in), {});
    std::string damaged = whole;
    damaged[damaged.size() / 2] = static_cast<char>(damaged[damaged.size() / 2] ^ 1);
    std::ofstream(file.path(), std::ios::binary) << damaged;
    CHECK_FALSE(copy.found().empty());
    std::filesystem::remove(file.path());
    // Without its checkpoint nothing is published.
    CHECK(copy.found().empty() == (file.path().filename() == "checkpoint"));
    std::ofstream(file.path(), std::ios::binary) << whole;
    ++changed;
  }
  CHECK(changed >= 6);
  CHECK(copy.found().empty());
}

TEST_CASE("a published head beyond the store says that leaves are gone") {
  AuditWorld world;
  world.add_batches(2, 1);
  const Copy copy(world);
  const TreeView tree = copy.audit().tree;
  std::filesystem::create_directory(copy.directory() + "/log");
  std::ofstream(copy.directory() + "/log/checkpoint", std::ios::binary) << sign_checkpoint(
      {world.fleet.root.origin, {tree.size + 5, tree.root}}, world.fleet.ledger_key);
  CHECK(copy.found() == "ledger_rewritten " + std::to_string(tree.size));
}

TEST_CASE("reading leaves no trace, with a write-ahead log beside the store or without one") {
  AuditWorld world;
  world.add_batches(3, 2);
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/ledger.db";
  const auto contents = [&] {
    std::map<std::string, std::string> out;
    for (const auto& file : std::filesystem::directory_iterator(directory.path())) {
      std::ifstream in(file.path(), std::ios::binary);
      out[file.path().filename()] = std::string(std::istreambuf_iterator<char>(in), {});
    }
    return out;
  };
  // As a crash leaves them, or a copy of a running controller's files; SQLite's index is not there.
  std::filesystem::copy_file(world.maker.path(), path);
  std::filesystem::copy_file(world.maker.path() + "-wal", path + "-wal");
  REQUIRE(std::filesystem::file_size(path + "-wal") > 0);
  const auto before = contents();
  for (const bool has_log : {true, false}) {
    CAPTURE(has_log);
    if (!has_log) {
      const Copy whole(world);
      std::filesystem::remove(path + "-wal");
      std::filesystem::copy_file(whole.path(), path,
                                 std::filesystem::copy_options::overwrite_existing);
    }
    const auto then = contents();
    {
      const auto ledger = StoredLedger::open(directory.path(), "");
      REQUIRE(ledger.ok());
      const auto audit = audit_ledger((*ledger)->store(), (*ledger)->published(),
                                      {{world.fleet.root}, {}}, [](std::uint64_t) {});
      REQUIRE(audit.ok());
      CHECK_FALSE(audit->fault.has_value());
      CHECK(audit->tree.size == world.controller->tree_size());
    }
    CHECK(contents() == then);
  }
}

TEST_CASE("a store that is written to meanwhile is said to be") {
  AuditWorld world;
  const Copy copy(world);
  const auto ledger = StoredLedger::open(copy.path(), "");
  REQUIRE(ledger.ok());
  CHECK((*ledger)->require_unchanged().ok());
  copy.change("UPDATE nodes SET seen=seen+1");
  CHECK((*ledger)->require_unchanged().error().name == "ledger_in_use");
}

TEST_CASE("a value that is larger than any of ours is damage, and is not read") {
  AuditWorld world;
  const Copy copy(world);
  copy.change("UPDATE leaves SET object=zeroblob(70000000) WHERE leaf=1");
  const auto ledger = StoredLedger::open(copy.path(), "");
  REQUIRE(ledger.ok());
  const auto audit = audit_ledger((*ledger)->store(), (*ledger)->published(),
                                  {{world.fleet.root}, {}}, [](std::uint64_t) {});
  REQUIRE_FALSE(audit.ok());
  CHECK(audit.error().name == "store_damaged");
}

TEST_CASE("a file whose pages were damaged is found as well") {
  AuditWorld world;
  world.add_batches(2, 2);
  const Copy copy(world);
  std::ifstream in(copy.path(), std::ios::binary);
  const std::string whole(std::istreambuf_iterator<char>(in), {});
  std::size_t found = 0;
  // Some bytes of a file mean nothing: free space, statistics, what no audit asks for.
  for (std::size_t place = 0; place < whole.size(); place += 509) {
    std::string damaged = whole;
    damaged[place] = static_cast<char>(damaged[place] ^ 0x41);
    std::ofstream(copy.path(), std::ios::binary) << damaged;
    const auto ledger = StoredLedger::open(copy.path(), "");
    if (!ledger.ok()) {
      ++found;
      continue;
    }
    const auto audit = audit_ledger((*ledger)->store(), (*ledger)->published(),
                                    {{world.fleet.root}, {}}, [](std::uint64_t) {});
    if (!audit.ok() || audit->fault) ++found;
  }
  CHECK(found > 10);
}

TEST_CASE("what is no ledger is refused by name") {
  const TemporaryDirectory directory;
  CHECK(StoredLedger::open(directory.path(), "").error().name == "ledger_missing");
  CHECK(StoredLedger::open(directory.path() + "/none", "").error().name == "ledger_missing");
  std::ofstream(directory.path() + "/ledger.db") << std::string(8'192, 'x');
  CHECK(StoredLedger::open(directory.path(), "").error().name == "store_damaged");
  std::ofstream(directory.path() + "/ledger.db", std::ios::trunc) << "";
  CHECK(StoredLedger::open(directory.path(), "").error().name == "not_a_store");
}

}  // namespace reeve
