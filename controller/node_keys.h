// Which record keys a node has: that of its certificate and all that successions certify. The
// newest is kept in the registry, all others are read from the store, since nearly everything that
// comes is signed by the newest.
#pragma once

#include "controller/registry.h"

namespace reeve {

class NodeKeys {
 public:
  explicit NodeKeys(const Store& store) : store_(store) {}

  // Absent where the node has no such key. Errors: the store's, `store_damaged`.
  Result<std::optional<RecordKey>> find(const Node& node, const KeyHash& hash) const;
  // More than one for a key that was used twice (`key_fork`). Errors as find().
  Result<std::vector<KeySuccession>> successors(const Node& node, const RecordKey& key) const;
  // The successions from the certificate's key to this one, each certified by the one before it.
  // Errors as find(); `key_unknown` where nothing leads to it.
  Result<std::vector<Bytes>> way_to(const Node& node, const KeyHash& hash) const;

 private:
  const Store& store_;
};

}  // namespace reeve
