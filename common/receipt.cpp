// Receipts: the records of incidents. Whatever may hold hostile bytes is written as a name, that
// is as binary where it is not UTF-8.
#include "common/cause.h"
#include "common/record_encoder.h"

namespace reeve {

namespace {

void write_policy(Encoder& out, const PolicyReference& policy) {
  out.map(4).text("name").text(policy.name).text("version").natural(policy.version);
  out.text("digest").binary(policy.digest.view()).text("signers").array(policy.signers.size());
  for (const KeyHash& signer : policy.signers) out.binary(signer.view());
}

Moment read_moment(Fields& fields, std::string_view key) {
  const Value::Array& stamps = fields.array(key);
  auto mono = stamps.size() == 2 ? stamps[0].integer() : std::nullopt;
  auto wall = stamps.size() == 2 ? stamps[1].integer() : std::nullopt;
  if (!mono || !wall) fields.fail(key, "is not a pair of times");
  return Moment{mono.value_or(0), wall.value_or(0)};
}

Result<PolicyReference> read_policy(const Value& value) {
  Fields fields(value, "receipt's policy");
  PolicyReference policy;
  policy.name = fields.text("name");
  policy.version = fields.natural("version");
  policy.digest = fields.bytes<32>("digest");
  for (const Value& item : fields.array("signers")) {
    auto signer = item.binary() != nullptr ? fixed<32>(*item.binary()) : std::nullopt;
    if (!signer) fields.fail("signers", "is not a list of key hashes");
    policy.signers.push_back(signer.value_or(KeyHash{}));
  }
  REEVE_TRY(fields.finish(UnknownFields::keep));
  return policy;
}

// What was to be held, by whose word.
void read_rule(Fields& fields, const Record& record, Receipt& receipt) {
  receipt.rule = fields.text("rule");
  receipt.title = fields.text("title");
  receipt.kind = fields.text("kind");
  receipt.object = fields.name("object");
  if (!record.severity) fields.fail("sev", "is missing");
  receipt.severity = record.severity.value_or(Severity::medium);
  receipt.owner = fields.text("owner");
  receipt.controls = fields.texts("controls");
  auto mode = mode_named(fields.text("mode"));
  if (!mode) fields.fail("mode", "is none of its choices");
  receipt.mode = mode.value_or(Mode::audit);
}

// What was found, done and left.
void read_course(Fields& fields, Receipt& receipt) {
  receipt.incident = fields.bytes<16>("incident");
  auto phase = phase_named(fields.text("phase"));
  if (!phase) fields.fail("phase", "is none of its choices");
  receipt.phase = phase.value_or(Phase::whole);
  receipt.desired = fields.name("desired");
  receipt.found = fields.name("found");
  receipt.left = fields.name("left");
  receipt.outcome = fields.text("outcome");
  receipt.reason = fields.text("reason");
  receipt.detail = fields.name("detail");
  receipt.interrupted = fields.boolean("resumed");
  receipt.detected = read_moment(fields, "detected");
  receipt.fixed = read_moment(fields, "fixed");
  receipt.verified = read_moment(fields, "verified");
}

}  // namespace

Bytes encode_receipt(const Receipt& receipt, Moment sealed) {
  RecordEncoder out("receipt", sealed, receipt.severity, 21);
  out.field("incident").binary(receipt.incident.view());
  out.text("phase", name_of(receipt.phase));
  out.text("rule", receipt.rule);
  out.text("title", receipt.title);
  out.text("kind", receipt.kind);
  out.name("object", receipt.object);
  out.text("owner", receipt.owner);
  Encoder& controls = out.field("controls").array(receipt.controls.size());
  for (const std::string& control : receipt.controls) controls.text(control);
  out.text("mode", name_of(receipt.mode));
  out.name("desired", receipt.desired);
  out.name("found", receipt.found);
  out.name("left", receipt.left);
  write_cause(out.field("cause"), receipt.cause);
  write_policy(out.field("policy"), receipt.policy);
  out.text("outcome", receipt.outcome);
  out.text("reason", receipt.reason);
  out.name("detail", receipt.detail);
  out.field("resumed").claim(receipt.interrupted);
  out.moment("detected", receipt.detected);
  out.moment("fixed", receipt.fixed);
  out.moment("verified", receipt.verified);
  return out.finish(receipt.controls.size() + receipt.policy.signers.size());
}

Result<Receipt> decode_receipt(const Record& record) {
  if (record.type != "receipt") return Error{"malformed", "record: is not a receipt"};
  Fields fields(record.body, "receipt");
  Receipt receipt;
  read_rule(fields, record, receipt);
  read_course(fields, receipt);
  auto cause = read_cause(fields.value("cause"), "receipt");
  auto policy = read_policy(fields.value("policy"));
  REEVE_TRY(fields.finish(UnknownFields::keep));
  if (!cause) return cause.error();
  if (!policy) return policy.error();
  receipt.cause = std::move(*cause);
  receipt.policy = std::move(*policy);
  return receipt;
}

}  // namespace reeve
