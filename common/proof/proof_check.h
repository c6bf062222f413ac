// The judgement of a proof file: from a root that the reader trusts to the record, offline. Pure
// functions. A proof says what a node signed and that it stands in the ledger; it does not say that
// the node spoke the truth, that no later root has taken back what an earlier one gave, or, where
// it has no cosignatures, that the ledger's keeper shows everybody the same ledger.
#pragma once

#include "common/key_succession.h"
#include "common/note.h"
#include "common/proof/proof_file.h"
#include "common/record.h"
#include "common/trust.h"
#include "common/witness.h"

namespace reeve {

// The policy that a record names: which manifest, and who signed that.
struct ProvenPolicy {
  std::string name;  // the bundle's policy; empty where the record names a whole manifest
  std::uint64_t version = 0;
  Digest digest;                   // the manifest's
  std::vector<KeyHash> signers;    // keys of the policy role
  std::uint64_t root_version = 0;  // the root in which these keys have that role
};

// Who has cosigned the checkpoint, of the set that the file brings.
struct ProvenWitnesses {
  struct Cosigner {
    NodeId node;
    std::string name;  // as its certificate says
    std::int64_t time_s = 0;
    bool operator==(const Cosigner&) const = default;
  };
  VerifiedWitnessSet set;
  std::vector<Cosigner> cosigners;  // by time
  // When as many as are needed had seen this checkpoint: whoever says otherwise must say that of
  // one of them.
  std::int64_t seen_s() const { return cosigners.at(set.set.need - 1).time_s; }
};

// Ticks in the ledger, nearest to the record's leaf: on the word of the ledger's key, and kept by
// the tree.
struct ProvenTick {
  std::uint64_t leaf = 0;
  std::int64_t wall_ns = 0;
  bool operator==(const ProvenTick&) const = default;
};

struct ProvenTimes {
  std::optional<ProvenTick> before;  // the leaf came into the ledger after this one,
  std::optional<ProvenTick> after;   // and before this one
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
  std::optional<ProvenPolicy> policy;        // absent where the record names none
  std::optional<ProvenWitnesses> witnesses;  // absent where the file has no witness set
  ProvenTimes times;
};

// What must hold, in this order, and the name under which it is refused: the frame
// (decode_proof()'s errors), the roots and how they follow one that is trusted
// (`roots_do_not_follow`, `root_mismatch`), the certificate (`certificate_not_valid`), the node's
// keys (`key_not_certified`), the batch header (`header_not_signed`, `key_not_allowed`), the record
// (`record_not_in_batch`, `record_unreadable`), the ledger (`checkpoint_not_signed`,
// `not_in_ledger`), the policy (`policy_missing`, `policy_not_signed`, `policy_mismatch`), the
// witnesses (`witnesses_not_valid`, `cosigner_not_valid`, `too_few_cosignatures`), the ticks
// (`tick_not_valid`). Each detail begins with the name of what was wrong beneath. No clock is
// asked: a proof of what was does not expire. `trusted` has at least one root; with several each is
// trusted for itself.
Result<ProvenRecord> verify_proof(ByteView file, std::span<const Root> trusted);

// Who has cosigned the checkpoint of a file of which only that, the witness set and the cosigners
// need to be there; each by its own chain of keys. The ledger's own signature is not judged. Absent
// where there is no witness set, and then there may be no cosigners. Errors: `witnesses_not_valid`,
// `cosigner_not_valid`, `too_few_cosignatures`.
Result<std::optional<ProvenWitnesses>> verify_cosignatures(const ProofFile& file, const Root& root);

// The ticks of a file of which only they and the leaf's index need to be there, in the tree of this
// checkpoint, which is believed already. Error `tick_not_valid`.
Result<ProvenTimes> verify_times(const ProofFile& file, const Checkpoint& checkpoint,
                                 std::span<const Root> roots);

// For a reader who knows a witness set: the proof must be cosigned by that one or a later one.
// Errors: `cosignatures_missing`, `witnesses_rollback`, `witnesses_mismatch` (of that version there
// are two).
Status require_witnesses(const ProvenRecord& proven, const VerifiedWitnessSet& known);

}  // namespace reeve
