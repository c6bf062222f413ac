// Tokens and what nodes make with them, successions of keys, a ledger's recovery, signed notes:
// what is read is written
// again as the same.
#include "common/key_succession.h"
#include "common/ledger_recovery.h"
#include "common/note.h"
#include "common/token.h"
#include "common/witness.h"
#include "tests/fuzz/fuzz.h"

using namespace reeve;

namespace {

void try_tokens(ByteView bytes) {
  if (auto token = decode_token(bytes); token.ok()) {
    auto back = decode_token(encode_token(*token));
    REEVE_ASSERT(back.ok() && *back == *token);
  }
  if (auto text = decode_token_text(text_of(bytes)); text.ok()) {
    REEVE_ASSERT(decode_token_text(encode_token_text(text->object, text->key)).ok());
  }
  if (auto parts = split_enrollment(bytes); parts.ok()) {
    REEVE_ASSERT(parts->token.size() + parts->certificate.size() + 2 == bytes.size());
  }
  static_cast<void>(read_certificate(bytes));
}

void try_successions(ByteView bytes) {
  auto succession = decode_succession(bytes);
  if (!succession.ok()) return;
  auto back = decode_succession(encode_succession(*succession));
  REEVE_ASSERT(back.ok() && *back == *succession);
  KeyChain chain(succession->node, RecordKey{succession->key, 0, std::nullopt});
  REEVE_ASSERT(!chain.add(bytes).ok());  // nobody has signed it
}

void try_recoveries(ByteView bytes) {
  auto recovery = decode_recovery(bytes);
  if (!recovery.ok()) return;
  auto back = decode_recovery(encode_recovery(*recovery));
  REEVE_ASSERT(back.ok() && *back == *recovery);
}

void try_witnesses(ByteView bytes) {
  if (auto set = decode_witness_set(bytes); set.ok()) {
    auto back = decode_witness_set(encode_witness_set(*set));
    REEVE_ASSERT(back.ok() && *back == *set);
  }
  if (auto key = read_cosigner_key(bytes); key.ok()) {
    REEVE_ASSERT(!verify_cosigner_key(bytes, key->node, key->key).ok());  // it certifies another
  }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView bytes(data, size);
  try_tokens(bytes);
  try_successions(bytes);
  try_recoveries(bytes);
  try_witnesses(bytes);
  const std::string_view text = text_of(bytes);
  if (auto note = decode_note(text); note.ok()) REEVE_ASSERT(encode_note(*note) == text);
  static_cast<void>(decode_checkpoint_text(text));
  return 0;
}
