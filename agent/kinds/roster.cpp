// The roster: every kind of this build, as agent/kinds/meson.build lists them. A kind NAME defines
// one constant row called NAME_kind.
#include <fmt/format.h>

#include <array>

#include "agent/kinds/field_values.h"
#include "common/text.h"

namespace reeve {

#include "kind_rows.inc"

std::span<const KindRow* const> kinds() { return roster; }

const KindRow* kind_named(std::string_view name) {
  for (const KindRow* row : kinds())
    if (row->name == name) return row;
  return nullptr;
}

Result<std::unique_ptr<Resource>> bind_rule(const Rule& rule) {
  const KindRow* row = kind_named(rule.kind);
  if (row == nullptr)
    return Error{"unknown_kind",
                 fmt::format("rule {}: this agent knows no kind {}", printable(rule.id),
                             printable(rule.kind)),
                 "update the agent or take the rule out of this host's policy"};
  REEVE_TRY(check_fields(*row, rule));
  return row->bind(rule);
}

std::string_view name_of(FieldType type) {
  switch (type) {
    case FieldType::text:
      return "text";
    case FieldType::path:
      return "path";
    case FieldType::pattern:
      return "pattern";
    case FieldType::user:
      return "user";
    case FieldType::group:
      return "group";
    case FieldType::mode:
      return "mode";
    case FieldType::choice:
      return "choice";
    case FieldType::boolean:
      return "boolean";
    case FieldType::number:
      return "number";
    case FieldType::body:
      return "body";
    case FieldType::digest:
      return "digest";
    case FieldType::ports:
      return "ports";
    case FieldType::network:
      return "network";
    case FieldType::rows:
      return "rows";
  }
  return "";
}

}  // namespace reeve
