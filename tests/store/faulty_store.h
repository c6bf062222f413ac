// A store that refuses on demand: begin, writes or commits of another store. It counts what it
// refused, so that a test can assert that its faults fired.
#pragma once

#include "controller/store/store.h"

namespace reeve {

class FaultyStore final : public Store {
 public:
  explicit FaultyStore(Store& inner) : inner_(inner) {}

  enum class Fault { none, begin, write, commit };
  Fault fault = Fault::none;
  int refused = 0;
  int commits = 0;  // that passed

  Status begin() override { return refuses(Fault::begin) ? full() : inner_.begin(); }
  Status commit() override {
    if (refuses(Fault::commit)) return full();
    ++commits;
    return inner_.commit();
  }
  void rollback() override { inner_.rollback(); }

  Status append_leaf(const Leaf& leaf) override {
    return refuses(Fault::write) ? full() : inner_.append_leaf(leaf);
  }
  Result<std::optional<Leaf>> leaf(std::uint64_t index) const override {
    return inner_.leaf(index);
  }
  Result<std::vector<Digest>> leaf_hashes(std::uint64_t first, std::uint64_t count) const override {
    return inner_.leaf_hashes(first, count);
  }
  Result<std::uint64_t> leaf_count() const override { return inner_.leaf_count(); }
  Status append_tile_hash(unsigned level, std::uint64_t index, const Digest& hash) override {
    return inner_.append_tile_hash(level, index, hash);
  }
  Result<std::vector<Digest>> tile_hashes(unsigned level, std::uint64_t first,
                                          std::uint64_t count) const override {
    return inner_.tile_hashes(level, first, count);
  }
  Result<std::uint64_t> tile_hash_count(unsigned level) const override {
    return inner_.tile_hash_count(level);
  }
  Status put_tree_head(const TreeHead& head) override { return inner_.put_tree_head(head); }
  Result<TreeHead> tree_head() const override { return inner_.tree_head(); }
  Status put_checkpoint(std::string_view note) override { return inner_.put_checkpoint(note); }
  Result<std::string> checkpoint() const override { return inner_.checkpoint(); }
  Status put_ledger_state(LedgerState state) override { return inner_.put_ledger_state(state); }
  Result<LedgerState> ledger_state() const override { return inner_.ledger_state(); }
  Status put_recovery(const RecoveryRow& recovery) override {
    return refuses(Fault::write) ? full() : inner_.put_recovery(recovery);
  }
  Result<std::vector<RecoveryRow>> recoveries() const override { return inner_.recoveries(); }

  Status put_witnesses(ByteView object) override { return inner_.put_witnesses(object); }
  Result<Bytes> witnesses() const override { return inner_.witnesses(); }
  Status put_cosigned(ByteView bytes) override { return inner_.put_cosigned(bytes); }
  Result<Bytes> cosigned() const override { return inner_.cosigned(); }
  Result<std::optional<Leaf>> tick_before(std::uint64_t leaf) const override {
    return inner_.tick_before(leaf);
  }
  Result<std::optional<Leaf>> tick_after(std::uint64_t leaf, std::uint64_t end) const override {
    return inner_.tick_after(leaf, end);
  }

  Result<std::optional<Chain>> chain(const ChainKey& key) const override {
    return inner_.chain(key);
  }
  Result<Chain> put_chain(const Chain& chain) override { return inner_.put_chain(chain); }
  Result<bool> has_rival(const Chain& chain) const override { return inner_.has_rival(chain); }
  Result<std::vector<Chain>> chains_between(const ChainKey& low, const ChainKey& high,
                                            std::size_t limit) const override {
    return inner_.chains_between(low, high, limit);
  }

  Status append_batch(const BatchRow& batch) override { return inner_.append_batch(batch); }
  Result<std::optional<std::uint64_t>> find_batch(std::uint64_t chain, std::uint64_t end,
                                                  const Digest& header) const override {
    return inner_.find_batch(chain, end, header);
  }
  Result<std::optional<BatchRow>> batch_with(std::uint64_t chain,
                                             std::uint64_t sequence) const override {
    return inner_.batch_with(chain, sequence);
  }
  Result<std::vector<BatchRow>> batches(const BatchFilter& filter,
                                        std::size_t limit) const override {
    return inner_.batches(filter, limit);
  }

  Status put_bodies(std::uint64_t leaf, ByteView bodies) override {
    return refuses(Fault::write) ? full() : inner_.put_bodies(leaf, bodies);
  }
  Status put_bodies_from(std::uint64_t leaf) override { return inner_.put_bodies_from(leaf); }
  Result<std::uint64_t> bodies_from() const override { return inner_.bodies_from(); }
  Status put_redaction(const Redaction& redaction) override {
    return inner_.put_redaction(redaction);
  }
  Result<std::vector<Redaction>> redactions(std::uint64_t leaf) const override {
    return inner_.redactions(leaf);
  }
  Status purge() override { return inner_.purge(); }

  Status append_succession(const SuccessionRow& succession) override {
    return inner_.append_succession(succession);
  }
  Result<std::vector<Leaf>> successions(const SuccessionFilter& filter,
                                        std::size_t limit) const override {
    return inner_.successions(filter, limit);
  }
  Result<std::vector<Leaf>> newest_successions() const override {
    return inner_.newest_successions();
  }

  Status put_node(const NodeRow& node) override { return inner_.put_node(node); }
  Result<std::vector<NodeRow>> nodes() const override { return inner_.nodes(); }
  Status put_token(const TokenRow& token) override {
    return refuses(Fault::write) ? full() : inner_.put_token(token);
  }
  Result<std::vector<TokenRow>> tokens() const override { return inner_.tokens(); }
  Status put_root(std::uint64_t version, ByteView object) override {
    return inner_.put_root(version, object);
  }
  Result<std::vector<Bytes>> roots() const override { return inner_.roots(); }
  Status put_manifest(std::uint64_t version, ByteView object) override {
    return inner_.put_manifest(version, object);
  }
  Result<std::optional<Bytes>> latest_manifest() const override { return inner_.latest_manifest(); }
  Result<std::vector<Bytes>> manifests(std::uint64_t before, std::size_t limit) const override {
    return inner_.manifests(before, limit);
  }
  Status put_act(std::int64_t until_s, ByteView object) override {
    return inner_.put_act(until_s, object);
  }
  Result<std::vector<Bytes>> acts() const override { return inner_.acts(); }
  Status put_bundle(const Digest& digest, ByteView bytes) override {
    return inner_.put_bundle(digest, bytes);
  }
  Result<std::optional<Bytes>> bundle(const Digest& digest) const override {
    return inner_.bundle(digest);
  }

 private:
  bool refuses(Fault asked) {
    if (fault != asked) return false;
    ++refused;
    return true;
  }
  static Status full() { return Error{"disk_full", "commit: database or disk is full"}; }

  Store& inner_;
};

}  // namespace reeve
