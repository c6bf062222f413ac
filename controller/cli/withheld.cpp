#include "controller/cli/withheld.h"

#include <fmt/format.h>

#include "common/text.h"
#include "controller/cli/times.h"

namespace reeve::cli {
namespace {

std::optional<Redacted> read_under(const SeenRecord& seen, const Root& root,
                                   const KeyHash& controller) {
  const auto parsed = parse_signed_object(seen.redaction, ObjectType::operator_request);
  if (!parsed.ok() || parsed->signatures.size() != 1) return std::nullopt;
  const Operator* who = root.operator_with(parsed->signatures.front().key);
  if (who == nullptr || !has_right(*who, Right::administer)) return std::nullopt;
  if (!require_signatures(*parsed, {&who->key, 1}, 1).ok()) return std::nullopt;
  const auto request = decode_operator_request(parsed->payload);
  if (!request.ok() || request->controller != controller) return std::nullopt;
  if (request->operation != "redact") return std::nullopt;
  Fields fields(request->arguments, request->operation);
  const auto header = fields.bytes<32>("header");
  const auto index = fields.natural("index");
  auto why = fields.text("why");
  if (!fields.finish(UnknownFields::keep).ok()) return std::nullopt;
  if (header != seen.header_digest || index != seen.index) return std::nullopt;
  return Redacted{who->name, std::move(why), request->made_wall_ns};
}

}  // namespace

std::optional<Redacted> read_redaction(const SeenRecord& seen, std::span<const Root> roots,
                                       const KeyHash& controller) {
  for (const Root& root : roots)
    if (auto redacted = read_under(seen, root, controller)) return redacted;
  return std::nullopt;
}

std::string withheld_page(const SeenRecord& seen, const std::optional<Redacted>& redacted) {
  const std::string begin = fmt::format("{}: body withheld", printable(seen.name));
  if (redacted) {
    return fmt::format("{} by {} at {}: {}\n", begin, printable(redacted->who),
                       moment_text(redacted->wall_ns), printable(redacted->why));
  }
  if (!seen.redaction.empty())
    return begin + "; the act that is shown for it is by no operator of this fleet\n";
  return begin + ": no act says so, its time is over\n";
}

}  // namespace reeve::cli
