// The ledger: an append-only sequence of whole signed objects under an RFC 6962 tree. It owns the
// store's transactions, because the tree head and the checkpoint that the ledger key signs are
// written in the same one as the leaves they cover, and anchors time with ticks. Nothing that it
// tells is durable before commit() has succeeded, but for checkpoint().
#pragma once

#include "common/clock.h"
#include "common/note.h"
#include "common/tick.h"
#include "controller/log_hashes.h"

namespace reeve {

class Ledger {
 public:
  // Borrows all three for its life. `origin` is that of its newest recovery, or the fleet's. Error
  // `store_damaged`: leaves and tree head disagree.
  static Result<std::unique_ptr<Ledger>> open(Store& store, const Clock& clock,
                                              const SigningKey& key, std::string origin);
  // What open() read: the tree head, when the last leaf was stored, and the last checkpoint.
  struct Before {
    TreeHead head;
    std::int64_t stored_wall_ns = 0;
    std::string checkpoint;
    LedgerState state{};
  };
  Ledger(Store& store, const Clock& clock, const SigningKey& key, std::string origin,
         Before before);
  Ledger(const Ledger&) = delete;
  Ledger& operator=(const Ledger&) = delete;

  // Between begin() and commit() everything written to the store, leaf or not, is one transaction.
  Status begin();
  // The new leaf's index. Error `recovery_needed` while the ledger awaits its recovery, besides the
  // store's.
  Result<std::uint64_t> append(ObjectType type, ByteView object);
  Status append_tick();
  // A recovery: from here on the ledger has this origin, and may grow.
  Status go_on_as(std::string origin);
  // Adds a tick where leaves have come and the last is an hour old, writes the tree head and signs
  // a checkpoint of it, commits.
  Status commit();
  void rollback();

  // With the leaves of an open transaction.
  std::uint64_t size() const { return head_.size(); }
  Digest root() const { return head_.root(); }
  std::int64_t last_stored_wall_ns() const { return stored_wall_ns_; }

  // What is committed: never a leaf that could still vanish. The checkpoint is a C2SP signed note,
  // empty before the first commit.
  const std::string& checkpoint() const { return checkpoint_; }
  TreeView committed() const { return {committed_.size(), committed_.root()}; }
  const LogHashes& hashes() const { return hashes_; }
  const std::string& origin() const { return origin_; }
  bool awaits_recovery() const { return state_ == LedgerState::awaits_recovery; }

 private:
  bool tick_is_due() const;
  Result<std::string> write_head();

  Store& store_;
  const Clock& clock_;
  const SigningKey& key_;
  std::string origin_;
  std::string committed_origin_;
  LedgerState state_;
  LedgerState committed_state_;
  TreeHead head_;
  TreeHead committed_;
  std::string checkpoint_;
  LogHashes hashes_;
  std::int64_t stored_wall_ns_;
  std::optional<std::int64_t> ticked_ns_;  // boot time of the last tick of this run
};

}  // namespace reeve
