// The cosignatures of a proof's checkpoint, each from the root to the line in the note.
#include <fmt/format.h>

#include <algorithm>

#include "common/limits.h"
#include "common/proof/proof_steps.h"
#include "common/text.h"

namespace reeve {

namespace proof_steps {

namespace {

constexpr std::string_view step = "cosigner_not_valid";

Error not_valid(std::string_view problem) { return Error{std::string(step), std::string(problem)}; }

// The signed objects that stand one behind another in a cosigner's part: two at least.
Result<std::vector<ByteView>> split_cosigner(ByteView part) {
  std::vector<ByteView> objects;
  while (!part.empty()) {
    const auto size = signed_object_size(part);
    if (!size.ok()) return refused(step, size.error());
    if (objects.size() > limits::chain_keys_max) return not_valid("limit_exceeded: too many keys");
    objects.push_back(part.first(*size));
    part = part.subspan(*size);
  }
  if (objects.size() < 2) return not_valid("malformed: no certificate, or no key");
  return objects;
}

// By the certificate, then by the chain of record keys from it.
Result<CosignerKey> prove_key(const NodeCertificate& certificate,
                              std::span<const ByteView> objects) {
  KeyChain chain(certificate.node, RecordKey{certificate.record_key, 0, std::nullopt});
  for (ByteView object : objects.first(objects.size() - 1)) {
    const auto added = chain.add(object);
    if (!added.ok()) return refused(step, added.error());
    if (*added == KeyChain::Added::known)
      return not_valid("broken_chain: one succession stands in it twice");
  }
  const auto signer = signer_of(objects.back(), ObjectType::cosigner_key);
  if (!signer.ok()) return refused(step, signer.error());
  const RecordKey* record_key = chain.find(*signer);
  if (record_key == nullptr)
    return not_valid("key_unknown: no succession leads to the key that certifies the cosigner's");
  auto key = verify_cosigner_key(objects.back(), certificate.node, record_key->key);
  if (!key.ok()) return refused(step, key.error());
  return key;
}

Result<ProvenWitnesses::Cosigner> prove_cosigner(ByteView part, const Note& note, const Root& root,
                                                 const WitnessSet& set) {
  const auto objects = split_cosigner(part);
  if (!objects.ok()) return objects.error();
  const auto certificate = verify_certificate(objects->front(), root);
  if (!certificate.ok()) return refused(step, certificate.error());
  if (!set.has(certificate->node)) return not_valid("not_a_witness: it is not in the set");
  const auto key = prove_key(*certificate, std::span(*objects).subspan(1));
  if (!key.ok()) return key.error();
  const auto at = cosigned_at(note, {cosigner_name(root.origin, certificate->node), key->key});
  if (!at.ok()) return refused(step, at.error());
  if (!*at) return not_valid("too_few_signatures: the checkpoint has no line of its");
  return ProvenWitnesses::Cosigner{certificate->node, certificate->name, **at};
}

}  // namespace

}  // namespace proof_steps

using namespace proof_steps;

Result<std::optional<ProvenWitnesses>> verify_cosignatures(const ProofFile& file,
                                                           const Root& root) {
  if (file.witnesses.empty() && !file.cosigners.empty())
    return Error{"witnesses_not_valid", "cosigners of no witness set"};
  if (file.witnesses.empty()) return std::optional<ProvenWitnesses>{};
  auto set = verify_witness_set(file.witnesses, root);
  if (!set.ok()) return refused("witnesses_not_valid", set.error());
  const auto note = decode_note(text_of(file.checkpoint));
  if (!note.ok()) return refused(step, note.error());
  ProvenWitnesses proven{*std::move(set), {}};
  for (ByteView part : file.cosigners) {
    auto cosigner = prove_cosigner(part, *note, root, proven.set.set);
    if (!cosigner.ok()) return cosigner.error();
    if (!proven.cosigners.empty() && !(proven.cosigners.back().node < cosigner->node))
      return not_valid("cosigners are not in the order of their ids, or one stands there twice");
    proven.cosigners.push_back(*std::move(cosigner));
  }
  if (proven.cosigners.size() < proven.set.set.need) {
    return Error{
        "too_few_cosignatures",
        fmt::format("{} of {} witnesses have cosigned the checkpoint, {} are needed",
                    proven.cosigners.size(), proven.set.set.nodes.size(), proven.set.set.need)};
  }
  std::ranges::stable_sort(proven.cosigners, {}, &ProvenWitnesses::Cosigner::time_s);
  return std::optional(std::move(proven));
}

Status require_witnesses(const ProvenRecord& proven, const VerifiedWitnessSet& known) {
  if (!proven.witnesses) {
    return Error{"cosignatures_missing",
                 "no witness has cosigned its checkpoint, and this fleet has witnesses",
                 "prove the record anew"};
  }
  const WitnessSet& set = proven.witnesses->set.set;
  if (set.version < known.set.version) {
    return Error{"witnesses_rollback",
                 fmt::format("cosigned by witness set version {}, and version {} is known here",
                             set.version, known.set.version),
                 "prove the record anew, or name the set of its time by --witnesses"};
  }
  if (set.version > known.set.version || set == known.set) return {};
  return Error{
      "witnesses_mismatch",
      fmt::format("version {} of the witness set is another one than the one that is known "
                  "here",
                  set.version),
      "ask who administers the fleet: two sets of one version were signed"};
}

}  // namespace reeve
