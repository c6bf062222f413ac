// The ledger: an append-only sequence of whole signed objects under an RFC 6962 tree. It owns the
// store's transactions, because the tree head is written in the same one as the leaves it covers,
// and anchors time with ticks that the ledger key signs. Nothing that it tells is durable before
// commit() has succeeded.
#pragma once

#include "common/clock.h"
#include "controller/store/store.h"

namespace reeve {

// A leaf that says when the controller was at which tree (docs/formats.md, "Tick").
struct Tick {
  std::string origin;
  std::int64_t wall_ns = 0;
  std::uint64_t size = 0;  // the tree before this tick
  Digest root;
  bool operator==(const Tick&) const = default;
};
Bytes encode_tick(const Tick& tick);
Result<Tick> decode_tick(ByteView payload);  // error `malformed`

class Ledger {
 public:
  // Borrows all three for its life. Error `store_damaged`: leaves and tree head disagree.
  static Result<std::unique_ptr<Ledger>> open(Store& store, const Clock& clock,
                                              const SigningKey& key, std::string origin);
  // What open() read: the tree head, and when the last leaf was stored.
  Ledger(Store& store, const Clock& clock, const SigningKey& key, std::string origin, TreeHead head,
         std::int64_t stored_wall_ns);
  Ledger(const Ledger&) = delete;
  Ledger& operator=(const Ledger&) = delete;

  // Between begin() and commit() everything written to the store, leaf or not, is one transaction.
  Status begin();
  // The new leaf's index.
  Result<std::uint64_t> append(ObjectType type, ByteView object);
  Status append_tick();
  // Adds a tick where leaves have come and the last is an hour old, writes the tree head, commits.
  Status commit();
  void rollback();

  // With the leaves of an open transaction.
  std::uint64_t size() const { return head_.size(); }
  Digest root() const { return head_.root(); }
  std::int64_t last_stored_wall_ns() const { return stored_wall_ns_; }

 private:
  bool tick_is_due() const;

  Store& store_;
  const Clock& clock_;
  const SigningKey& key_;
  std::string origin_;
  TreeHead head_;
  TreeHead committed_;
  std::int64_t stored_wall_ns_;
  std::optional<std::int64_t> ticked_ns_;  // boot time of the last tick of this run
};

}  // namespace reeve
