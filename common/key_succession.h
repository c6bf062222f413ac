// Record-signing keys and how they follow one another (docs/formats.md, "Key succession"). A node's
// keys are numbered from 0, the key of its enrollment; each further one is certified by its
// predecessor alone, in a statement that also says all that the predecessor has ever signed. So
// whoever steals a key that has a successor can add nothing to what it signed, not even with the
// controller's help. Values and checks; no I/O.
#pragma once

#include <array>
#include <map>

#include "common/batch.h"

namespace reeve {

struct KeySuccession {
  // All batches of one stream that the old key has signed or may have signed in its epoch.
  struct End {
    std::uint64_t records = 0;  // sequences below this; 0 for none
    Digest header;              // of the stream's last header in that epoch; zeros for none
    bool operator==(const End&) const = default;
  };

  NodeId node;
  std::uint64_t number = 1;  // of the new key
  KeyHash old_key;
  PublicKey key;             // the new one
  std::int64_t wall_ns = 0;  // when it was made, by the node's clock
  Epoch epoch;               // the only one in which the new key signs batches
  Epoch ended;               // the one in which the old key signed some; zeros for none
  std::array<End, 2> ends;   // by Stream
  bool operator==(const KeySuccession&) const = default;
};

Bytes encode_succession(const KeySuccession& succession);
// Errors: `malformed`, `limit_exceeded`.
Result<KeySuccession> decode_succession(ByteView payload);
// Fills `old_key` and signs with that key.
Bytes seal_succession(KeySuccession succession, const SigningKey& old_key);

// A key that stands in a node's chain, as far as it has been followed.
struct RecordKey {
  PublicKey key;
  std::uint64_t number = 0;
  std::optional<Epoch> epoch;  // of the succession that certified it; a certificate names none
  KeyHash hash() const { return key_hash(key); }
  bool operator==(const RecordKey&) const = default;
};
RecordKey successor_of(const KeySuccession& succession);

// Who says to have signed an object that is signed exactly once; nothing has been verified yet.
// Errors: `malformed`, `wrong_type`, `limit_exceeded` beyond limits::trust_object_bytes_max.
Result<KeyHash> signer_of(ByteView object, ObjectType type);

// A statement of `old` about its successor. Signature first, then shape. Errors: those of
// signer_of(), `bad_signature`, `wrong_node`, and `broken_chain` where number, old key or epoch do
// not follow `old`.
Result<KeySuccession> verify_succession(ByteView object, const NodeId& node, const RecordKey& old);

// Whether a key of the chain may have signed this header, given what is known to follow it. Errors:
// `wrong_epoch`, and `key_retired` beyond what each successor says that the key has signed.
Status check_use(const RecordKey& key, std::span<const KeySuccession> successors,
                 const BatchHeader& header);

// A node's chain as far as its verified statements go, from a key that is known otherwise. Where a
// key has two successors both branches are followed.
class KeyChain {
 public:
  KeyChain(const NodeId& node, const RecordKey& anchor);

  // `added`, or `known` for what is there already. Errors: `key_unknown` where the statement's
  // signer is not in the chain, those of verify_succession(), and `limit_exceeded` beyond
  // limits::chain_keys_max.
  enum class Added { added, known };
  Result<Added> add(ByteView object);

  const RecordKey* find(const KeyHash& hash) const;
  std::span<const KeySuccession> successors(const KeyHash& hash) const;
  bool is_forked() const { return is_forked_; }  // some key has two successors
  std::size_t size() const { return keys_.size(); }

 private:
  struct Link {
    RecordKey key;
    std::vector<KeySuccession> successors;
  };
  NodeId node_;
  std::map<KeyHash, Link> keys_;
  bool is_forked_ = false;
};

}  // namespace reeve
