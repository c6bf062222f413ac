// The judgement of a proof file: from a root that the reader trusts to the record, offline. Pure
// functions. A proof says what a node signed and that it stands in the ledger; it does not say that
// the node spoke the truth, that no later root has taken back what an earlier one gave, or that the
// ledger's keeper shows everybody the same ledger (cosignatures would).
#pragma once

#include "common/key_succession.h"
#include "common/note.h"
#include "common/proof/proof_file.h"
#include "common/record.h"
#include "common/trust.h"

namespace reeve {

// The policy that a record names: which manifest, and who signed that.
struct ProvenPolicy {
  std::string name;  // the bundle's policy; empty where the record names a whole manifest
  std::uint64_t version = 0;
  Digest digest;                   // the manifest's
  std::vector<KeyHash> signers;    // keys of the policy role
  std::uint64_t root_version = 0;  // the root in which these keys have that role
};

struct ProvenRecord {
  Root root;                     // the newest that is trusted; judges ledger and certificate
  std::uint64_t first_root = 0;  // the oldest that is trusted
  Checkpoint checkpoint;
  KeyHash ledger_key;  // who signed that
  std::uint64_t leaf = 0;
  NodeCertificate certificate;
  std::string enroller;         // the operator who signed the certificate or its token
  bool is_under_token = false;  // the node made the certificate itself
  RecordKey key;                // that signed the batch
  bool is_key_ended = false;  // the node itself has said where that key ends, and it is behind this
  BatchHeader header;
  Digest header_digest;
  std::uint64_t index = 0;  // of the record in its batch
  Record record;
  std::optional<ProvenPolicy> policy;  // absent where the record names none
};

// What must hold, in this order, and the name under which it is refused: the frame
// (decode_proof()'s errors), the roots and how they follow one that is trusted
// (`roots_do_not_follow`, `root_mismatch`), the certificate (`certificate_not_valid`), the node's
// keys (`key_not_certified`), the batch header (`header_not_signed`, `key_not_allowed`), the record
// (`record_not_in_batch`, `record_unreadable`), the ledger (`checkpoint_not_signed`,
// `not_in_ledger`), the policy (`policy_missing`, `policy_not_signed`, `policy_mismatch`). Each
// detail begins with the name of what was wrong beneath. No clock is asked: a proof of what was
// does not expire. `trusted` has at least one root; with several each is trusted for itself.
Result<ProvenRecord> verify_proof(ByteView file, std::span<const Root> trusted);

}  // namespace reeve
