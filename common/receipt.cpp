// Receipts: the records of incidents. Whatever may hold hostile bytes is written as a name, that
// is as binary where it is not UTF-8.
#include "common/cause.h"

namespace reeve {

namespace {

Value moment_value(const Moment& moment) { return Value::Array{moment.mono_ns, moment.wall_ns}; }

Value policy_value(const PolicyReference& policy) {
  return Value::Map{{"name", policy.name},
                    {"version", policy.version},
                    {"digest", policy.digest},
                    {"signers", Value::Array(policy.signers.begin(), policy.signers.end())}};
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
  Value::Map fields{{"incident", receipt.incident},
                    {"phase", name_of(receipt.phase)},
                    {"rule", receipt.rule},
                    {"title", receipt.title},
                    {"kind", receipt.kind},
                    {"object", Value::name(receipt.object)},
                    {"owner", receipt.owner},
                    {"controls", Value::Array(receipt.controls.begin(), receipt.controls.end())},
                    {"mode", name_of(receipt.mode)},
                    {"desired", Value::name(receipt.desired)},
                    {"found", Value::name(receipt.found)},
                    {"left", Value::name(receipt.left)},
                    {"cause", cause_value(receipt.cause)},
                    {"policy", policy_value(receipt.policy)},
                    {"outcome", receipt.outcome},
                    {"reason", receipt.reason},
                    {"detail", Value::name(receipt.detail)},
                    {"resumed", receipt.interrupted},
                    {"detected", moment_value(receipt.detected)},
                    {"fixed", moment_value(receipt.fixed)},
                    {"verified", moment_value(receipt.verified)}};
  return encode_record("receipt", sealed, receipt.severity, std::move(fields));
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
