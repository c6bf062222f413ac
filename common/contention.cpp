#include "common/cause.h"
#include "common/record_encoder.h"

namespace reeve {

Bytes encode_contention(const Contention& contention, Moment sealed) {
  RecordEncoder out("contention", sealed, Severity::critical, contention.rival ? 10 : 9);
  out.field("incident").binary(contention.incident.view());
  out.text("phase", name_of(contention.phase));
  out.text("policy", contention.policy);
  out.text("rule", contention.rule);
  out.name("object", contention.object);
  out.text("owner", contention.owner);
  out.field("fixes").natural(contention.fixes);
  out.field("since").integer(contention.since_ns);
  out.field("until").integer(contention.until_ns);
  if (contention.rival) write_cause(out.field("rival"), *contention.rival);
  return out.finish(0);
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
