// The store's key successions: which leaf certifies which key of a node.
#include "controller/store/sqlite_store.h"

namespace reeve {
namespace {

Leaf read_leaf(const SqliteQuery& query) {
  return Leaf{query.natural(0), static_cast<ObjectType>(query.natural(1)), query.integer(2),
              query.fixed_bytes<32>(3), query.bytes(4)};
}

Result<std::vector<Leaf>> read_leaves(SqliteQuery& query) {
  std::vector<Leaf> leaves;
  for (;;) {
    const auto row = query.next();
    if (!row.ok()) return row.error();
    if (!*row) return leaves;
    leaves.push_back(read_leaf(query));
  }
}

// Each condition has an index of its own: one statement with optional conditions would use none.
constexpr std::string_view by_leaf =
    "SELECT l.leaf, l.type, l.stored, l.hash, l.object FROM successions s "
    "JOIN leaves l ON l.leaf=s.leaf WHERE s.node=(SELECT id FROM nodes WHERE node=?) "
    "AND s.leaf>=? ORDER BY s.leaf LIMIT ?";
constexpr std::string_view by_old =
    "SELECT l.leaf, l.type, l.stored, l.hash, l.object FROM successions s "
    "JOIN leaves l ON l.leaf=s.leaf WHERE s.node=(SELECT id FROM nodes WHERE node=?) "
    "AND s.old=? AND s.leaf>=? ORDER BY s.leaf LIMIT ?";
constexpr std::string_view by_key =
    "SELECT l.leaf, l.type, l.stored, l.hash, l.object FROM successions s "
    "JOIN leaves l ON l.leaf=s.leaf WHERE s.node=(SELECT id FROM nodes WHERE node=?) "
    "AND s.key=? AND s.leaf>=? ORDER BY s.leaf LIMIT ?";

std::string_view text_for(const SuccessionFilter& filter) {
  REEVE_ASSERT(!filter.old_key || !filter.key);
  if (filter.old_key) return by_old;
  return filter.key ? by_key : by_leaf;
}

}  // namespace

Status SqliteStore::append_succession(const SuccessionRow& succession) {
  return connection_
      ->query(
          "INSERT INTO successions(leaf, node, old, key) "
          "VALUES(?, (SELECT id FROM nodes WHERE node=?), ?, ?)")
      .with(succession.leaf)
      .with(succession.node)
      .with(succession.old_key)
      .with(succession.key)
      .run();
}

Result<std::vector<Leaf>> SqliteStore::successions(const SuccessionFilter& filter,
                                                   std::size_t limit) const {
  auto query = connection_->query(text_for(filter));
  query.with(filter.node);
  if (filter.old_key) query.with(*filter.old_key);
  if (filter.key) query.with(*filter.key);
  query.with(bounded(filter.from_leaf)).with(std::uint64_t{limit});
  return read_leaves(query);
}

Result<std::vector<Leaf>> SqliteStore::newest_successions() const {
  auto query = connection_->query(
      "SELECT l.leaf, l.type, l.stored, l.hash, l.object FROM leaves l "
      "WHERE l.leaf IN (SELECT max(leaf) FROM successions GROUP BY node)");
  return read_leaves(query);
}

}  // namespace reeve
