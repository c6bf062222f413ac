// reeve root show: the root that this fleet directory pins, verified.
#include <fmt/format.h>

#include "common/text.h"
#include "controller/cli/commands.h"
#include "controller/cli/fleet.h"
#include "controller/cli/json.h"
#include "controller/cli/terminal.h"
#include "controller/cli/times.h"

namespace reeve::cli {
namespace {

CommandSpec root_spec() {
  return {.name = "root show",
          .usage = "[--json]",
          .details = "Shows the fleet's root metadata: who may sign what, and until when.",
          .options = {json_option(), fleet_option()}};
}

std::vector<std::string> key_names(const Role& role) {
  std::vector<std::string> out;
  for (const PublicKey& key : role.keys) out.push_back(hex(key_hash(key).view()));
  return out;
}

std::vector<std::string> right_names(const Operator& who) {
  std::vector<std::string> out;
  for (const Right right : who.rights) out.emplace_back(name_of(right));
  return out;
}

std::string role_json(const Role& role) {
  return JsonObject().natural("threshold", role.threshold).texts("keys", key_names(role)).object();
}

std::string operator_json(const Operator& who) {
  return JsonObject()
      .text("name", who.name)
      .text("key", hex(key_hash(who.key).view()))
      .texts("rights", right_names(who))
      .object();
}

std::string root_json(const Root& root) {
  std::string operators;
  for (const Operator& who : root.operators) {
    operators += (operators.empty() ? "" : ",") + operator_json(who);
  }
  JsonObject out;
  out.text("origin", root.origin).natural("version", root.version);
  add_time(out, "expires", root.expires_s * 1'000'000'000);
  return out.raw("root", role_json(root.root))
      .raw("policy", role_json(root.policy))
      .raw("ledger", role_json(root.ledger))
      .raw("operators", "[" + operators + "]")
      .line();
}

std::string role_text(std::string_view name, const Role& role) {
  std::string out =
      fmt::format("  {:<10} {} of {}", name, role.threshold, counted(role.keys.size(), "key"));
  for (const std::string& key : key_names(role)) out += "\n             " + key;
  return out + "\n";
}

std::string root_text(const Root& root, std::int64_t now_wall_ns) {
  const std::int64_t expires_ns = root.expires_s * 1'000'000'000;
  std::string out =
      fmt::format("Fleet {}, root version {}, {} {}\n\n", printable(root.origin), root.version,
                  expires_ns > now_wall_ns ? "expires" : "EXPIRED", moment_text(expires_ns));
  out += role_text("root", root.root) + role_text("policy", root.policy) +
         role_text("ledger", root.ledger);
  for (const Operator& who : root.operators) {
    out += fmt::format("  {:<10} {}: {}\n             {}\n", "operator", printable(who.name),
                       fmt::join(right_names(who), ", "), hex(key_hash(who.key).view()));
  }
  return out;
}

int show_root(const Environment& environment, const Arguments& arguments) {
  const auto fleet = open_fleet(arguments);
  if (!fleet.ok()) return print_error(fleet.error());
  print_out(arguments.has("json") ? root_json(fleet->root)
                                  : root_text(fleet->root, environment.clock.wall_ns()));
  return exit_code::done;
}

}  // namespace

int run_root_show(const Environment& environment, CommandArguments arguments) {
  return with_arguments(root_spec(), arguments,
                        [&](const Arguments& parsed) { return show_root(environment, parsed); });
}

}  // namespace reeve::cli
