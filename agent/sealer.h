// Numbers, salts, chains and signs the records of one stream and makes them durable
// (docs/architecture.md section 2). A sealed batch is kept until it is durable and always written
// again with the same bytes, so that no identity is ever used twice. Owned by the Recorder; borrows
// the journal.
#pragma once

#include <deque>

#include "agent/agent_limits.h"
#include "agent/journal.h"
#include "agent/recovery.h"
#include "common/key_succession.h"

namespace reeve {

class Sealer {
 public:
  struct Origin {
    NodeId node;
    Epoch epoch;
    std::optional<ChainEnd> end;  // what the journal ends with, of an earlier epoch
  };
  // `unwritten`: batches of earlier epochs that are not known to be durable; they are written again
  // before anything else.
  Sealer(Journal& journal, const SigningKey& key, Origin origin, std::vector<Batch> unwritten);

  // False when the queue is full; the record is then the caller's to account for.
  [[nodiscard]] bool add(Bytes record);
  // What has not been sealed: its records lose nothing but their place.
  std::vector<Bytes> take_pending();
  // Of the next record that is added.
  std::uint64_t next_sequence() const { return next_ + pending_.size(); }
  bool is_idle() const { return pending_.empty() && unwritten_.empty(); }
  bool holds_sealed() const { return !unwritten_.empty(); }  // not known to be durable
  bool is_crowded() const {
    return pending_.size() >= limits::pending_records_max / 2 ||
           pending_bytes_ >= limits::pending_bytes_max / 2;
  }

  // Seals all that waits, writes it and syncs. Errors are the disk's: then nothing is lost, and the
  // next call begins a fresh segment.
  Status commit();
  // A new segment that begins with these open incidents, and intents that have no receipt yet; only
  // when idle. Errors as commit().
  Status roll(std::vector<Bytes> carried, std::vector<Bytes> intents);

  // Of this epoch, durable or not: no other bytes will ever be sealed for these.
  KeySuccession::End sealed() const { return {next_, previous_}; }
  std::uint64_t durable_records() const { return durable_records_; }  // of this epoch

 private:
  void seal_pending();
  Status write_all();

  Journal& journal_;
  const SigningKey& key_;
  Origin origin_;
  std::deque<Bytes> pending_;
  std::size_t pending_bytes_ = 0;
  std::vector<Batch> unwritten_;  // sealed, not known to be durable
  std::uint64_t next_ = 0;
  Digest previous_;
  std::uint64_t durable_records_ = 0;
};

}  // namespace reeve
