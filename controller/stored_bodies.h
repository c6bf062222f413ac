// Record bodies as the store keeps them beside a batch's header (docs/formats.md, "Ledger"): salt,
// length and record each, as they were sent; of a record whose body was redacted zeros, length 0
// and the leaf's hash, so that its neighbours are still proven; nothing at all where all of a
// batch's bodies are withheld. Pure functions.
#pragma once

#include "common/batch.h"
#include "common/record.h"

namespace reeve {

struct StoredRecord {
  std::optional<SaltedRecord> body;  // absent: redacted
  Digest hash;                       // of its leaf in the batch
};

// Checked against the header's count and root; empty where all are withheld. Errors: `malformed`,
// `root_mismatch`.
Result<std::vector<StoredRecord>> read_bodies(const BatchHeader& header, ByteView bodies);
// A `gap` record: it is never withheld.
bool accounts_for_missing(ByteView record);
Bytes encode_bodies(const std::vector<StoredRecord>& records);

}  // namespace reeve
