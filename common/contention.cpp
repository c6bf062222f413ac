#include "common/cause.h"

namespace reeve {

Bytes encode_contention(const Contention& contention, Moment sealed) {
  Value::Map fields{{"incident", contention.incident},
                    {"phase", name_of(contention.phase)},
                    {"policy", contention.policy},
                    {"rule", contention.rule},
                    {"object", Value::name(contention.object)},
                    {"owner", contention.owner},
                    {"fixes", contention.fixes},
                    {"since", contention.since_ns},
                    {"until", contention.until_ns}};
  if (contention.rival) fields.emplace_back("rival", cause_value(*contention.rival));
  return encode_record("contention", sealed, Severity::critical, std::move(fields));
}

Result<Contention> decode_contention(const Record& record) {
  if (record.type != "contention") return Error{"malformed", "record: is not a contention"};
  Fields fields(record.body, "contention");
  Contention out;
  out.incident = fields.bytes<16>("incident");
  const auto phase = phase_named(fields.text("phase"));
  if (!phase) fields.fail("phase", "is none of its choices");
  out.phase = phase.value_or(Phase::open);
  out.policy = fields.text("policy");
  out.rule = fields.text("rule");
  out.object = fields.name("object");
  out.owner = fields.text("owner");
  out.fixes = fields.natural("fixes");
  out.since_ns = fields.integer("since");
  out.until_ns = fields.integer("until");
  const bool has_rival = fields.has("rival");
  auto rival = has_rival ? read_cause(fields.value("rival"), "contention") : Result<Cause>(Cause{});
  REEVE_TRY(fields.finish(UnknownFields::keep));
  if (!rival.ok()) return rival.error();
  if (has_rival) out.rival = std::move(*rival);
  return out;
}

}  // namespace reeve
