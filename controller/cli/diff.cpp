// reeve diff: what a new policy changes, rule by rule. Takes bundles and source alike, or a draft
// that waits for signatures; of that it tells which hosts it speaks to as well.
#include <fmt/format.h>

#include "common/limits.h"
#include "common/text.h"
#include "controller/cli/affected.h"
#include "controller/cli/commands.h"
#include "controller/cli/diff_view.h"
#include "controller/cli/files.h"
#include "controller/cli/node_list.h"
#include "controller/cli/policy_files.h"
#include "controller/cli/terminal.h"

namespace reeve::cli {
namespace {

constexpr std::string_view bundle_magic = "RVBN";

CommandSpec spec() {
  return {.name = "diff",
          .usage = "OLD NEW | DRAFT [--offline]",
          .details =
              "Shows the rules that NEW adds, changes and removes, field by field. Each side\n"
              "is a bundle or a file of policy source.\n\n"
              "Of a DRAFT that `reeve push --prepare` wrote it shows all that a signer should\n"
              "see, against the policy in force, and the hosts that it speaks to, by the labels\n"
              "of their certificates, as the controller knows them; --offline asks nobody.\n"
              "Exit: 0 whether or not they differ, 1 when one of them cannot be read.",
          .options = {{"json", "", "one object a rule and line; not of a draft"},
                      {"offline", "", "of a draft: ask no controller"},
                      fleet_option()},
          .operands_min = 1,
          .operands_max = 2};
}

// Absent when it cannot be had; the reason has been told then.
std::optional<Bundle> load(const std::string& path) {
  const auto bytes = read_file(path, limits::bundle_bytes_max);
  if (!bytes.ok()) {
    print_error(bytes.error());
    return std::nullopt;
  }
  if (!text_of(*bytes).starts_with(bundle_magic))
    return compile_files({&path, 1}, Kinds::not_asked);
  auto bundle = decode_bundle(*bytes);
  if (bundle.ok()) return std::move(bundle).value();
  Error error = bundle.error();
  error.detail = fmt::format("{}: {}", path, error.detail);
  print_error(error);
  return std::nullopt;
}

int show_rules(const Arguments& arguments) {
  const auto before = load(arguments.operands()[0]);
  const auto after = load(arguments.operands()[1]);
  if (!before || !after) return exit_code::failed;
  const BundleDiff diff = diff_bundles(*before, *after);
  print_out(arguments.has("json") ? diff_json(diff) : diff_text(diff));
  return exit_code::done;
}

int show_hosts(const Environment& environment, const Arguments& arguments,
               const Manifest& manifest) {
  const auto session = Session::open(environment, arguments);
  if (!session.ok()) return print_error(session.error());
  const auto nodes = ask_nodes(**session);
  if (!nodes.ok()) return print_error(nodes.error());
  print_out("\nHosts that it speaks to:\n" + affected_text(manifest, *nodes, out_columns()));
  return exit_code::done;
}

int show_draft(const Environment& environment, const Arguments& arguments) {
  const auto fleet = open_fleet_offline(arguments);
  if (!fleet.ok()) return print_error(fleet.error());
  const auto bytes = read_file(arguments.operands()[0], limits::draft_bytes_max);
  if (!bytes.ok()) return print_error(bytes.error());
  const auto draft = decode_draft(*bytes);
  if (!draft.ok()) return print_error(draft.error());
  const auto read = read_draft(*draft, fleet->root);
  if (!read.ok()) return print_error(read.error());
  print_out(draft_text(*read, fleet->root));
  if (arguments.has("offline")) return exit_code::done;
  return show_hosts(environment, arguments, read->manifest);
}

}  // namespace

int run_diff(const Environment& environment, CommandArguments arguments) {
  return with_arguments(spec(), arguments, [&](const Arguments& parsed) {
    return parsed.operands().size() == 1 ? show_draft(environment, parsed) : show_rules(parsed);
  });
}

}  // namespace reeve::cli
