#include "common/proof/proof_check.h"

#include <fmt/format.h>

#include "common/ledger_recovery.h"
#include "common/limits.h"
#include "common/proof/proof_steps.h"
#include "common/token.h"

namespace reeve {

using namespace proof_steps;

namespace {

Error refused(std::string_view step, std::string_view detail) {
  return Error{std::string(step), std::string(detail)};
}

// The first of an object's signers who may enroll; what they signed has been verified.
const Operator* enroller_among(const SignedObject& object, const Root& root) {
  for (const Signature& signature : object.signatures) {
    const Operator* who = root.operator_with(signature.key);
    if (who != nullptr && has_right(*who, Right::enroll)) return who;
  }
  return nullptr;
}

// On whose word a verified certificate stands.
void name_enroller(ProvenRecord& proven, ByteView object) {
  const bool is_plain = parse_signed_object(object, ObjectType::node_certificate).ok();
  const auto type = is_plain ? ObjectType::node_certificate : ObjectType::node_enrollment;
  const auto opened = parse_signed_object(object, type);
  REEVE_ASSERT(opened.ok());
  const Operator* who = enroller_among(*opened, proven.root);
  if (who == nullptr) {
    const auto parts = split_enrollment(opened->payload);
    const auto token = parts.ok() ? parse_signed_object(parts->token, ObjectType::enrollment_token)
                                  : Result<SignedObject>(parts.error());
    if (token.ok()) who = enroller_among(*token, proven.root);
    proven.is_under_token = true;
  }
  if (who != nullptr) proven.enroller = who->name;
}

Status prove_certificate(ProvenRecord& proven, ByteView object) {
  auto certificate = verify_certificate(object, proven.root);
  if (!certificate.ok()) {
    Error error = proof_steps::refused("certificate_not_valid", certificate.error());
    if (certificate.error().name == "not_an_enroller")
      error.next = "if that operator has left since, judge it by the root of its time: --root";
    return error;
  }
  proven.certificate = *std::move(certificate);
  name_enroller(proven, object);
  return {};
}

// Every statement in the file must follow, those behind the signing key as well.
Result<KeyChain> prove_keys(const NodeCertificate& certificate,
                            std::span<const ByteView> successions) {
  KeyChain chain(certificate.node, RecordKey{certificate.record_key, 0, std::nullopt});
  for (ByteView object : successions) {
    const auto added = chain.add(object);
    if (!added.ok()) return proof_steps::refused("key_not_certified", added.error());
    if (*added == KeyChain::Added::known)
      return refused("key_not_certified", "broken_chain: one succession stands in it twice");
  }
  return chain;
}

Status prove_header(ProvenRecord& proven, ByteView object, const KeyChain& chain) {
  constexpr std::string_view step = "header_not_signed";
  const auto signer = signer_of(object, ObjectType::batch_header);
  if (!signer.ok()) return proof_steps::refused(step, signer.error());
  const RecordKey* key = chain.find(*signer);
  if (key == nullptr) {
    return refused("key_not_certified",
                   "key_unknown: no succession in the file leads to the batch's signer");
  }
  const auto opened = parse_signed_object(object, ObjectType::batch_header);
  if (auto holds = require_signatures(*opened, {&key->key, 1}, 1); !holds.ok())
    return proof_steps::refused(step, holds.error());
  auto header = decode_batch_header(opened->payload);
  if (!header.ok()) return proof_steps::refused(step, header.error());
  if (header->key != *signer)
    return refused(step, "bad_signature: it names another key than the one that signed");
  if (header->node != proven.certificate.node) return refused(step, "wrong_node: another node's");
  const auto successors = chain.successors(*signer);
  if (auto may = check_use(*key, successors, *header); !may.ok())
    return proof_steps::refused("key_not_allowed", may.error());
  proven.header = *header;
  proven.header_digest = sha256(object);
  proven.key = *key;
  proven.is_key_ended = !successors.empty();
  return {};
}

Status prove_record(ProvenRecord& proven, const ProofFile& file) {
  const Digest leaf = record_leaf_hash(file.salt, file.record);
  const BatchHeader& header = proven.header;
  if (!inclusion_holds(leaf, file.index, header.count, file.record_path, header.root)) {
    return refused("record_not_in_batch",
                   "root_mismatch: its path does not lead to the root in the batch header");
  }
  auto record = decode_record(file.record);
  if (!record.ok()) return proof_steps::refused("record_unreadable", record.error());
  proven.index = file.index;
  proven.record = *std::move(record);
  return {};
}

Status prove_place(ProvenRecord& proven, const ProofFile& file) {
  const Root& root = proven.root;
  const std::string_view note = text_of(file.checkpoint);
  auto checkpoint = verify_ledger_checkpoint(note, root);
  if (!checkpoint.ok()) {
    Error error = proof_steps::refused("checkpoint_not_signed", checkpoint.error());
    if (checkpoint.error().name == "too_few_signatures")
      error.next = "if the ledger's key was replaced since, prove the record anew";
    return error;
  }
  for (const PublicKey& key : root.ledger.keys) {
    if (verify_checkpoint(note, checkpoint->origin, {&key, 1}).ok())
      proven.ledger_key = key_hash(key);
  }
  const TreeView& tree = checkpoint->tree;
  if (!inclusion_holds(leaf_hash(file.header), file.leaf, tree.size, file.leaf_path, tree.root)) {
    return refused("not_in_ledger",
                   fmt::format("root_mismatch: its path does not lead to the checkpoint over {} "
                               "leaves",
                               tree.size));
  }
  proven.checkpoint = *std::move(checkpoint);
  proven.leaf = file.leaf;
  return {};
}

}  // namespace

Result<ProvenRecord> verify_proof(ByteView bytes, std::span<const Root> trusted) {
  REEVE_ASSERT(!trusted.empty());
  const auto file = decode_proof(bytes);
  if (!file.ok()) return file.error();
  auto roots = trusted_roots(file->roots, trusted);
  if (!roots.ok()) return roots.error();
  ProvenRecord proven;
  proven.root = roots->back();
  proven.first_root = roots->front().version;
  REEVE_TRY(prove_certificate(proven, file->certificate));
  const auto chain = prove_keys(proven.certificate, file->successions);
  if (!chain.ok()) return chain.error();
  REEVE_TRY(prove_header(proven, file->header, *chain));
  REEVE_TRY(prove_record(proven, *file));
  REEVE_TRY(prove_place(proven, *file));
  auto policy = prove_policy(proven.record, file->manifest, *roots);
  if (!policy.ok()) return policy.error();
  proven.policy = *std::move(policy);
  auto witnesses = verify_cosignatures(*file, proven.root);
  if (!witnesses.ok()) return witnesses.error();
  proven.witnesses = *std::move(witnesses);
  const auto times = verify_times(*file, proven.checkpoint, *roots);
  if (!times.ok()) return times.error();
  proven.times = *times;
  return proven;
}

}  // namespace reeve
