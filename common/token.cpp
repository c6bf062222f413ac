// Token payload, a map: "format" 1, "fleet" (16 bytes), "key" (Ed25519), "root" (digest), "ctl"
// (X25519), "enroll" and "nodes" (addresses), "name", "labels": {label: [value]}, "created",
// "expires" (seconds since 1970), "uses", "approve". Unknown fields are refused: a bound that is
// not understood would be no bound. Enrollment payload: u16 length and the token's signed object,
// then the map of a node certificate.
#include "common/token.h"

#include <algorithm>

#include "common/token_limits.h"
#include "common/trust_fields.h"

namespace reeve {

using namespace trust_fields;

namespace {

constexpr std::string_view what = "token";
constexpr std::string_view any = "*";

// A name as ids are, where one star stands for any characters.
bool is_name_pattern(std::string pattern) {
  if (pattern == any) return true;
  const auto star = pattern.find('*');
  if (star != std::string::npos) pattern[star] = 'x';
  return is_valid_id(pattern);
}

bool name_fits(std::string_view pattern, std::string_view name) {
  const auto star = pattern.find('*');
  if (star == std::string_view::npos) return name == pattern;
  const auto before = pattern.substr(0, star);
  const auto after = pattern.substr(star + 1);
  return name.size() >= before.size() + after.size() && name.starts_with(before) &&
         name.ends_with(after);
}

Result<std::vector<std::string>> read_values(const Value& value) {
  if (!value.array()) return malformed(what, "a label's values are not a list");
  if (value.array()->size() > limits::token_label_values_max) {
    return over_limit(what, "a label has too many values");
  }
  std::vector<std::string> values;
  for (const Value& item : *value.array()) {
    if (!item.text() || !is_valid_id(*item.text())) {
      return malformed(what, "a label's value is not valid");
    }
    values.push_back(*item.text());
  }
  return values;
}

Result<LabelBounds> read_bounds(const Value& value) {
  if (!value.map()) return malformed(what, "its labels are not a map");
  if (value.map()->size() > limits::labels_max) return over_limit(what, "too many labels");
  LabelBounds bounds;
  for (const auto& [label, given] : *value.map()) {
    if (!is_valid_id(label)) return malformed(what, "a label is not valid");
    auto values = read_values(given);
    if (!values.ok()) return values.error();
    bounds[label] = std::move(*values);
  }
  return bounds;
}

Status check_shape(const Token& token) {
  if (!is_contact_address(token.enroll_address) || !is_contact_address(token.nodes_address)) {
    return malformed(what, "an address is not tcp://HOST:PORT");
  }
  if (!is_name_pattern(token.name)) return malformed(what, "its name is not valid");
  if (token.uses == 0 || token.uses > limits::token_uses_max) {
    return malformed(what, "its uses are not between 1 and 10,000");
  }
  const bool in_order = token.created_s >= 0 && token.created_s < token.expires_s;
  if (!in_order || token.expires_s - token.created_s > limits::token_lifetime_s_max) {
    return malformed(what, "it does not end within 30 days of its beginning");
  }
  return {};
}

Value value_of(const LabelBounds& bounds) {
  Value::Map out;
  for (const auto& [label, values] : bounds) {
    out.emplace_back(label, Value::Array(values.begin(), values.end()));
  }
  return out;
}

// An operator answers for name and labels; that the keys are the node's own, the node has shown.
Result<NodeCertificate> read_approved(const SignedObject& opened, ByteView payload,
                                      const Root& root) {
  auto certificate = decode_certificate(payload);
  if (!certificate) return certificate;
  REEVE_TRY(require_fleet("node certificate", certificate->fleet, root));
  REEVE_TRY(require_signatures(opened, {&certificate->record_key, 1}, 1));
  if (certificate->version == 1 && certificate->node == key_hash(certificate->record_key))
    return certificate;
  return Error{"node_id_mismatch", "node certificate: a token makes new nodes only"};
}

// Both keys have signed, and the certificate is what this token allows.
Status check_under_token(const SignedObject& opened, const Token& token,
                         const NodeCertificate& certificate) {
  const std::array keys{token.key, certificate.record_key};
  REEVE_TRY(require_signatures(opened, keys, keys.size()));
  if (certificate.version != 1 || certificate.node != key_hash(certificate.record_key)) {
    return Error{"node_id_mismatch", "node certificate: a token makes new nodes only"};
  }
  if (certificate.issued_s < token.created_s || certificate.issued_s >= token.expires_s) {
    return Error{"token_expired", "node certificate: it was not made in its token's time",
                 "ask for a new token: reeve token create"};
  }
  REEVE_TRY(check_bounds(token, certificate.name, certificate.labels));
  if (token.approval == Approval::none) return {};
  // Last, so that whoever hears it knows that nothing else is missing.
  return Error{"approval_needed", "node certificate: its token asks for an operator's approval",
               "reeve node approve " + certificate.name + " --id " +
                   hex(certificate.node.view()).substr(0, 16)};
}

}  // namespace

Bytes encode_token(const Token& token) {
  return encode(Value::Map{{"format", format},
                           {"fleet", token.fleet},
                           {"key", token.key},
                           {"root", token.root},
                           {"ctl", token.controller},
                           {"enroll", token.enroll_address},
                           {"nodes", token.nodes_address},
                           {"name", token.name},
                           {"labels", value_of(token.labels)},
                           {"created", token.created_s},
                           {"expires", token.expires_s},
                           {"uses", token.uses},
                           {"approve", token.approval == Approval::by_operator}});
}

Result<Token> decode_token(ByteView payload) {
  auto value = decode_payload(payload, what);
  if (!value) return value.error();
  Fields fields(*value, what);
  fields.natural("format");
  Token token;
  token.key = fields.bytes<32>("key");
  token.fleet = fields.bytes<16>("fleet");
  token.root = fields.bytes<32>("root");
  token.controller = fields.bytes<32>("ctl");
  token.enroll_address = fields.text("enroll");
  token.nodes_address = fields.text("nodes");
  token.name = fields.text("name");
  const Value& labels = fields.value("labels");
  token.created_s = fields.integer("created");
  token.expires_s = fields.integer("expires");
  token.uses = fields.natural("uses");
  if (fields.boolean("approve")) token.approval = Approval::by_operator;
  REEVE_TRY(fields.finish(UnknownFields::refuse));
  auto bounds = read_bounds(labels);
  if (!bounds) return bounds.error();
  token.labels = std::move(*bounds);
  REEVE_TRY(check_shape(token));
  return token;
}

Result<Token> verify_token(ByteView object, const Root& root) {
  if (object.size() > limits::token_bytes_max) return over_limit(what, "it is too large");
  auto opened = parse_signed_object(object, ObjectType::enrollment_token);
  if (!opened) return opened.error();
  auto enrollers = count_signatures(*opened, enroller_keys(root));
  if (!enrollers) return enrollers.error();
  if (*enrollers == 0) {
    return Error{"not_an_enroller", "token: no operator with the right to enroll signed it",
                 "let an operator with the right enroll make one"};
  }
  auto token = decode_token(opened->payload);
  if (!token) return token;
  REEVE_TRY(require_fleet(what, token->fleet, root));
  return token;
}

Status check_bounds(const Token& token, const std::string& name, const Labels& labels) {
  if (!name_fits(token.name, name)) {
    return Error{"name_not_allowed",
                 "the token is for nodes called " + token.name + ", not for " + name,
                 "give a name that fits by --name, or ask for another token"};
  }
  for (const auto& [label, value] : labels) {
    const auto bound = token.labels.find(label);
    const bool is_any = bound != token.labels.end() && bound->second.empty();
    if (is_any) continue;
    if (bound == token.labels.end() ||
        std::ranges::find(bound->second, value) == bound->second.end()) {
      return Error{"label_not_allowed", "the token allows no label " + label + "=" + value,
                   "leave it out, or ask for a token that allows it"};
    }
  }
  for (const auto& [label, values] : token.labels) {
    if (labels.contains(label)) continue;
    return Error{"label_missing", "the token wants a label " + label,
                 "give one by --label " + label + "=VALUE"};
  }
  return {};
}

Bytes seal_enrollment(const NodeCertificate& certificate, const TokenText& token,
                      const SigningKey& record_key) {
  REEVE_ASSERT(token.object.size() <= limits::token_bytes_max);
  Bytes payload;
  append_u16(payload, static_cast<std::uint16_t>(token.object.size()));
  append(payload, token.object);
  append(payload, encode_certificate(certificate));
  const std::array<const SigningKey*, 2> keys{&token.key, &record_key};
  return seal_object(ObjectType::node_enrollment, std::move(payload), keys);
}

Result<Bytes> countersign_enrollment(ByteView enrollment, const SigningKey& operator_key) {
  auto opened = parse_signed_object(enrollment, ObjectType::node_enrollment);
  if (!opened) return opened.error();
  opened->signatures.push_back(
      sign_payload(ObjectType::node_enrollment, opened->payload, operator_key));
  return encode_signed_object(*opened);
}

Result<EnrollmentParts> split_enrollment(ByteView payload) {
  ByteReader reader(payload);
  const std::size_t token_bytes = reader.u16();
  if (token_bytes > limits::token_bytes_max) return over_limit(what, "it is too large");
  EnrollmentParts parts;
  parts.token = reader.take(token_bytes);
  parts.certificate = reader.rest();
  if (!reader.ok()) return malformed("node certificate", "is cut short");
  return parts;
}

Result<NodeCertificate> verify_enrollment(ByteView object, const Root& root) {
  if (object.size() > limits::enrollment_bytes_max) return over_limit(what, "it is too large");
  auto opened = parse_signed_object(object, ObjectType::node_enrollment);
  if (!opened) return opened.error();
  auto parts = split_enrollment(opened->payload);
  if (!parts) return parts.error();
  auto operators = count_signatures(*opened, enroller_keys(root));
  if (!operators) return operators.error();
  if (*operators > 0) return read_approved(*opened, parts->certificate, root);
  auto token = verify_token(parts->token, root);
  if (!token) return token.error();
  // Before anything that a stranger wrote is decoded.
  REEVE_TRY(require_signatures(*opened, {&token->key, 1}, 1));
  auto certificate = decode_certificate(parts->certificate);
  if (!certificate) return certificate;
  REEVE_TRY(require_fleet("node certificate", certificate->fleet, root));
  REEVE_TRY(check_under_token(*opened, *token, *certificate));
  return certificate;
}

Result<NodeCertificate> read_certificate(ByteView object) {
  auto plain = parse_signed_object(object, ObjectType::node_certificate);
  if (plain) return decode_certificate(plain->payload);
  auto enrolled = parse_signed_object(object, ObjectType::node_enrollment);
  if (!enrolled) return plain.error();
  auto parts = split_enrollment(enrolled->payload);
  if (!parts) return parts.error();
  return decode_certificate(parts->certificate);
}

std::optional<Token> token_behind(ByteView certificate, const Root& root) {
  auto opened = parse_signed_object(certificate, ObjectType::node_enrollment);
  if (!opened) return std::nullopt;
  auto operators = count_signatures(*opened, enroller_keys(root));
  if (!operators || *operators > 0) return std::nullopt;
  auto parts = split_enrollment(opened->payload);
  if (!parts) return std::nullopt;
  auto token = verify_token(parts->token, root);
  return token ? std::optional(std::move(*token)) : std::nullopt;
}

}  // namespace reeve
