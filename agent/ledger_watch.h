// What this agent has seen of the ledger: the newest checkpoint that it accepted, under a ledger
// key of the trusted root, and each signed one that contradicts it. An acknowledgement counts only
// where its leaf is proven to be in that checkpoint's tree; nothing else lets go of a batch. The
// first checkpoint is believed as it comes; a later one only where it has grown out of the accepted
// one. A recovery that the root's holders have signed lets go of what lies beyond it and gives the
// ledger another origin. Owned by the Agent; borrows the disk.
#pragma once

#include <deque>

#include "agent/courier_port.h"
#include "common/disk.h"
#include "common/ledger_recovery.h"
#include "common/wire.h"

namespace reeve {

class LedgerWatch {
 public:
  // Takes up the checkpoint that was written down last. `origin` is that of the trusted root, which
  // is the ledger's before its first recovery.
  LedgerWatch(Disk& disk, std::string origin);
  // What was written down could not be read: the next checkpoint is believed as a first one is.
  bool is_lost() const { return is_lost_; }

  // Takes up the checkpoint that an acknowledgement brings, where it brings one and that holds.
  // Says nothing of what is acknowledged.
  void hear(const Acknowledgement& acknowledgement, const Root& root, std::int64_t now_ns);
  // Whether the leaf is proven to be in the accepted tree. Where it is not, the controller is told
  // what this agent holds, so that it can prove from there.
  bool proves(const Acknowledgement& acknowledgement, const Digest& leaf);

  // Whether a recovery goes on from the ledger that this agent follows. False for one that it has
  // gone through already. Errors: `recovery_gap`, and `recovery_contradicts` where it trusts
  // another tree of the accepted one's size.
  Result<bool> is_next(const VerifiedRecovery& recovery, const Root& root) const;
  // Follows the ledger that goes on there. Trust in what lies beyond is let go; what was accepted
  // before it stays, and the new ledger has to grow out of that. The caller writes it down, after
  // all that is to be sent again.
  void recover(const LedgerRecovery& recovery);

  const TreeView& accepted() const { return accepted_; }
  const std::string& accepted_note() const { return note_; }  // empty: a recovery's, or none
  const std::string& origin() const { return origin_; }
  Checkpoint accepted_checkpoint() const { return {origin_, accepted_}; }
  // Since this start: `ledger_rewritten` once a signed checkpoint has contradicted the accepted
  // one; `ledger_shorter` while the newest that came has fewer leaves; else empty.
  std::string_view trouble() const;

  // A signed checkpoint that has not grown out of the accepted one.
  struct Rewrite {
    TreeView accepted;
    TreeView other;
    std::string accepted_note;
    std::string other_note;
    std::uint64_t more = 0;  // contradictions since the last one that was told of
  };
  // Each distinct one once, at most limits::rewrites_recorded_max in limits::rewrites_interval_ns.
  std::optional<Rewrite> take_rewrite() { return std::exchange(rewrite_, std::nullopt); }

  // A checkpoint was shown that could not be judged from what is accepted here.
  bool could_not_judge(const Acknowledgement& shown) const {
    return shown.tree_size > accepted_.size && shown.consistent_from != accepted_.size;
  }
  // The controller is to hear what this agent holds, at most once in limits::checkpoint_ask_ns.
  void tell_what_is_held() { is_asking_ = true; }
  // A link that has come up: the controller is to hear what this agent holds.
  void begin_link();
  // False when the courier takes no more.
  bool send(CourierPort& courier, std::int64_t now_ns);
  // When send() has something to do by the clock alone.
  std::optional<std::int64_t> next_due() const;

  // Writes the accepted checkpoint down, at most once in limits::checkpoint_write_ns. What cannot
  // be written is tried again; a lost one is older, never newer.
  void keep(std::int64_t now_ns);
  void keep_now(std::int64_t now_ns);
  // The accepted checkpoint is durable: so is all that has been proven.
  bool is_kept() const { return is_kept_; }

 private:
  void load();
  void judge(const Acknowledgement& acknowledgement, const Checkpoint& checkpoint,
             std::int64_t now_ns);
  void accept(const Checkpoint& checkpoint, ByteView note);
  void contradicted(const Checkpoint& other, ByteView note, std::int64_t now_ns);

  Disk& disk_;
  std::string origin_;
  TreeView accepted_;  // of size 0: none
  std::string note_;   // as it was signed; empty where a recovery says so
  bool is_lost_ = false;
  bool is_kept_ = true;
  std::optional<std::int64_t> kept_at_;
  bool is_rewritten_ = false;
  bool is_shorter_ = false;
  std::optional<Rewrite> rewrite_;
  std::deque<Digest> contradictions_;  // that are known, by their text
  std::int64_t rewrites_until_ = 0;    // when the records of them are counted anew
  std::size_t rewrites_ = 0;
  std::uint64_t rewrites_more_ = 0;
  bool is_asking_ = false;
  std::int64_t ask_at_ = 0;  // not before
};

}  // namespace reeve
