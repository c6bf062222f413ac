// What the store keeps for witnesses and of ticks.
#include "controller/store/sqlite_store.h"

namespace reeve {
namespace {

Status put_meta(SqliteConnection& connection, std::string_view key, ByteView value) {
  return connection.query("INSERT OR REPLACE INTO meta(key, value) VALUES(?, ?)")
      .with(key)
      .with(value)
      .run();
}

Result<Bytes> meta(SqliteConnection& connection, std::string_view key) {
  auto query = connection.query("SELECT value FROM meta WHERE key=?");
  query.with(key);
  const auto row = query.next();
  if (!row.ok()) return row.error();
  return *row ? query.bytes(0) : Bytes{};
}

Result<std::optional<Leaf>> one_tick(SqliteQuery& query) {
  const auto row = query.next();
  if (!row.ok()) return row.error();
  if (!*row) return std::optional<Leaf>{};
  return std::optional<Leaf>{Leaf{query.natural(0), ObjectType::tick, query.integer(1),
                                  query.fixed_bytes<32>(2), query.bytes(3)}};
}

}  // namespace

Status SqliteStore::put_witnesses(ByteView object) {
  return put_meta(*connection_, "witnesses", object);
}
Result<Bytes> SqliteStore::witnesses() const { return meta(*connection_, "witnesses"); }

Status SqliteStore::put_cosigned(ByteView bytes) {
  return put_meta(*connection_, "cosigned", bytes);
}
Result<Bytes> SqliteStore::cosigned() const { return meta(*connection_, "cosigned"); }

// The index `ticks` has the leaves of this type only.
Result<std::optional<Leaf>> SqliteStore::tick_before(std::uint64_t leaf) const {
  auto query = connection_->query(
      "SELECT leaf, stored, hash, object FROM leaves WHERE type=6 AND leaf<? "
      "ORDER BY leaf DESC LIMIT 1");
  query.with(bounded(leaf));
  return one_tick(query);
}

Result<std::optional<Leaf>> SqliteStore::tick_after(std::uint64_t leaf, std::uint64_t end) const {
  auto query = connection_->query(
      "SELECT leaf, stored, hash, object FROM leaves WHERE type=6 AND leaf>? AND leaf<? "
      "ORDER BY leaf LIMIT 1");
  query.with(bounded(leaf)).with(bounded(end));
  return one_tick(query);
}

}  // namespace reeve
