// This node as one of those that cosign the ledger's checkpoints (docs/architecture.md,
// "Cosigning"), where an operator's witness set names it. Asked to, it signs a checkpoint that its
// LedgerWatch has accepted, by a key of this one purpose. Before a signature leaves, the accepted
// checkpoint and what this key has signed are durable: no kill or power cut makes one key sign two
// histories. A key whose past is not known any more is replaced, and wiped with its file. Owned by
// the Agent; borrows the disk.
#pragma once

#include "agent/courier_port.h"
#include "agent/ledger_watch.h"
#include "common/witness.h"

namespace reeve {

class Witness {
 public:
  // Takes up key and memory, where they belong together and to what `watch` has accepted.
  Witness(Disk& disk, const NodeId& node, std::string origin, const LedgerWatch& watch);

  // A witness set as it is offered; true where it is news. An older one than the one that is held,
  // or one that does not hold under this root, changes nothing.
  bool hear_set(ByteView object, const Root& root);
  // Version 0: none yet. Whether this node is in it is is_member().
  std::uint64_t set_version() const { return set_ ? set_->set.version : 0; }
  bool is_member() const { return set_ && set_->set.has(node_); }

  // The controller has shown what the watch accepts now and asks for nothing else. A later question
  // takes the place of one that waits.
  void ask(const LedgerWatch& watch);

  struct Now {
    std::int64_t mono_ns = 0;
    std::int64_t trusted_s = 0;  // stands in the signature
  };
  // Cosigns what was asked for and sends it, at most once in limits::cosign_interval_ns. Nothing is
  // signed that could not be written down; that is tried again after limits::cosign_retry_ns. False
  // when the courier takes no more.
  bool send(LedgerWatch& watch, const SigningKey& record_key, CourierPort& courier, const Now& now);
  // When send() has something to do by the clock alone.
  std::optional<std::int64_t> next_due() const;

  // The largest tree that the present key has cosigned; of size 0: none.
  const TreeView& cosigned() const { return cosigned_.tree; }

 private:
  struct Key {
    SigningKey key;
    Bytes statement;  // signed object
  };
  void load(const LedgerWatch& watch);
  Status begin_key(const SigningKey& record_key, std::int64_t now_s);
  Status remember(const Checkpoint& checkpoint, const KeyHash& key);
  Status cosign_asked(LedgerWatch& watch, const SigningKey& record_key, const Now& now);

  Disk& disk_;
  NodeId node_;
  std::string origin_;  // the fleet's
  std::optional<VerifiedWitnessSet> set_;
  std::optional<Key> key_;
  Checkpoint cosigned_;              // durable
  std::optional<Checkpoint> asked_;  // was accepted when it was asked for
  std::optional<Bytes> signed_;      // a message that the courier has not taken yet
  std::int64_t due_ = 0;             // not before
};

}  // namespace reeve
