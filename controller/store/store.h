// The store's seam: the ledger's leaves, the batches' bodies, the registry and published policy.
// One writer; everything between begin() and commit() is one transaction, durable when commit()
// succeeds and gone otherwise. Reads see the writer's own uncommitted rows. An implementation never
// judges what it is given. Error of every call: `disk_full`, or `store_failed` with the cause.
#pragma once

#include <memory>

#include "common/batch.h"

namespace reeve {

// One entry of the ledger: a whole signed object.
struct Leaf {
  std::uint64_t index = 0;  // dense, from 0
  ObjectType type{};
  std::int64_t stored_wall_ns = 0;  // never before its predecessor's
  Digest hash;                      // leaf_hash(object)
  Bytes object;
  bool operator==(const Leaf&) const = default;
};

// The numbering of one (node, epoch, stream) as far as it has been accepted.
struct ChainKey {
  NodeId node;
  Epoch epoch;
  Stream stream{};
  auto operator<=>(const ChainKey&) const = default;
};
struct Chain {
  ChainKey key;
  Epoch previous_epoch;    // zero where the first record names none
  std::uint64_t next = 0;  // sequence of the record that comes next
  Digest last;             // digest of the last header
  std::uint64_t id = 0;    // given by the store; 0 before the first put_chain()
  bool operator==(const Chain&) const = default;
};

enum class Standing : std::uint8_t { chained = 0, equivocation = 1 };

// What the store keeps of a batch besides its leaf.
struct BatchRow {
  std::uint64_t leaf = 0;
  std::uint64_t chain = 0;  // Chain::id
  NodeId node;
  std::uint64_t first = 0;
  std::uint64_t count = 0;
  Digest header;  // digest of the header object
  Standing standing{};
  Bytes bodies;                    // encode_batch() without the header object
  std::vector<std::string> rules;  // ids that the records name; written, never read back
};

// A key succession of a node; its object is the leaf.
struct SuccessionRow {
  std::uint64_t leaf = 0;
  NodeId node;
  KeyHash old_key;
  KeyHash key;  // the new one
};
// All conditions that are given must hold; at most one key is.
struct SuccessionFilter {
  NodeId node;
  std::optional<KeyHash> old_key{};
  std::optional<KeyHash> key{};
  std::uint64_t from_leaf = 0;
};

// All conditions that are given must hold.
struct BatchFilter {
  std::optional<NodeId> node{};
  std::optional<std::string> rule{};
  std::uint64_t from_leaf = 0;
};

struct NodeRow {
  NodeId node;
  Bytes certificate;  // signed object
  Bytes heartbeat;    // signed object; empty for none
  std::int64_t seen_wall_ns = 0;
  std::uint32_t flags = 0;  // registry.h
  std::uint32_t state = 0;  // registry.h
  Bytes ending{};           // the operator's request that revoked or retired it
  Bytes transport{};        // the node's statement of its transport key; empty: the certificate's
  bool operator==(const NodeRow&) const = default;
};

// An enrollment token as operators registered it.
struct TokenRow {
  KeyHash id;
  Bytes object;             // signed object
  std::uint64_t used = 0;   // nodes that were enrolled with it
  std::uint32_t state = 0;  // tokens.h
  bool operator==(const TokenRow&) const = default;
};

// Whether the ledger may grow: one that was put back from a backup waits until the root's holders
// have said from where it goes on.
enum class LedgerState : std::uint8_t { goes_on, awaits_recovery };

// A ledger's recovery, and the root's version when it was entered.
struct RecoveryRow {
  std::uint64_t number = 0;  // from 1
  std::uint64_t root_version = 0;
  Bytes object;  // signed object
  bool operator==(const RecoveryRow&) const = default;
};

// One record whose body an operator has had taken away.
struct Redaction {
  std::uint64_t leaf = 0;     // of its batch
  std::uint64_t index = 0;    // in its batch
  std::uint64_t request = 0;  // leaf of the operator's request
  bool operator==(const Redaction&) const = default;
};

class Store {
 public:
  virtual ~Store() = default;

  virtual Status begin() = 0;
  virtual Status commit() = 0;
  virtual void rollback() = 0;  // without a transaction: nothing

  virtual Status append_leaf(const Leaf& leaf) = 0;
  virtual Result<std::optional<Leaf>> leaf(std::uint64_t index) const = 0;
  // Hashes of `count` leaves from `first` on; fewer at the end.
  virtual Result<std::vector<Digest>> leaf_hashes(std::uint64_t first,
                                                  std::uint64_t count) const = 0;
  // One more than the highest index; counted from the rows, never from the tree head.
  virtual Result<std::uint64_t> leaf_count() const = 0;
  // The hashes of full tiles of leaves (level 1), of full tiles of those (level 2) and so on, dense
  // from index 0; log_hashes.h. As leaf_hashes() above.
  virtual Status append_tile_hash(unsigned level, std::uint64_t index, const Digest& hash) = 0;
  virtual Result<std::vector<Digest>> tile_hashes(unsigned level, std::uint64_t first,
                                                  std::uint64_t count) const = 0;
  virtual Result<std::uint64_t> tile_hash_count(unsigned level) const = 0;
  virtual Status put_tree_head(const TreeHead& head) = 0;
  virtual Result<TreeHead> tree_head() const = 0;  // empty in a new store
  // The newest that was signed; it is written with the leaves that it covers.
  virtual Status put_checkpoint(std::string_view note) = 0;
  virtual Result<std::string> checkpoint() const = 0;  // empty in a new store
  virtual Status put_ledger_state(LedgerState state) = 0;
  virtual Result<LedgerState> ledger_state() const = 0;
  virtual Status put_recovery(const RecoveryRow& recovery) = 0;
  virtual Result<std::vector<RecoveryRow>> recoveries() const = 0;  // by number, ascending

  // The newest witness set, a signed object, and what was last cosigned (cosigning.h); each empty
  // before the first.
  virtual Status put_witnesses(ByteView object) = 0;
  virtual Result<Bytes> witnesses() const = 0;
  virtual Status put_cosigned(ByteView bytes) = 0;
  virtual Result<Bytes> cosigned() const = 0;
  // The nearest tick before a leaf, and the nearest behind it and below `end`; absent for none.
  virtual Result<std::optional<Leaf>> tick_before(std::uint64_t leaf) const = 0;
  virtual Result<std::optional<Leaf>> tick_after(std::uint64_t leaf, std::uint64_t end) const = 0;

  virtual Result<std::optional<Chain>> chain(const ChainKey& key) const = 0;
  virtual Result<Chain> put_chain(const Chain& chain) = 0;  // gives back its id
  // Another epoch of the same node and stream that names the same previous epoch.
  virtual Result<bool> has_rival(const Chain& chain) const = 0;
  // Chains whose epoch lies between both, at most `limit`.
  virtual Result<std::vector<Chain>> chains_between(const ChainKey& low, const ChainKey& high,
                                                    std::size_t limit) const = 0;

  virtual Status append_batch(const BatchRow& batch) = 0;
  // The leaf of the batch of this chain that ends before sequence `end` and has this header.
  virtual Result<std::optional<std::uint64_t>> find_batch(std::uint64_t chain, std::uint64_t end,
                                                          const Digest& header) const = 0;
  // The chained batch that holds a sequence.
  virtual Result<std::optional<BatchRow>> batch_with(std::uint64_t chain,
                                                     std::uint64_t sequence) const = 0;
  // By leaf, ascending.
  virtual Result<std::vector<BatchRow>> batches(const BatchFilter& filter,
                                                std::size_t limit) const = 0;

  // What is left of a batch's bodies, in the place of what was there (stored_bodies.h).
  virtual Status put_bodies(std::uint64_t leaf, ByteView bodies) = 0;
  // The leaf from which on bodies have not been withheld for their age.
  virtual Status put_bodies_from(std::uint64_t leaf) = 0;
  virtual Result<std::uint64_t> bodies_from() const = 0;
  virtual Status put_redaction(const Redaction& redaction) = 0;
  virtual Result<std::vector<Redaction>> redactions(std::uint64_t leaf) const = 0;
  // What was replaced by committed transactions is gone from the files as well, as far as a file
  // says what is on a disk. Outside of a transaction; waits for nobody who reads.
  virtual Status purge() = 0;

  virtual Status append_succession(const SuccessionRow& succession) = 0;
  // Leaves, ascending.
  virtual Result<std::vector<Leaf>> successions(const SuccessionFilter& filter,
                                                std::size_t limit) const = 0;
  // The newest of every node that has any.
  virtual Result<std::vector<Leaf>> newest_successions() const = 0;

  virtual Status put_node(const NodeRow& node) = 0;
  virtual Result<std::vector<NodeRow>> nodes() const = 0;
  virtual Status put_token(const TokenRow& token) = 0;
  virtual Result<std::vector<TokenRow>> tokens() const = 0;  // in the order they were registered

  virtual Status put_root(std::uint64_t version, ByteView object) = 0;
  virtual Result<std::vector<Bytes>> roots() const = 0;  // by version, ascending
  virtual Status put_manifest(std::uint64_t version, ByteView object) = 0;
  virtual Result<std::optional<Bytes>> latest_manifest() const = 0;
  // The newest first, at most `limit`: those below version `before`, or all where it is 0.
  virtual Result<std::vector<Bytes>> manifests(std::uint64_t before, std::size_t limit) const = 0;
  // Operators' acts, with the seconds since 1970 until which they count.
  virtual Status put_act(std::int64_t until_s, ByteView object) = 0;
  virtual Result<std::vector<Bytes>> acts() const = 0;  // as they were put, oldest first
  virtual Status put_bundle(const Digest& digest, ByteView bytes) = 0;  // twice is once
  virtual Result<std::optional<Bytes>> bundle(const Digest& digest) const = 0;
};

// The index of the first leaf stored at or after a moment, or the leaf count. Leaves are stored in
// the order of their indexes, so this looks at O(log n) of them.
Result<std::uint64_t> first_leaf_since(const Store& store, std::int64_t wall_ns);

}  // namespace reeve
