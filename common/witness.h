// Who cosigns the ledger's checkpoints, and by which keys (docs/architecture.md, "Cosigning"). The
// witness set (signed object type 13) names nodes and how many of them make a checkpoint believed;
// an operator with the right `administer` signs it. Each witness signs with a key of that one
// purpose, which a record key of its chain certifies (type 14), so that other tools know it by one
// name and key for as long as the node keeps it. Values and checks; no I/O.
#pragma once

#include "common/note.h"
#include "common/trust.h"
#include "common/wire.h"

namespace reeve {

struct WitnessSet {
  FleetId fleet{};
  std::uint64_t version = 1;  // only grows
  std::int64_t issued_s = 0;  // seconds since 1970
  std::uint64_t need = 1;     // k: more than half of them, so that any two choices share a node
  std::vector<NodeId> nodes;
  bool operator==(const WitnessSet&) const = default;

  bool has(const NodeId& node) const;
};

Bytes encode_witness_set(const WitnessSet& set);
// Unknown fields are refused. Errors: `malformed` (also for a `need` that is no majority),
// `limit_exceeded` beyond limits::witnesses_max, `unknown_field`, `unsupported_version`.
Result<WitnessSet> decode_witness_set(ByteView payload);

struct VerifiedWitnessSet {
  WitnessSet set;
  std::string who;  // the operator's name
  KeyHash key;
  bool operator==(const VerifiedWitnessSet&) const = default;
};
// Signed by one operator of this root with the right `administer`. In this order: size and frame,
// signature (`bad_signature`, `not_an_operator`, `not_permitted`), shape (decode_witness_set()'s),
// fleet (`wrong_fleet`). Judges no time.
Result<VerifiedWitnessSet> verify_witness_set(ByteView object, const Root& root);

// The nodes that are chosen where nobody says otherwise: those with the lowest SHA-256(fleet, node
// id), so that one that leaves changes one place. In the order of their ids.
std::vector<NodeId> choose_witnesses(std::vector<NodeId> nodes, const FleetId& fleet,
                                     std::size_t count);
inline constexpr std::size_t witnesses_by_default = 15;
std::uint64_t majority_of(std::size_t nodes);

// A node's statement of the key that it cosigns with.
struct CosignerKey {
  NodeId node;
  PublicKey key;
  std::int64_t made_s = 0;  // by the node's clock
  bool operator==(const CosignerKey&) const = default;
};
Bytes seal_cosigner_key(const CosignerKey& statement, const SigningKey& record_key);
// What our own file says, or what is yet to be verified. Errors: `malformed`, `wrong_type`,
// `limit_exceeded` beyond limits::cosigner_key_bytes_max, `unsupported_version`.
Result<CosignerKey> read_cosigner_key(ByteView object);
// Signature first, then shape. Errors: read_cosigner_key()'s, `bad_signature`,
// `too_few_signatures`, `wrong_node`.
Result<CosignerKey> verify_cosigner_key(ByteView object, const NodeId& node,
                                        const PublicKey& record_key);

// The name in a witness's line of a note: ORIGIN/NODE in hexadecimal digits. An id never changes
// and belongs to nobody else ever; a node's name may.
std::string cosigner_name(const std::string& origin, const NodeId& node);

// A line of a note as a node sends it, and back.
Cosignature cosignature_of(const NoteSignature& line, std::uint64_t size, Bytes key);
NoteSignature line_of(const Cosignature& cosignature, const NoteKey& cosigner);

// Two signed checkpoints of one log. The same: nothing follows; of two sizes: nobody can tell
// without a consistency proof. Error `split_view`: one size and two roots, which no honest keeper
// of a log has ever signed.
Status require_one_view(const Checkpoint& a, const Checkpoint& b);

}  // namespace reeve
