// What this machine has verified of the fleet's nodes before: so that a controller that leaves a
// node out, or shows an older state of it, is noticed, and so that a chain of record keys is
// followed from where it was followed to last time (docs/formats.md, "Known nodes"). Kept in the
// fleet directory; another operator's machine has its own.
#pragma once

#include <map>

#include "common/key_succession.h"

namespace reeve::cli {

struct KnownNode {
  std::string name;
  std::uint64_t certificate_version = 0;
  std::optional<RecordKey> newest_key;  // verified; none: the certificate's
  std::uint64_t next_leaf = 0;          // where successions after that key go on
  bool is_forked = false;               // a key with two successors, under this certificate
  Epoch epoch;                          // of the newest heartbeat that was verified
  std::uint64_t count = 0;
  bool is_ended = false;                // an operator has revoked or retired it
  bool operator==(const KnownNode&) const = default;
};
using KnownNodes = std::map<NodeId, KnownNode>;

Bytes encode_known_nodes(const KnownNodes& nodes);
// Error `known_nodes_damaged`.
Result<KnownNodes> decode_known_nodes(ByteView bytes);

// As the file at `path` has them; none where there is no file. Errors: `known_nodes_damaged`, those
// of read_file().
Result<KnownNodes> load_known_nodes(const std::string& path);

}  // namespace reeve::cli
