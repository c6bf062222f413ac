// The store's chains, nodes and the reading of batches.
#include "controller/store/sqlite_store.h"

namespace reeve {
namespace {

// Every reading of batches selects these columns, in this order.
constexpr std::string_view by_leaf =
    "SELECT b.leaf, b.chain, n.node, b.first, b.until, b.header, b.standing, b.bodies "
    "FROM batches b JOIN nodes n ON n.id=b.node WHERE b.leaf>=? ORDER BY b.leaf LIMIT ?";
constexpr std::string_view by_node =
    "SELECT b.leaf, b.chain, n.node, b.first, b.until, b.header, b.standing, b.bodies "
    "FROM batches b JOIN nodes n ON n.id=b.node "
    "WHERE b.node=(SELECT id FROM nodes WHERE node=?) AND b.leaf>=? ORDER BY b.leaf LIMIT ?";
constexpr std::string_view by_rule =
    "SELECT b.leaf, b.chain, n.node, b.first, b.until, b.header, b.standing, b.bodies "
    "FROM batch_rules r JOIN batches b ON b.leaf=r.leaf JOIN nodes n ON n.id=b.node "
    "WHERE r.rule=(SELECT id FROM rules WHERE name=?) AND r.leaf>=? ORDER BY r.leaf LIMIT ?";
constexpr std::string_view by_rule_and_node =
    "SELECT b.leaf, b.chain, n.node, b.first, b.until, b.header, b.standing, b.bodies "
    "FROM batch_rules r JOIN batches b ON b.leaf=r.leaf JOIN nodes n ON n.id=b.node "
    "WHERE r.rule=(SELECT id FROM rules WHERE name=?) "
    "AND r.node=(SELECT id FROM nodes WHERE node=?) AND r.leaf>=? ORDER BY r.leaf LIMIT ?";
constexpr std::string_view by_sequence =
    "SELECT b.leaf, b.chain, n.node, b.first, b.until, b.header, b.standing, b.bodies "
    "FROM batches b JOIN nodes n ON n.id=b.node "
    "WHERE b.chain=? AND b.until>? AND b.standing=0 ORDER BY b.until LIMIT 1";

std::string_view text_for(const BatchFilter& filter) {
  if (filter.rule) return filter.node ? by_rule_and_node : by_rule;
  return filter.node ? by_node : by_leaf;
}

BatchRow read_batch(const SqliteQuery& query) {
  BatchRow batch;
  batch.leaf = query.natural(0);
  batch.chain = query.natural(1);
  batch.node = query.fixed_bytes<32>(2);
  batch.first = query.natural(3);
  batch.count = query.natural(4) - batch.first;
  batch.header = query.fixed_bytes<32>(5);
  batch.standing = query.natural(6) == 0 ? Standing::chained : Standing::equivocation;
  batch.bodies = query.bytes(7);
  return batch;
}

std::uint64_t number_of(Stream stream) { return static_cast<std::uint8_t>(stream); }

}  // namespace

Result<std::optional<Chain>> SqliteStore::chain(const ChainKey& key) const {
  auto query = connection_->query(
      "SELECT id, next, last, previous_epoch FROM chains "
      "WHERE node=(SELECT id FROM nodes WHERE node=?) AND stream=? AND epoch=?");
  query.with(key.node).with(number_of(key.stream)).with(key.epoch);
  const auto row = query.next();
  if (!row.ok()) return row.error();
  if (!*row) return std::optional<Chain>{};
  return std::optional<Chain>{Chain{key, query.fixed_bytes<16>(3), query.natural(1),
                                    query.fixed_bytes<32>(2), query.natural(0)}};
}

Status SqliteStore::insert_chain(const Chain& chain) {
  return connection_
      ->query(
          "INSERT INTO chains(node, stream, epoch, next, last, previous_epoch) "
          "VALUES((SELECT id FROM nodes WHERE node=?), ?, ?, ?, ?, ?)")
      .with(chain.key.node)
      .with(number_of(chain.key.stream))
      .with(chain.key.epoch)
      .with(chain.next)
      .with(chain.last)
      .with(chain.previous_epoch)
      .run();
}

Status SqliteStore::update_chain(const Chain& chain) {
  return connection_->query("UPDATE chains SET next=?, last=? WHERE id=?")
      .with(chain.next)
      .with(chain.last)
      .with(chain.id)
      .run();
}

Result<Chain> SqliteStore::put_chain(const Chain& chain) {
  auto stored = chain;
  if (chain.id == 0) {
    REEVE_TRY(insert_chain(chain));
    stored.id = connection_->last_row();
  } else {
    REEVE_TRY(update_chain(chain));
  }
  return stored;
}

Result<bool> SqliteStore::has_rival(const Chain& chain) const {
  auto query = connection_->query(
      "SELECT 1 FROM chains WHERE node=(SELECT id FROM nodes WHERE node=?) AND stream=? "
      "AND previous_epoch=? AND epoch<>? LIMIT 1");
  query.with(chain.key.node).with(number_of(chain.key.stream));
  query.with(chain.previous_epoch).with(chain.key.epoch);
  return query.next();
}

Result<std::vector<Chain>> SqliteStore::chains_between(const ChainKey& low, const ChainKey& high,
                                                       std::size_t limit) const {
  auto query = connection_->query(
      "SELECT id, next, last, previous_epoch, epoch FROM chains "
      "WHERE node=(SELECT id FROM nodes WHERE node=?) AND stream=? AND epoch BETWEEN ? AND ? "
      "ORDER BY epoch LIMIT ?");
  query.with(low.node).with(number_of(low.stream)).with(low.epoch).with(high.epoch);
  query.with(std::uint64_t{limit});
  std::vector<Chain> chains;
  for (;;) {
    const auto row = query.next();
    if (!row.ok()) return row.error();
    if (!*row) return chains;
    const ChainKey key{low.node, query.fixed_bytes<16>(4), low.stream};
    chains.push_back(Chain{key, query.fixed_bytes<16>(3), query.natural(1),
                           query.fixed_bytes<32>(2), query.natural(0)});
  }
}

Result<std::optional<BatchRow>> SqliteStore::batch_with(std::uint64_t chain,
                                                        std::uint64_t sequence) const {
  auto query = connection_->query(by_sequence);
  query.with(chain).with(bounded(sequence));
  const auto row = query.next();
  if (!row.ok()) return row.error();
  if (!*row) return std::optional<BatchRow>{};
  auto batch = read_batch(query);
  if (batch.first > sequence) return std::optional<BatchRow>{};
  return std::optional<BatchRow>{std::move(batch)};
}

Result<std::vector<BatchRow>> SqliteStore::batches(const BatchFilter& filter,
                                                   std::size_t limit) const {
  auto query = connection_->query(text_for(filter));
  if (filter.rule) query.with(std::string_view(*filter.rule));
  if (filter.node) query.with(*filter.node);
  query.with(bounded(filter.from_leaf)).with(std::uint64_t{limit});
  std::vector<BatchRow> batches;
  for (;;) {
    const auto row = query.next();
    if (!row.ok()) return row.error();
    if (!*row) return batches;
    batches.push_back(read_batch(query));
  }
}

Status SqliteStore::put_node(const NodeRow& node) {
  return connection_
      ->query(
          "INSERT INTO nodes(node, certificate, heartbeat, seen, flags, state, ending, transport) "
          "VALUES(?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT(node) DO UPDATE SET "
          "certificate=excluded.certificate, heartbeat=excluded.heartbeat, "
          "seen=excluded.seen, flags=excluded.flags, state=excluded.state, "
          "ending=excluded.ending, transport=excluded.transport")
      .with(node.node)
      .with(ByteView(node.certificate))
      .with(ByteView(node.heartbeat))
      .with(node.seen_wall_ns)
      .with(std::uint64_t{node.flags})
      .with(std::uint64_t{node.state})
      .with(ByteView(node.ending))
      .with(ByteView(node.transport))
      .run();
}

Result<std::vector<NodeRow>> SqliteStore::nodes() const {
  auto query = connection_->query(
      "SELECT node, certificate, heartbeat, seen, flags, state, ending, transport "
      "FROM nodes ORDER BY id");
  std::vector<NodeRow> nodes;
  for (;;) {
    const auto row = query.next();
    if (!row.ok()) return row.error();
    if (!*row) return nodes;
    nodes.push_back(NodeRow{query.fixed_bytes<32>(0), query.bytes(1), query.bytes(2),
                            query.integer(3), static_cast<std::uint32_t>(query.natural(4)),
                            static_cast<std::uint32_t>(query.natural(5)), query.bytes(6),
                            query.bytes(7)});
  }
}

Status SqliteStore::put_token(const TokenRow& token) {
  return connection_
      ->query(
          "INSERT INTO tokens(token, object, used, state) VALUES(?, ?, ?, ?) "
          "ON CONFLICT(token) DO UPDATE SET used=excluded.used, state=excluded.state")
      .with(token.id)
      .with(ByteView(token.object))
      .with(token.used)
      .with(std::uint64_t{token.state})
      .run();
}

Result<std::vector<TokenRow>> SqliteStore::tokens() const {
  auto query = connection_->query("SELECT token, object, used, state FROM tokens ORDER BY id");
  std::vector<TokenRow> tokens;
  for (;;) {
    const auto row = query.next();
    if (!row.ok()) return row.error();
    if (!*row) return tokens;
    tokens.push_back(TokenRow{query.fixed_bytes<32>(0), query.bytes(1), query.natural(2),
                              static_cast<std::uint32_t>(query.natural(3))});
  }
}

}  // namespace reeve
