// What an onlooker of a simulated fleet has seen, and whether the ledger agrees with it: every act
// on a host, every batch that left one, every acknowledgement, every leaf. It knows nothing of how
// agents or the controller work. What does not hold becomes a finding, in words; the first ones are
// kept.
#pragma once

#include <map>
#include <set>

#include "common/note.h"
#include "common/record.h"
#include "common/wire.h"
#include "controller/store/store.h"

namespace reeve::testing {

// An act of an agent on its host.
struct SeenFix {
  NodeId node;
  Epoch epoch;
  std::string object;
  std::int64_t mono_ns = 0;
  std::int64_t wall_ns = 0;
  bool is_intent_durable = false;  // its rule asks for it
};

// How one start of an agent came to its end, as the simulation made it end.
struct SeenLife {
  enum class End { none, stopped, killed, power_cut };
  End end = End::none;
  bool had_faults = false;  // the disk refused something
  bool clock_jumped = false;
};

class Witness {
 public:
  struct Counts {
    std::uint64_t leaves = 0;
    std::uint64_t records = 0;
    std::uint64_t fixes = 0;
    std::uint64_t acknowledged = 0;
    std::uint64_t checkpoints = 0;  // that were shown to nodes
    std::uint64_t cosignatures = 0;
    std::uint64_t published = 0;  // checkpoints that were seen as files, cosigned ones too
    std::uint64_t trimmed = 0;    // segments that journals let go of
    std::uint64_t resumed = 0;    // receipts that a start closed from an intent
    std::uint64_t excused = 0;    // fixes within the bounds of an unclean stop or a gap
    std::uint64_t unclean_stops = 0;
    std::uint64_t gaps = 0;
    std::uint64_t equivocations = 0;
  };

  void saw_fix(SeenFix fix);
  SeenLife& life(const NodeId& node, const Epoch& epoch) { return lives_[{node, epoch}]; }
  void saw_batch_leave(const Batch& batch);
  void saw_acknowledgement(const Acknowledgement& acknowledgement);
  void saw_cosignature(const NodeId& node, const Cosignature& cosignature);
  // A checkpoint that anybody may read from a file.
  void saw_published(std::string_view note);
  // What a node has accepted of the ledger, and what it holds against it.
  void saw_ledger(const NodeId& node, const LedgerSeen& seen);
  // A batch that somebody with the node's key made up: whatever is acknowledged must be kept aside.
  void saw_forgery(const Digest& header, const NodeId& node);
  void saw_policy(const NodeId& node, std::uint64_t version);

  // The batches of this node that left it, for a journal that came back from a power cut.
  const std::set<Digest>& left(const NodeId& node) { return left_[node]; }
  bool is_acknowledged(const Digest& header) const { return acknowledged_.contains(header); }

  // New leaves of a store that is not in a transaction; after a restart of the controller the old
  // ones as well.
  enum class Look { new_leaves, all_leaves };
  void look(const Store& store, Look look);
  // At the end, when nothing is under way any more.
  void judge_fixes();
  void judge_successions();

  void find(std::string what);
  const std::vector<std::string>& findings() const { return findings_; }
  const Counts& counts() const { return counts_; }
  std::uint64_t next_sequence(const ChainKey& key) const;
  bool has_forgery_of(const NodeId& node) const { return forged_nodes_.contains(node); }
  bool has_kept_forgery_of(const NodeId& node) const { return kept_aside_.contains(node); }

 private:
  struct SeenChain {
    std::uint64_t next = 0;
    Digest last;
    std::optional<Epoch> previous;  // as record 0 says
    std::optional<std::uint64_t> previous_last;
    std::optional<Digest> previous_header;
  };
  struct SeenGap {
    std::uint64_t left = 0;
    std::int64_t since = 0;
    std::int64_t until = 0;
  };
  struct Stop {
    std::int64_t since = 0;
    std::int64_t until = 0;
  };
  void judge_acknowledgement(const Acknowledgement& done);
  void judge_cosignature(const NodeId& node, const Cosignature& cosignature);
  void take_leaf(const Store& store, const Leaf& leaf);
  void take_batch(const BatchRow& row, const Batch& batch);
  void take_record(const BatchHeader& header, std::uint64_t sequence, ByteView bytes);
  void take_epoch_start(const BatchHeader& header, const Record& record);
  bool is_accounted(const SeenFix& fix);
  bool is_excused(const SeenFix& fix);

  std::vector<Digest> leaves_;
  TreeHead head_;              // over them,
  std::vector<Digest> roots_;  // and the root of each tree on the way, by its size less one
  std::map<ChainKey, SeenChain> chains_;
  std::set<Digest> kept_;  // headers and successions in the ledger
  std::set<Digest> forged_;
  std::set<NodeId> forged_nodes_;
  std::set<NodeId> kept_aside_;  // of whom the ledger holds a forged batch
  std::map<NodeId, std::set<Digest>> left_;
  std::set<Digest> acknowledged_;
  std::vector<Acknowledgement> unchecked_;
  std::vector<std::pair<NodeId, Cosignature>> unchecked_cosignatures_;
  std::set<Digest> published_;  // that have been judged
  std::map<NodeId, std::uint64_t> versions_;
  std::vector<SeenFix> fixes_;
  std::map<std::pair<NodeId, Epoch>, SeenLife> lives_;
  // What receipts speak of: from the detection to the sealing, by the host's monotonic clock. An
  // incident that stayed open, or was interrupted, tells of all fixes in between.
  struct Span {
    std::int64_t begin = 0;
    std::int64_t end = 0;
  };
  std::map<std::pair<NodeId, std::string>, std::vector<Span>> accounted_;  // by object
  std::map<NodeId, std::vector<SeenGap>> gaps_;
  std::map<std::pair<NodeId, Epoch>, Stop> stops_;
  std::vector<std::string> findings_;
  Counts counts_;
};

}  // namespace reeve::testing
