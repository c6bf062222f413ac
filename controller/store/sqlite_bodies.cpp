// Record bodies that are withheld: what is left of them, and who had them taken away.
#include "controller/store/sqlite_store.h"

namespace reeve {

Status SqliteStore::put_bodies(std::uint64_t leaf, ByteView bodies) {
  return connection_->query("UPDATE batches SET bodies=? WHERE leaf=?")
      .with(bodies)
      .with(leaf)
      .run();
}

Status SqliteStore::put_bodies_from(std::uint64_t leaf) {
  return connection_->query("INSERT OR REPLACE INTO meta(key, value) VALUES('bodies_from', ?)")
      .with(leaf)
      .run();
}

Result<std::uint64_t> SqliteStore::bodies_from() const {
  auto query = connection_->query("SELECT value FROM meta WHERE key='bodies_from'");
  const auto row = query.next();
  if (!row.ok()) return row.error();
  return *row ? query.natural(0) : 0;
}

Status SqliteStore::put_redaction(const Redaction& redaction) {
  return connection_
      ->query("INSERT OR IGNORE INTO redactions(leaf, record, request) VALUES(?, ?, ?)")
      .with(redaction.leaf)
      .with(redaction.index)
      .with(redaction.request)
      .run();
}

Result<std::vector<Redaction>> SqliteStore::redactions(std::uint64_t leaf) const {
  auto query = connection_->query(
      "SELECT leaf, record, request FROM redactions WHERE leaf=? ORDER BY record");
  query.with(bounded(leaf));
  std::vector<Redaction> out;
  for (;;) {
    const auto row = query.next();
    if (!row.ok()) return row.error();
    if (!*row) return out;
    out.push_back({query.natural(0), query.natural(1), query.natural(2)});
  }
}

// The write-ahead log still has the pages as they were: it is folded into the file and cut to
// nothing.
Status SqliteStore::purge() {
  auto query = connection_->query("PRAGMA wal_checkpoint(TRUNCATE)");
  const auto row = query.next();
  if (!row.ok()) return row.error();
  if (*row && query.integer(0) == 0) return {};
  return Error{"store_busy", "somebody reads the store: its write-ahead log is cut later"};
}

}  // namespace reeve
