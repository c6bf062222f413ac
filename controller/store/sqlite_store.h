// The store in one SQLite file: WAL, synchronous=FULL, one connection for all reads, writes and
// checkpoints. A batch is one row with its bodies as one blob; nothing is stored a row a record but
// the rule ids of a batch.
#pragma once

#include <functional>

#include "controller/store/sqlite.h"
#include "controller/store/store.h"

namespace reeve {

class SqliteStore final : public Store {
 public:
  // The file is made, mode 0600, when it is missing. Errors: `store_failed`, `not_a_store` (some
  // other SQLite file), `unsupported_version` (of a later Reeve).
  static Result<std::unique_ptr<SqliteStore>> open(const std::string& path);
  // The same on a VFS, which the store has to itself.
  static Result<std::unique_ptr<SqliteStore>> open(const std::string& path, const SqliteVfs& vfs);
  // A store that is only read, of one moment: beside a controller that has it in use, or by a VFS
  // over files that nobody uses. Errors besides open()'s: `store_damaged`.
  static Result<std::unique_ptr<SqliteStore>> open_to_read(const std::string& path);
  static Result<std::unique_ptr<SqliteStore>> open_to_read(const std::string& path,
                                                           const SqliteVfs& vfs);

  explicit SqliteStore(std::unique_ptr<SqliteConnection> connection);

  Status begin() override;
  Status commit() override;
  void rollback() override;

  Status append_leaf(const Leaf& leaf) override;
  Result<std::optional<Leaf>> leaf(std::uint64_t index) const override;
  Result<std::vector<Digest>> leaf_hashes(std::uint64_t first, std::uint64_t count) const override;
  Result<std::uint64_t> leaf_count() const override;
  Status append_tile_hash(unsigned level, std::uint64_t index, const Digest& hash) override;
  Result<std::vector<Digest>> tile_hashes(unsigned level, std::uint64_t first,
                                          std::uint64_t count) const override;
  Result<std::uint64_t> tile_hash_count(unsigned level) const override;
  Status put_tree_head(const TreeHead& head) override;
  Result<TreeHead> tree_head() const override;
  Status put_checkpoint(std::string_view note) override;
  Result<std::string> checkpoint() const override;
  Status put_ledger_state(LedgerState state) override;
  Result<LedgerState> ledger_state() const override;
  Status put_recovery(const RecoveryRow& recovery) override;
  Result<std::vector<RecoveryRow>> recoveries() const override;
  Status put_witnesses(ByteView object) override;
  Result<Bytes> witnesses() const override;
  Status put_cosigned(ByteView bytes) override;
  Result<Bytes> cosigned() const override;
  Result<std::optional<Leaf>> tick_before(std::uint64_t leaf) const override;
  Result<std::optional<Leaf>> tick_after(std::uint64_t leaf, std::uint64_t end) const override;

  Result<std::optional<Chain>> chain(const ChainKey& key) const override;
  Result<Chain> put_chain(const Chain& chain) override;
  Result<bool> has_rival(const Chain& chain) const override;
  Result<std::vector<Chain>> chains_between(const ChainKey& low, const ChainKey& high,
                                            std::size_t limit) const override;

  Status append_batch(const BatchRow& batch) override;
  Result<std::optional<std::uint64_t>> find_batch(std::uint64_t chain, std::uint64_t end,
                                                  const Digest& header) const override;
  Result<std::optional<BatchRow>> batch_with(std::uint64_t chain,
                                             std::uint64_t sequence) const override;
  Result<std::vector<BatchRow>> batches(const BatchFilter& filter,
                                        std::size_t limit) const override;

  Status put_bodies(std::uint64_t leaf, ByteView bodies) override;
  Status put_bodies_from(std::uint64_t leaf) override;
  Result<std::uint64_t> bodies_from() const override;
  Status put_redaction(const Redaction& redaction) override;
  Result<std::vector<Redaction>> redactions(std::uint64_t leaf) const override;
  Status purge() override;

  Status append_succession(const SuccessionRow& succession) override;
  Result<std::vector<Leaf>> successions(const SuccessionFilter& filter,
                                        std::size_t limit) const override;
  Result<std::vector<Leaf>> newest_successions() const override;

  Status put_node(const NodeRow& node) override;
  Result<std::vector<NodeRow>> nodes() const override;
  Status put_token(const TokenRow& token) override;
  Result<std::vector<TokenRow>> tokens() const override;

  Status put_root(std::uint64_t version, ByteView object) override;
  Result<std::vector<Bytes>> roots() const override;
  Status put_manifest(std::uint64_t version, ByteView object) override;
  Result<std::optional<Bytes>> latest_manifest() const override;
  Result<std::vector<Bytes>> manifests(std::uint64_t before, std::size_t limit) const override;
  Status put_act(std::int64_t until_s, ByteView object) override;
  Result<std::vector<Bytes>> acts() const override;
  Status put_bundle(const Digest& digest, ByteView bytes) override;
  Result<std::optional<Bytes>> bundle(const Digest& digest) const override;

 private:
  Status insert_chain(const Chain& chain);
  Status update_chain(const Chain& chain);
  Status index_rules(const BatchRow& batch);

  std::unique_ptr<SqliteConnection> connection_;
};

// How much of a copy is done, in pages.
using CopyProgress = std::function<void(int done, int all)>;
// Copies everything committed in the store at `source`, which may be in use, as of one moment, to a
// new file `target` (mode 0600) that appears only when it is whole and durable. Errors:
// `file_exists`, `store_failed`, `disk_full`, `backup_failed`.
Status backup_sqlite_store(
    const std::string& source, const std::string& target,
    const CopyProgress& progress = [](int, int) {});
// The opposite: a store at `target` out of a copy that nobody writes to. Errors: the same, and
// open()'s for a source that is none.
Status restore_sqlite_store(
    const std::string& source, const std::string& target, LedgerState state,
    const CopyProgress& progress = [](int, int) {});

}  // namespace reeve
