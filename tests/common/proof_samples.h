// One proof with all of its parts, from fixed keys: what tests of proof files, their golden file
// and those who change one thing in it begin from.
#pragma once

#include "common/key_succession.h"
#include "common/proof/proof_check.h"
#include "common/record.h"
#include "common/trust.h"

namespace reeve::proof_samples {

SigningKey key(std::uint8_t number);

inline constexpr std::uint8_t root_key = 1;
inline constexpr std::uint8_t policy_key = 2;
inline constexpr std::uint8_t ledger_key = 3;
inline constexpr std::uint8_t operator_key = 4;
inline constexpr std::uint8_t first_record_key = 5;
inline constexpr std::uint8_t signing_record_key = 6;  // of the batch; certified by the first
inline constexpr std::uint8_t next_record_key = 7;
inline constexpr std::uint8_t stranger_key = 8;
// Witnesses: the first record key of each, and the one by which it cosigns.
inline constexpr std::array<std::uint8_t, 3> witness_record_keys{11, 12, 13};
inline constexpr std::array<std::uint8_t, 3> witness_keys{21, 22, 23};

Root root(std::uint64_t version = 1);
Manifest manifest();
Receipt receipt();
KeySuccession first_succession();   // to signing_record_key
KeySuccession second_succession();  // to next_record_key: signing_record_key ended with the batch

// Everything that a proof is made of, whole and as it is signed; encoded() puts it together after
// whatever a test has changed, with paths that fit.
struct Pieces {
  std::vector<Bytes> roots;
  Bytes certificate;
  std::vector<Bytes> successions;
  BatchHeader header;
  SigningKey header_key = key(signing_record_key);
  std::uint8_t signature_change = 0;  // of the header's: a bit that is set is flipped
  std::vector<SaltedRecord> records;
  std::size_t index = 1;  // which of them is proven
  std::size_t leaf = 3;   // of the ledger below
  std::size_t leaves = 6;
  SigningKey ledger_key = key(proof_samples::ledger_key);
  std::string origin;
  Bytes manifest;
  WitnessSet witnesses;  // without nodes: there are none
  std::vector<std::size_t> cosigners{0, 1};
  std::array<std::int64_t, 3> cosigned_s{};
  std::uint8_t set_signer = operator_key;
  std::int64_t before_ns = 0;  // the ticks' times
  std::int64_t after_ns = 0;

  Bytes encoded() const;
  std::string noted(const Checkpoint& checkpoint) const;
};
// With two cosigners of three, both needed, a tick before the record and one behind it.
Pieces pieces();
Bytes cosigner_part(std::size_t which);  // certificate, a succession, and its key's statement
NodeId witness_id(std::size_t which);

}  // namespace reeve::proof_samples
