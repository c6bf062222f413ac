#include "controller/store/sqlite_store.h"

namespace reeve {
namespace {

// The first eight bytes, with the sign bit as it falls: only equality matters.
std::int64_t tag_of(const Digest& digest) {
  return static_cast<std::int64_t>(ByteReader(digest.view()).u64());
}

Result<std::optional<Bytes>> one_blob(SqliteQuery& query) {
  const auto row = query.next();
  if (!row.ok()) return row.error();
  if (!*row) return std::optional<Bytes>{};
  return std::optional<Bytes>{query.bytes(0)};
}

Result<std::vector<Digest>> all_hashes(SqliteQuery& query) {
  std::vector<Digest> hashes;
  for (;;) {
    const auto row = query.next();
    if (!row.ok()) return row.error();
    if (!*row) return hashes;
    hashes.push_back(query.fixed_bytes<32>(0));
  }
}

Result<std::vector<Bytes>> all_blobs(SqliteQuery& query) {
  std::vector<Bytes> blobs;
  for (;;) {
    const auto row = query.next();
    if (!row.ok()) return row.error();
    if (!*row) return blobs;
    blobs.push_back(query.bytes(0));
  }
}

}  // namespace

SqliteStore::SqliteStore(std::unique_ptr<SqliteConnection> connection)
    : connection_(std::move(connection)) {}

Status SqliteStore::begin() { return connection_->query("BEGIN IMMEDIATE").run(); }

Status SqliteStore::commit() { return connection_->query("COMMIT").run(); }

void SqliteStore::rollback() {
  // SQLite has rolled back by itself after some errors; a failed rollback leaves nothing durable.
  if (connection_->in_transaction()) static_cast<void>(connection_->query("ROLLBACK").run());
}

Status SqliteStore::append_leaf(const Leaf& leaf) {
  return connection_
      ->query("INSERT INTO leaves(leaf, type, stored, hash, object) VALUES(?, ?, ?, ?, ?)")
      .with(leaf.index)
      .with(std::uint64_t{static_cast<std::uint8_t>(leaf.type)})
      .with(leaf.stored_wall_ns)
      .with(leaf.hash)
      .with(ByteView(leaf.object))
      .run();
}

Result<std::optional<Leaf>> SqliteStore::leaf(std::uint64_t index) const {
  auto query = connection_->query("SELECT type, stored, hash, object FROM leaves WHERE leaf=?");
  query.with(bounded(index));
  const auto row = query.next();
  if (!row.ok()) return row.error();
  if (!*row) return std::optional<Leaf>{};
  return std::optional<Leaf>{Leaf{index, static_cast<ObjectType>(query.natural(0)),
                                  query.integer(1), query.fixed_bytes<32>(2), query.bytes(3)}};
}

Result<std::vector<Digest>> SqliteStore::leaf_hashes(std::uint64_t first,
                                                     std::uint64_t count) const {
  auto query = connection_->query("SELECT hash FROM leaves WHERE leaf>=? ORDER BY leaf LIMIT ?");
  query.with(bounded(first)).with(bounded(count));
  return all_hashes(query);
}

Result<std::uint64_t> SqliteStore::leaf_count() const {
  auto query = connection_->query("SELECT ifnull(max(leaf) + 1, 0) FROM leaves");
  const auto row = query.next();
  if (!row.ok()) return row.error();
  return query.natural(0);
}

Status SqliteStore::append_tile_hash(unsigned level, std::uint64_t index, const Digest& hash) {
  return connection_->query("INSERT INTO tile_hashes(level, tile, hash) VALUES(?, ?, ?)")
      .with(std::uint64_t{level})
      .with(index)
      .with(hash)
      .run();
}

Result<std::vector<Digest>> SqliteStore::tile_hashes(unsigned level, std::uint64_t first,
                                                     std::uint64_t count) const {
  auto query = connection_->query(
      "SELECT hash FROM tile_hashes WHERE level=? AND tile>=? ORDER BY tile LIMIT ?");
  query.with(std::uint64_t{level}).with(bounded(first)).with(bounded(count));
  return all_hashes(query);
}

Result<std::uint64_t> SqliteStore::tile_hash_count(unsigned level) const {
  auto query = connection_->query("SELECT ifnull(max(tile) + 1, 0) FROM tile_hashes WHERE level=?");
  query.with(std::uint64_t{level});
  const auto row = query.next();
  if (!row.ok()) return row.error();
  return query.natural(0);
}

Status SqliteStore::put_checkpoint(std::string_view note) {
  return connection_->query("INSERT OR REPLACE INTO meta(key, value) VALUES('checkpoint', ?)")
      .with(view_of(note))
      .run();
}

Status SqliteStore::put_ledger_state(LedgerState state) {
  return connection_->query("INSERT OR REPLACE INTO meta(key, value) VALUES('ledger_state', ?)")
      .with(std::uint64_t{static_cast<std::uint8_t>(state)})
      .run();
}

Result<LedgerState> SqliteStore::ledger_state() const {
  auto query = connection_->query("SELECT value FROM meta WHERE key='ledger_state'");
  const auto row = query.next();
  if (!row.ok()) return row.error();
  const bool waits = *row && query.natural(0) != 0;
  return waits ? LedgerState::awaits_recovery : LedgerState::goes_on;
}

Status SqliteStore::put_recovery(const RecoveryRow& recovery) {
  return connection_->query("INSERT INTO recoveries(number, root, object) VALUES(?, ?, ?)")
      .with(recovery.number)
      .with(recovery.root_version)
      .with(ByteView(recovery.object))
      .run();
}

Result<std::vector<RecoveryRow>> SqliteStore::recoveries() const {
  auto query = connection_->query("SELECT number, root, object FROM recoveries ORDER BY number");
  std::vector<RecoveryRow> out;
  for (;;) {
    const auto row = query.next();
    if (!row.ok()) return row.error();
    if (!*row) return out;
    out.push_back({query.natural(0), query.natural(1), query.bytes(2)});
  }
}

Result<std::string> SqliteStore::checkpoint() const {
  auto query = connection_->query("SELECT value FROM meta WHERE key='checkpoint'");
  const auto value = one_blob(query);
  if (!value.ok()) return value.error();
  return std::string(*value ? text_of(**value) : std::string_view());
}

Status SqliteStore::put_tree_head(const TreeHead& head) {
  Bytes value;
  append_u64(value, head.size());
  for (const auto& peak : head.peaks()) append(value, peak.view());
  return connection_->query("INSERT OR REPLACE INTO meta(key, value) VALUES('tree_head', ?)")
      .with(ByteView(value))
      .run();
}

Result<TreeHead> SqliteStore::tree_head() const {
  auto query = connection_->query("SELECT value FROM meta WHERE key='tree_head'");
  const auto value = one_blob(query);
  if (!value.ok()) return value.error();
  if (!*value) return TreeHead{};
  ByteReader reader(**value);
  const auto size = reader.u64();
  std::vector<Digest> peaks;
  while (reader.ok() && !reader.at_end()) peaks.push_back(reader.take_fixed<32>());
  if (!reader.ok()) return Error{"store_failed", "read the tree head: it has a wrong length"};
  return TreeHead::restore(size, std::move(peaks));
}

Status SqliteStore::index_rules(const BatchRow& batch) {
  for (const auto& rule : batch.rules) {
    REEVE_TRY(connection_->query("INSERT OR IGNORE INTO rules(name) VALUES(?)")
                  .with(std::string_view(rule))
                  .run());
    REEVE_TRY(connection_
                  ->query("INSERT OR IGNORE INTO batch_rules(rule, leaf, node) VALUES("
                          "(SELECT id FROM rules WHERE name=?), ?, "
                          "(SELECT id FROM nodes WHERE node=?))")
                  .with(std::string_view(rule))
                  .with(batch.leaf)
                  .with(batch.node)
                  .run());
  }
  return {};
}

Status SqliteStore::append_batch(const BatchRow& batch) {
  REEVE_TRY(connection_
                ->query("INSERT INTO batches(leaf, chain, node, first, until, tag, standing, "
                        "header, bodies) VALUES(?, ?, (SELECT id FROM nodes WHERE node=?), "
                        "?, ?, ?, ?, ?, ?)")
                .with(batch.leaf)
                .with(batch.chain)
                .with(batch.node)
                .with(batch.first)
                .with(batch.first + batch.count)
                .with(tag_of(batch.header))
                .with(std::uint64_t{static_cast<std::uint8_t>(batch.standing)})
                .with(batch.header)
                .with(ByteView(batch.bodies))
                .run());
  return index_rules(batch);
}

Result<std::optional<std::uint64_t>> SqliteStore::find_batch(std::uint64_t chain, std::uint64_t end,
                                                             const Digest& header) const {
  auto query = connection_->query(
      "SELECT leaf, header FROM batches WHERE chain=? AND until=? AND tag=? ORDER BY leaf");
  query.with(chain).with(end).with(tag_of(header));
  for (;;) {
    const auto row = query.next();
    if (!row.ok()) return row.error();
    if (!*row) return std::optional<std::uint64_t>{};
    if (query.fixed_bytes<32>(1) == header) return std::optional<std::uint64_t>{query.natural(0)};
  }
}

Status SqliteStore::put_root(std::uint64_t version, ByteView object) {
  return connection_->query("INSERT INTO roots(version, object) VALUES(?, ?)")
      .with(version)
      .with(object)
      .run();
}

Result<std::vector<Bytes>> SqliteStore::roots() const {
  auto query = connection_->query("SELECT object FROM roots ORDER BY version");
  return all_blobs(query);
}

Status SqliteStore::put_manifest(std::uint64_t version, ByteView object) {
  return connection_->query("INSERT INTO manifests(version, object) VALUES(?, ?)")
      .with(version)
      .with(object)
      .run();
}

Result<std::optional<Bytes>> SqliteStore::latest_manifest() const {
  auto query = connection_->query("SELECT object FROM manifests ORDER BY version DESC LIMIT 1");
  return one_blob(query);
}

Result<std::vector<Bytes>> SqliteStore::manifests(std::uint64_t before, std::size_t limit) const {
  auto query = connection_->query(
      "SELECT object FROM manifests WHERE ?1 = 0 OR version < ?1 ORDER BY version DESC LIMIT ?2");
  query.with(before).with(std::uint64_t{limit});
  return all_blobs(query);
}

Status SqliteStore::put_act(std::int64_t until_s, ByteView object) {
  return connection_->query("INSERT INTO acts(until, object) VALUES(?, ?)")
      .with(until_s)
      .with(object)
      .run();
}

Result<std::vector<Bytes>> SqliteStore::acts() const {
  auto query = connection_->query("SELECT object FROM acts ORDER BY id");
  return all_blobs(query);
}

Status SqliteStore::put_bundle(const Digest& digest, ByteView bytes) {
  return connection_->query("INSERT OR IGNORE INTO bundles(digest, bytes) VALUES(?, ?)")
      .with(digest)
      .with(bytes)
      .run();
}

Result<std::optional<Bytes>> SqliteStore::bundle(const Digest& digest) const {
  auto query = connection_->query("SELECT bytes FROM bundles WHERE digest=?");
  query.with(digest);
  return one_blob(query);
}

}  // namespace reeve
