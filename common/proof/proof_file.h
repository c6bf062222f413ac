// The proof file (docs/formats.md, "Proof file"): one record of the ledger with everything that it
// takes to judge it without asking anybody. Here are its parts only, as views into its bytes;
// nothing of them is verified (proof_check.h does that).
#pragma once

#include "common/merkle.h"

namespace reeve {

// A tick in the tree of the proof's checkpoint.
struct ProofTick {
  std::uint64_t leaf = 0;
  std::vector<Digest> path;
  ByteView object;  // signed object; empty: there is no such part
};

struct ProofFile {
  std::vector<ByteView> roots;        // signed objects, by version
  ByteView certificate;               // signed object of either form
  std::vector<ByteView> successions;  // signed objects, from the certificate's key on
  ByteView header;                    // the batch header, a signed object and the ledger's leaf
  Salt salt;
  ByteView record;
  std::uint64_t index = 0;  // of the record within its batch
  std::vector<Digest> record_path;
  std::uint64_t leaf = 0;  // of the header within the ledger
  std::vector<Digest> leaf_path;
  ByteView checkpoint;  // C2SP signed note; cosignatures are lines of it
  ByteView manifest;    // signed object; empty where the record names none
  ByteView witnesses;   // signed object, a witness set; empty for none
  // One behind another: certificate, successions to the key that certifies the cosigner's, and the
  // statement of that key; all signed objects.
  std::vector<ByteView> cosigners;
  ProofTick before;  // nearest to the header's leaf
  ProofTick after;
};

Bytes encode_proof(const ProofFile& proof);
// Errors: `malformed_proof`, `unsupported_version`, `limit_exceeded`. Views into bytes.
Result<ProofFile> decode_proof(ByteView bytes);

}  // namespace reeve
