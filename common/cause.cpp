#include "common/cause.h"

#include <limits>

namespace reeve {

namespace {

std::string name_or_none(Fields& fields, std::string_view key) {
  return fields.has(key) ? fields.name(key) : "";
}

std::optional<std::uint32_t> read_user(Fields& fields, std::string_view key) {
  if (!fields.has(key)) return std::nullopt;
  std::uint64_t number = fields.natural(key);
  if (number > std::numeric_limits<std::uint32_t>::max()) fields.fail(key, "is no user id");
  return static_cast<std::uint32_t>(number);
}

}  // namespace

void write_cause(Encoder& out, const Cause& cause) {
  std::size_t entries = 2;
  for (const bool is_known : {cause.pid != 0, !cause.program.empty(), !cause.command.empty(),
                              cause.uid.has_value(), cause.login_uid.has_value()})
    entries += is_known ? 1 : 0;
  out.map(entries).text("conf").text(name_of(cause.confidence)).text("via").name(cause.via);
  if (cause.pid != 0) out.text("pid").natural(cause.pid);
  if (!cause.program.empty()) out.text("program").name(cause.program);
  if (!cause.command.empty()) out.text("command").name(cause.command);
  if (cause.uid) out.text("uid").natural(*cause.uid);
  if (cause.login_uid) out.text("login").natural(*cause.login_uid);
}

Result<Cause> read_cause(const Value& value, std::string_view of) {
  Fields fields(value, std::string(of) + "'s cause");
  Cause cause;
  auto confidence = confidence_named(fields.text("conf"));
  if (!confidence) fields.fail("conf", "is none of its choices");
  cause.confidence = confidence.value_or(Confidence::unknown);
  cause.via = fields.name("via");
  cause.pid = fields.natural_or("pid", 0);
  cause.program = name_or_none(fields, "program");
  cause.command = name_or_none(fields, "command");
  cause.uid = read_user(fields, "uid");
  cause.login_uid = read_user(fields, "login");
  REEVE_TRY(fields.finish(UnknownFields::keep));
  return cause;
}

}  // namespace reeve
