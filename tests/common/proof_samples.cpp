#include "tests/common/proof_samples.h"

#include <algorithm>

#include "common/note.h"
#include "common/tick.h"

namespace reeve::proof_samples {

namespace {

constexpr std::int64_t now_s = 1'767'225'600;
constexpr std::int64_t now_ns = now_s * 1'000'000'000;

template <std::size_t N>
FixedBytes<N> filled(std::uint8_t byte) {
  FixedBytes<N> out;
  out.data.fill(byte);
  return out;
}

const Epoch epoch = filled<16>(0xe1);

NodeCertificate certificate() {
  NodeCertificate out;
  out.fleet = filled<16>(0xf1);
  out.record_key = key(first_record_key).public_key();
  out.node = key_hash(out.record_key);
  out.name = "web1";
  out.labels = {{"role", "web"}};
  out.transport_key = filled<32>(0x17);
  out.issued_s = now_s;
  return out;
}

}  // namespace

SigningKey key(std::uint8_t number) { return SigningKey::from_seed(filled<32>(number)); }

Root root(std::uint64_t version) {
  Root out;
  out.fleet = filled<16>(0xf1);
  out.version = version;
  out.expires_s = now_s + 86'400;
  out.origin = "acme";
  out.root = {{key(root_key).public_key()}, 1};
  out.policy = {{key(policy_key).public_key()}, 1};
  out.ledger = {{key(ledger_key).public_key()}, 1};
  out.operators = {{"ada",
                    key(operator_key).public_key(),
                    filled<32>(0x18),
                    {Right::view, Right::enroll, Right::administer}}};
  return out;
}

Manifest manifest() {
  Manifest out;
  out.fleet = root().fleet;
  out.version = 5;
  out.created_s = now_s;
  out.expires_s = now_s + 86'400;
  out.source_revision = "3f9a01c2";
  out.bundles = {{"baseline", filled<32>(0xb2), 4'096, 2, {}, {}}};
  return out;
}

Receipt receipt() {
  Receipt out;
  out.incident = filled<16>(0x1c);
  out.rule = "motd-mode";
  out.kind = "file";
  out.object = "/etc/motd";
  out.outcome = outcome::fixed;
  out.policy = {"baseline", 5, filled<32>(0xb2), {key(policy_key).hash()}};
  return out;
}

KeySuccession first_succession() {
  KeySuccession out;
  out.node = certificate().node;
  out.number = 1;
  out.key = key(signing_record_key).public_key();
  out.wall_ns = now_ns;
  out.epoch = epoch;
  return out;
}

KeySuccession second_succession() {
  KeySuccession out = first_succession();
  out.number = 2;
  out.key = key(next_record_key).public_key();
  out.epoch = filled<16>(0xe2);
  out.ended = epoch;
  out.ends[0] = {20, filled<32>(0xd1)};
  return out;
}

NodeId witness_id(std::size_t which) { return key(witness_record_keys[which]).hash(); }

// The statement is by the second record key, as after a start.
Bytes cosigner_part(std::size_t which) {
  const SigningKey first = key(witness_record_keys[which]);
  const SigningKey second = key(static_cast<std::uint8_t>(witness_record_keys[which] + 20));
  NodeCertificate certificate;
  certificate.record_key = first.public_key();
  certificate.node = first.hash();
  certificate.fleet = root().fleet;
  certificate.name = "witness" + std::to_string(which);
  certificate.transport_key = filled<32>(static_cast<std::uint8_t>(0x30 + which));
  certificate.issued_s = now_s;
  Bytes out =
      seal_object(ObjectType::node_certificate, encode_certificate(certificate), key(operator_key));
  KeySuccession link;
  link.node = certificate.node;
  link.number = 1;
  link.key = second.public_key();
  link.wall_ns = now_ns;
  link.epoch = filled<16>(0xe7);
  append(out, seal_succession(link, first));
  append(out, seal_cosigner_key({certificate.node, key(witness_keys[which]).public_key(), now_s},
                                second));
  return out;
}

Pieces pieces() {
  Pieces out;
  out.witnesses.fleet = root().fleet;
  out.witnesses.version = 2;
  out.witnesses.issued_s = now_s;
  out.witnesses.need = 2;
  for (std::size_t i = 0; i < 3; ++i) out.witnesses.nodes.push_back(witness_id(i));
  std::ranges::sort(out.cosigners, {}, witness_id);
  out.cosigned_s = {now_s + 60, now_s + 50, now_s + 70};
  out.before_ns = now_ns - 1'000'000'000;
  out.after_ns = now_ns + 3'600'000'000'000;
  out.roots = {seal_object(ObjectType::root, encode_root(root()), key(root_key))};
  out.certificate = seal_object(ObjectType::node_certificate, encode_certificate(certificate()),
                                key(operator_key));
  out.successions = {seal_succession(first_succession(), key(first_record_key)),
                     seal_succession(second_succession(), key(signing_record_key))};
  out.header.node = certificate().node;
  out.header.epoch = epoch;
  out.header.first = 17;
  out.header.previous = filled<32>(0xd5);
  out.records = {
      {filled<16>(0x51), encode_record("frozen", {1, now_ns}, {}, {{"how", "stalled"}})},
      {filled<16>(0x52), encode_receipt(receipt(), {2, now_ns})},
      {filled<16>(0x53), encode_record("frozen", {3, now_ns}, {}, {{"how", "suspended"}})}};
  out.origin = root().origin;
  out.manifest = seal_object(ObjectType::manifest, encode_manifest(manifest()), key(policy_key));
  return out;
}

Bytes Pieces::encoded() const {
  Batch batch = seal_batch(header, records, header_key);
  batch.header_object[signed_object_header_bytes + KeyHash::size()] ^= signature_change;
  std::vector<Digest> record_hashes;
  for (const SaltedRecord& record : batch.records)
    record_hashes.push_back(record_leaf_hash(record.salt, record.bytes));
  const auto tick_at = [&](std::size_t at, std::int64_t wall_ns) {
    const Tick tick{root().origin, wall_ns, at, filled<32>(0xc1)};
    return seal_object(ObjectType::tick, encode_tick(tick), key(proof_samples::ledger_key));
  };
  const Bytes before = tick_at(0, before_ns);
  const Bytes after = tick_at(leaves - 1, after_ns);
  std::vector<Digest> leaf_hashes;
  for (std::size_t i = 0; i < leaves; ++i)
    leaf_hashes.push_back(filled<32>(static_cast<std::uint8_t>(0x60 + i)));
  leaf_hashes.front() = leaf_hash(before);
  leaf_hashes.back() = leaf_hash(after);
  leaf_hashes[leaf] = leaf_hash(batch.header_object);
  const std::string note = noted({origin, {leaves, tree_root(leaf_hashes)}});
  const Bytes set =
      seal_object(ObjectType::witness_set, encode_witness_set(witnesses), key(set_signer));
  std::vector<Bytes> parts;
  for (const std::size_t which : cosigners) parts.push_back(cosigner_part(which));
  ProofFile file;
  file.roots.assign(roots.begin(), roots.end());
  file.certificate = certificate;
  file.successions.assign(successions.begin(), successions.end());
  file.header = batch.header_object;
  file.salt = batch.records[index].salt;
  file.record = batch.records[index].bytes;
  file.index = index;
  file.record_path = inclusion_path(record_hashes, index);
  file.leaf = leaf;
  file.leaf_path = inclusion_path(leaf_hashes, leaf);
  file.checkpoint = view_of(note);
  file.manifest = manifest;
  if (!witnesses.nodes.empty()) file.witnesses = set;
  file.cosigners.assign(parts.begin(), parts.end());
  file.before = {0, inclusion_path(leaf_hashes, 0), before};
  file.after = {leaves - 1, inclusion_path(leaf_hashes, leaves - 1), after};
  return encode_proof(file);
}

// The ledger's own line, and those of the cosigners.
std::string Pieces::noted(const Checkpoint& checkpoint) const {
  const std::string text = checkpoint_text(checkpoint);
  Note note{text, {sign_note(text, checkpoint.origin, ledger_key)}};
  for (const std::size_t which : cosigners) {
    note.signatures.push_back(cosign(text, cosigner_name(root().origin, witness_id(which)),
                                     key(witness_keys[which]), cosigned_s[which]));
  }
  return encode_note(note);
}

}  // namespace reeve::proof_samples
