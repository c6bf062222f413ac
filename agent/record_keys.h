// The key that signs this node's records and heartbeats, and its rotation (docs/architecture.md,
// section 7, "Forward security"). A new key is durable, together with the old key's statement about
// it, before it signs anything; then the old one is wiped, in memory and on disk. Statements are
// kept until the controller has acknowledged them. Owned by the Agent; borrows the disk.
#pragma once

#include <deque>

#include "agent/courier_port.h"
#include "common/disk.h"
#include "common/key_succession.h"
#include "common/trust.h"
#include "common/wire.h"

namespace reeve {

class RecordKeys {
 public:
  // Takes up the newest key, and wipes what an interrupted rotation left of others. Errors: the
  // disk's, `state_incomplete` (there is no key), `malformed_key`, `key_mismatch` (the first key is
  // not that of the certificate).
  static Result<std::unique_ptr<RecordKeys>> load(Disk& disk, const NodeCertificate& certificate);
  RecordKeys(Disk& disk, const NodeId& node, SigningKey key)
      : disk_(disk), node_(node), key_(std::move(key)) {}
  RecordKeys(const RecordKeys&) = delete;
  RecordKeys& operator=(const RecordKeys&) = delete;

  // The same object for ever; what it holds changes in finish().
  const SigningKey& key() const { return key_; }
  std::uint64_t number() const { return number_; }
  // The only epoch in which this key signs batches; absent for the first key.
  const std::optional<Epoch>& epoch() const { return epoch_; }

  // What a key has signed, when another is to follow it.
  struct Ended {
    Epoch epoch;
    std::array<KeySuccession::End, 2> ends;
  };
  // A new key for this epoch. Until finish() has succeeded no batch may be sealed: the statement
  // says already what the old key has signed. Not while another one is unfinished.
  void begin(const Ended& ended, const Epoch& epoch, std::int64_t wall_ns);
  bool is_settled() const { return !next_; }
  // Makes the new key durable and takes it into use; may be tried again. Errors: the disk's, and
  // `key_backlog` beyond limits::successions_unacknowledged_max.
  Status finish();
  // Why a former key's file could not be wiped, if so; the next start tries again.
  const std::optional<Error>& wipe_refusal() const { return wipe_refusal_; }

  // Sends what is durable and not acknowledged, also while a rotation is unfinished: a backlog ends
  // in no other way. False when the courier takes no more.
  bool send(CourierPort& courier, std::int64_t now_ns);
  void send_again();  // a link that has come up
  // The ledger's leaf that an acknowledgement of a statement of ours speaks of.
  std::optional<Digest> leaf_of(const Acknowledgement& acknowledgement) const;
  // True for a statement of ours.
  bool acknowledge(const Acknowledgement& acknowledgement);
  // When send() has something to do by the clock alone.
  std::optional<std::int64_t> next_due() const;

  // Another successor of one of our keys, signed by that key: the key was used elsewhere too.
  struct Fork {
    KeySuccession ours;
    KeySuccession other;
  };
  // What the controller holds as the newest statement of this node, as an attacker may have written
  // it. One of ours: what follows it is sent again (a controller that came back from a backup).
  std::optional<Fork> hear_newest(ByteView object);

 private:
  struct Statement {
    KeySuccession link;
    Bytes object;
    Digest digest;
    std::optional<std::int64_t> sent_at;
    bool is_acknowledged = false;
  };
  struct Next {
    SigningKey key;
    KeySuccession link;
    Bytes object;
  };
  Status take_up(std::uint64_t number, ByteView file, const NodeCertificate& certificate);
  Status take_up_statements();
  void wipe_all_but(std::uint64_t number, const std::vector<std::string>& names);
  Status write_statements();
  Status write_key(std::uint64_t number, const Next& next);
  void wipe(std::string_view name);
  std::uint64_t acknowledged() const;
  void add_statement(KeySuccession link, Bytes object);
  bool is_of(const Acknowledgement& acknowledgement, const Statement& statement) const;

  Disk& disk_;
  NodeId node_;
  SigningKey key_;
  std::uint64_t number_ = 0;
  std::optional<Epoch> epoch_;
  PublicKey first_key_;  // as the certificate names it
  std::uint64_t acknowledged_at_start_ = 0;
  std::deque<Statement> statements_;  // ascending; the newest is this key's own
  bool are_statements_read_ = false;  // those before its own; finish() replaces their file
  std::optional<Next> next_;
  std::optional<Error> wipe_refusal_;
};

}  // namespace reeve
