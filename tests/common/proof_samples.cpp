#include "tests/common/proof_samples.h"

#include "common/note.h"

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
  out.operators = {
      {"ada", key(operator_key).public_key(), filled<32>(0x18), {Right::view, Right::enroll}}};
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

Pieces pieces() {
  Pieces out;
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
  std::vector<Digest> leaf_hashes;
  for (std::size_t i = 0; i < leaves; ++i) {
    leaf_hashes.push_back(i == leaf ? leaf_hash(batch.header_object)
                                    : filled<32>(static_cast<std::uint8_t>(0x60 + i)));
  }
  const std::string note = sign_checkpoint({origin, {leaves, tree_root(leaf_hashes)}}, ledger_key);
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
  return encode_proof(file);
}

}  // namespace reeve::proof_samples
