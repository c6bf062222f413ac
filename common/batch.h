// Batches: the unit that is signed, journaled, sent and logged (docs/architecture.md section 2). A
// batch is a signed header (the ledger leaf) followed by its record bodies as (salt, length,
// bytes). Record identity is (node, epoch, stream, sequence); sequences count from 0 in each epoch
// and stream.
#pragma once

#include "common/merkle.h"
#include "common/policy.h"
#include "common/signed_object.h"

namespace reeve {

struct BatchHeader {
  NodeId node;
  Epoch epoch;
  Stream stream{};
  std::uint64_t first = 0;  // sequence of the first record
  std::uint64_t count = 0;  // at least 1
  Digest previous;          // SHA-256 of the previous header's signed object; zero for the first
  Digest root;              // Merkle root over the salted records
  KeyHash key;              // of the signing key
  bool operator==(const BatchHeader&) const = default;
};

struct SaltedRecord {
  Salt salt;
  Bytes bytes;
  bool operator==(const SaltedRecord&) const = default;
};

struct Batch {
  Bytes header_object;  // the signed object, as signed
  BatchHeader header;
  std::vector<SaltedRecord> records;

  Digest header_digest() const { return sha256(header_object); }
};

Bytes encode_batch_header(const BatchHeader& header);
Result<BatchHeader> decode_batch_header(ByteView payload);

// Fills count, root and key from the records and the signing key, and signs.
Batch seal_batch(BatchHeader header, std::vector<SaltedRecord> records, const SigningKey& key);

Bytes encode_batch(const Batch& batch);

// In this order: frame, signature by `key`, header, bodies against the root. Errors: `malformed`,
// `wrong_type`, `bad_signature`, `limit_exceeded`, `root_mismatch`.
Result<Batch> open_batch(ByteView bytes, const PublicKey& key);
// The same without a signature check: only for bytes of our own journal, whose frames have
// checksums.
Result<Batch> read_own_batch(ByteView bytes);

}  // namespace reeve
