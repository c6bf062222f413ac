// Witness set payload, a map: "format" 1, "fleet" (16 bytes), "version", "issued" (seconds since
// 1970), "need", "nodes" (list of 32 bytes each). Unknown fields are refused. Cosigner key payload,
// a map: "format" 1, "node" (32 bytes), "key" (Ed25519), "made" (seconds since 1970). Unknown
// fields are ignored.
#include "common/witness.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/limits.h"
#include "common/text.h"
#include "common/trust_fields.h"

namespace reeve {

using namespace trust_fields;

namespace {

constexpr std::string_view set_what = "witness set";
constexpr std::string_view key_what = "cosigner key";

Result<const Operator*> signer_of_set(const SignedObject& object, const Root& root) {
  if (object.signatures.size() != 1) {
    return Error{"bad_signature", "witness set: one operator signs it, and nobody else"};
  }
  const Operator* who = root.operator_with(object.signatures.front().key);
  if (who == nullptr) {
    return Error{"not_an_operator", "witness set: no operator of this fleet signed it"};
  }
  REEVE_TRY(require_signatures(object, {&who->key, 1}, 1));
  if (has_right(*who, Right::administer)) return who;
  return Error{"not_permitted", "witness set: " + who->name + " has no right to administer",
               "let an operator with the right sign it"};
}

Result<std::vector<NodeId>> read_nodes(const Value::Array& items) {
  if (items.size() > limits::witnesses_max) return over_limit(set_what, "too many witnesses");
  std::vector<NodeId> nodes;
  for (const Value& item : items) {
    const auto node = item.binary() != nullptr ? fixed<32>(*item.binary()) : std::nullopt;
    if (!node) return malformed(set_what, "it names what is no node id");
    nodes.push_back(*node);
  }
  if (!all_different(nodes)) return malformed(set_what, "one node stands in it twice");
  return nodes;
}

Result<CosignerKey> decode_cosigner_key(ByteView payload) {
  auto value = decode_payload(payload, key_what);
  if (!value) return value.error();
  Fields fields(*value, key_what);
  CosignerKey statement;
  statement.node = fields.bytes<32>("node");
  statement.key = fields.bytes<32>("key");
  statement.made_s = fields.integer("made");
  REEVE_TRY(fields.finish(UnknownFields::keep));
  return statement;
}

Result<SignedObject> open_cosigner_key(ByteView object) {
  if (object.size() > limits::cosigner_key_bytes_max) return over_limit(key_what, "is too large");
  return parse_signed_object(object, ObjectType::cosigner_key);
}

}  // namespace

bool WitnessSet::has(const NodeId& node) const {
  return std::ranges::find(nodes, node) != nodes.end();
}

Bytes encode_witness_set(const WitnessSet& set) {
  return encode(Value::Map{{"format", format},
                           {"fleet", set.fleet},
                           {"version", set.version},
                           {"issued", set.issued_s},
                           {"need", set.need},
                           {"nodes", Value::Array(set.nodes.begin(), set.nodes.end())}});
}

Result<WitnessSet> decode_witness_set(ByteView payload) {
  auto value = decode_payload(payload, set_what);
  if (!value) return value.error();
  Fields fields(*value, set_what);
  fields.natural("format");
  WitnessSet set;
  set.fleet = fields.bytes<16>("fleet");
  set.version = fields.natural("version");
  set.issued_s = fields.integer("issued");
  set.need = fields.natural("need");
  const auto& items = fields.array("nodes");
  REEVE_TRY(fields.finish(UnknownFields::refuse));
  if (set.version == 0) return malformed(set_what, "version 0 does not exist");
  if (set.issued_s < 0 || set.issued_s > limits::signed_time_s_max)
    return malformed(set_what, "it was issued at no time");
  auto nodes = read_nodes(items);
  if (!nodes) return nodes.error();
  set.nodes = std::move(*nodes);
  if (set.need > set.nodes.size() || set.need < majority_of(set.nodes.size()))
    return malformed(set_what, "it needs more than half of its nodes, and no more than all");
  return set;
}

Result<VerifiedWitnessSet> verify_witness_set(ByteView object, const Root& root) {
  auto opened = open_object(object, ObjectType::witness_set);
  if (!opened) return opened.error();
  auto who = signer_of_set(*opened, root);
  if (!who) return who.error();
  auto set = decode_witness_set(opened->payload);
  if (!set) return set.error();
  REEVE_TRY(require_fleet(set_what, set->fleet, root));
  return VerifiedWitnessSet{std::move(*set), (*who)->name, key_hash((*who)->key)};
}

std::uint64_t majority_of(std::size_t nodes) { return nodes / 2 + 1; }

std::vector<NodeId> choose_witnesses(std::vector<NodeId> nodes, const FleetId& fleet,
                                     std::size_t count) {
  std::ranges::sort(nodes, {}, [&](const NodeId& node) {
    return sha256({fleet.view(), node.view()});
  });
  nodes.resize(std::min(nodes.size(), count));
  std::ranges::sort(nodes);
  return nodes;
}

Bytes seal_cosigner_key(const CosignerKey& statement, const SigningKey& record_key) {
  return seal_object(ObjectType::cosigner_key,
                     encode(Value::Map{{"format", format},
                                       {"node", statement.node},
                                       {"key", statement.key},
                                       {"made", statement.made_s}}),
                     record_key);
}

Result<CosignerKey> read_cosigner_key(ByteView object) {
  auto opened = open_cosigner_key(object);
  if (!opened) return opened.error();
  return decode_cosigner_key(opened->payload);
}

Result<CosignerKey> verify_cosigner_key(ByteView object, const NodeId& node,
                                        const PublicKey& record_key) {
  auto opened = open_cosigner_key(object);
  if (!opened) return opened.error();
  REEVE_TRY(require_signatures(*opened, {&record_key, 1}, 1));
  auto statement = decode_cosigner_key(opened->payload);
  if (statement && statement->node != node)
    return Error{"wrong_node", "cosigner key: the statement is another node's"};
  return statement;
}

std::string cosigner_name(const std::string& origin, const NodeId& node) {
  return fmt::format("{}/{}", origin, hex(node.view()));
}

Cosignature cosignature_of(const NoteSignature& line, std::uint64_t size, Bytes key) {
  ByteReader reader(line.bytes);
  Cosignature out;
  out.size = size;
  out.time_s = static_cast<std::int64_t>(reader.u64());
  out.signature = reader.take_fixed<SignatureBytes::size()>();
  REEVE_ASSERT(reader.ok() && reader.at_end());
  out.key = std::move(key);
  return out;
}

NoteSignature line_of(const Cosignature& cosignature, const NoteKey& cosigner) {
  Bytes bytes;
  append_u64(bytes, static_cast<std::uint64_t>(cosignature.time_s));
  append(bytes, cosignature.signature.view());
  return {cosigner.name, note_key_id(cosigner, NoteKeyType::cosignature), std::move(bytes)};
}

Status require_one_view(const Checkpoint& a, const Checkpoint& b) {
  if (a.origin != b.origin || a.tree.size != b.tree.size || a.tree.root == b.tree.root) return {};
  return Error{
      "split_view",
      fmt::format("two signed checkpoints of {} over {} leaves have different roots, {} and {}",
                  printable(a.origin), a.tree.size, hex(a.tree.root.view()),
                  hex(b.tree.root.view())),
      "keep both: together they prove that the ledger's keeper shows different ledgers"};
}

}  // namespace reeve
