// Node certificate payload, a map: "format" 1, "fleet" (16 bytes), "node" (32 bytes), "name",
// "labels": {label: value}, "key" (Ed25519), "tkey" (X25519), "version", "issued" (seconds since
// 1970). Unknown fields are ignored: older readers must still know the node.
#include "common/limits.h"
#include "common/token.h"
#include "common/trust_fields.h"

namespace reeve {

using namespace trust_fields;

namespace {

constexpr std::string_view what = "node certificate";

Result<Labels> read_labels(const Value& value) {
  if (!value.map()) return malformed(what, "its labels are not a map");
  if (value.map()->size() > limits::labels_max) return over_limit(what, "too many labels");
  Labels labels;
  for (const auto& [label, given] : *value.map()) {
    if (!is_valid_id(label) || !given.text() || !is_valid_id(*given.text())) {
      return malformed(what, "a label or its value is not valid");
    }
    labels[label] = *given.text();
  }
  return labels;
}

}  // namespace

Bytes encode_certificate(const NodeCertificate& certificate) {
  Value::Map labels(certificate.labels.begin(), certificate.labels.end());
  return encode(Value::Map{{"format", format},
                           {"fleet", certificate.fleet},
                           {"node", certificate.node},
                           {"name", certificate.name},
                           {"labels", std::move(labels)},
                           {"key", certificate.record_key},
                           {"tkey", certificate.transport_key},
                           {"version", certificate.version},
                           {"issued", certificate.issued_s}});
}

Result<NodeCertificate> decode_certificate(ByteView payload) {
  auto value = decode_payload(payload, what);
  if (!value) return value.error();
  Fields fields(*value, what);
  NodeCertificate certificate;
  certificate.fleet = fields.bytes<16>("fleet");
  certificate.node = fields.bytes<32>("node");
  certificate.name = fields.text("name");
  const Value& labels_value = fields.value("labels");
  certificate.record_key = fields.bytes<32>("key");
  certificate.transport_key = fields.bytes<32>("tkey");
  certificate.version = fields.natural("version");
  certificate.issued_s = fields.integer("issued");
  REEVE_TRY(fields.finish(UnknownFields::keep));
  if (!is_valid_id(certificate.name)) return malformed(what, "its name is not valid");
  if (certificate.version == 0) return malformed(what, "version 0 does not exist");
  if (certificate.issued_s < 0) return malformed(what, "the time of its issue is negative");
  auto labels = read_labels(labels_value);
  if (!labels) return labels.error();
  certificate.labels = std::move(*labels);
  return certificate;
}

Result<NodeCertificate> verify_certificate(ByteView object, const Root& root) {
  auto opened = open_object(object, ObjectType::node_certificate);
  // The node's own, under a token.
  if (!opened && opened.error().name == "wrong_type") return verify_enrollment(object, root);
  if (!opened) return opened.error();
  auto enrollers = count_signatures(*opened, enroller_keys(root));
  if (!enrollers) return enrollers.error();
  if (*enrollers == 0) {
    return Error{"not_an_enroller",
                 "node certificate: no operator with the right to enroll signed it",
                 "let an operator with the right enroll sign it"};
  }
  auto certificate = decode_certificate(opened->payload);
  if (!certificate) return certificate;
  REEVE_TRY(require_fleet(what, certificate->fleet, root));
  // Later keys are certified by their predecessors, so only the first one names the node.
  if (certificate->version == 1 && certificate->node != key_hash(certificate->record_key)) {
    return Error{"node_id_mismatch", "node certificate: the node id is not the record key's hash"};
  }
  return certificate;
}

}  // namespace reeve
