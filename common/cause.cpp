#include "common/cause.h"

#include <limits>

namespace reeve {

namespace {

std::string name_or_none(Fields& fields, std::string_view key) {
  return fields.has(key) ? fields.name(key) : "";
}

std::optional<std::uint32_t> read_number(Fields& fields, std::string_view key) {
  if (!fields.has(key)) return std::nullopt;
  std::uint64_t number = fields.natural(key);
  if (number > std::numeric_limits<std::uint32_t>::max()) fields.fail(key, "is no such number");
  return static_cast<std::uint32_t>(number);
}

void write_parents(Encoder& out, const std::vector<Ancestor>& parents) {
  out.text("parents").array(parents.size());
  for (const Ancestor& parent : parents)
    out.map(2).text("pid").natural(parent.pid).text("program").name(parent.program);
}

Result<std::vector<Ancestor>> read_parents(Fields& fields) {
  std::vector<Ancestor> out;
  if (!fields.has("parents")) return out;
  for (const Value& item : fields.array("parents")) {
    Fields parent(item, "cause's parent");
    out.push_back({parent.natural("pid"), parent.name("program")});
    REEVE_TRY(parent.finish(UnknownFields::keep));
  }
  return out;
}

}  // namespace

void write_cause(Encoder& out, const Cause& cause) {
  std::size_t entries = 2;
  for (const bool is_known :
       {cause.pid != 0, !cause.program.empty(), !cause.command.empty(), cause.uid.has_value(),
        cause.login_uid.has_value(), cause.start_ns != 0, cause.inode != 0,
        cause.session.has_value(), !cause.unit.empty(), !cause.parents.empty(), cause.is_elsewhere})
    entries += is_known ? 1 : 0;
  out.map(entries).text("conf").text(name_of(cause.confidence)).text("via").name(cause.via);
  if (cause.pid != 0) out.text("pid").natural(cause.pid);
  if (!cause.program.empty()) out.text("program").name(cause.program);
  if (!cause.command.empty()) out.text("command").name(cause.command);
  if (cause.uid) out.text("uid").natural(*cause.uid);
  if (cause.login_uid) out.text("login").natural(*cause.login_uid);
  if (cause.start_ns != 0) out.text("began").natural(cause.start_ns);
  if (cause.inode != 0) out.text("inode").natural(cause.inode);
  if (cause.session) out.text("session").natural(*cause.session);
  if (!cause.unit.empty()) out.text("unit").name(cause.unit);
  if (!cause.parents.empty()) write_parents(out, cause.parents);
  if (cause.is_elsewhere) out.text("elsewhere").claim(true);
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
  cause.uid = read_number(fields, "uid");
  cause.login_uid = read_number(fields, "login");
  cause.start_ns = fields.natural_or("began", 0);
  cause.inode = fields.natural_or("inode", 0);
  cause.session = read_number(fields, "session");
  cause.unit = name_or_none(fields, "unit");
  cause.is_elsewhere = fields.has("elsewhere") && fields.boolean("elsewhere");
  auto parents = read_parents(fields);
  REEVE_TRY(fields.finish(UnknownFields::keep));
  if (!parents.ok()) return parents.error();
  cause.parents = std::move(*parents);
  return cause;
}

}  // namespace reeve
