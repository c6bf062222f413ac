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

  Bytes encoded() const;
};
Pieces pieces();

}  // namespace reeve::proof_samples
