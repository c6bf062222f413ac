// Questions to the ledger, kind-blind: who is there, which records are kept, one record in full.
// Every item carries the signed objects and the Merkle path with which the asker verifies it alone
// (operator_protocol.h has the fields). Reads only; `since` is the time a record was stored here,
// which never goes backwards, and not the time that its host claims.
#pragma once

#include "controller/controller_limits.h"
#include "controller/ledger.h"
#include "controller/operator_protocol.h"
#include "controller/registry.h"
#include "controller/stored_bodies.h"

namespace reeve {

class Query {
 public:
  // Borrows all four for its life.
  Query(const Store& store, const Ledger& ledger, const Registry& registry, const Clock& clock)
      : store_(store), ledger_(ledger), registry_(registry), clock_(clock) {}

  // One item a node, by name. `connected`: heard from within three heartbeat intervals.
  Result<Value::Array> status() const;
  // Key successions of the nodes that are asked for, each from a leaf on, at most
  // limits::successions_per_reply. Errors: `malformed`, the store's.
  Result<Value::Array> successions(const Value& arguments) const;
  // Records after the cursor, oldest first, at most `limit` (at most
  // limits::operator_reply_items_max, which is also the default). Errors: `malformed`,
  // `unknown_node`, the store's.
  Result<Value::Array> records(const Value& arguments) const;
  // The newest checkpoint, with the proof that it, or the tree of `to` leaves, has grown out of the
  // tree of `from` leaves.
  // Errors: `malformed`, `ledger_too_short`, the store's.
  Result<Value::Array> checkpoint(const Value& arguments) const;
  // Where a leaf stands in the tree of `size` leaves: its path, and the ticks before it and behind
  // it with theirs, where there are any. Errors: `malformed`, `ledger_too_short`, the store's.
  Result<Value::Array> place(const Value& arguments) const;
  // The chained record of that name, then the proof that its leaf stands in the ledger. Errors:
  // `malformed`, `unknown_node`, `unknown_record`, `ambiguous_record`, the store's.
  Result<Value::Array> show(const Value& arguments) const;

  // Where the chained record of that name is. Errors: show()'s.
  struct Place {
    BatchRow batch;
    std::uint64_t index = 0;  // of the record in it
  };
  Result<Place> find(const std::string& text) const;
  // A batch with what is left of its bodies. Error `store_damaged` besides the store's.
  struct BatchInStore {
    BatchRow row;
    Leaf leaf;
    BatchHeader header;
    std::vector<StoredRecord> records;  // empty: all are withheld
  };
  Result<BatchInStore> read_batch(const BatchRow& stored) const;

 private:
  struct Wanted;
  Result<Wanted> read_wanted(const Value& arguments) const;
  Result<std::vector<Value>> items_of(const BatchRow& batch, const Wanted& wanted,
                                      std::size_t room) const;
  Result<Value> item_of(const BatchInStore& batch, std::size_t index) const;
  Status add_withheld(Value::Map& item, const BatchInStore& batch, std::size_t index) const;
  Result<Value> tick_item(const Leaf& tick, std::uint64_t size) const;
  Result<Chain> chain_named(const RecordName& name, const NodeId& node) const;

  const Store& store_;
  const Ledger& ledger_;
  const Registry& registry_;
  const Clock& clock_;
};

}  // namespace reeve
