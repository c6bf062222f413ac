// reeve ledger verify: a proof file, or with --all a whole ledger (ledger_check.h), judged offline
// by nothing but itself and a root.
#include <fmt/format.h>

#include "common/proof/proof_limits.h"
#include "controller/cli/commands.h"
#include "controller/cli/files.h"
#include "controller/cli/fleet.h"
#include "controller/cli/ledger_check.h"
#include "controller/cli/proof_view.h"
#include "controller/cli/terminal.h"

namespace reeve::cli {
namespace {

CommandSpec verify_spec() {
  return {.name = "ledger verify",
          .usage = "FILE | --all PATH [--root FILE] [--json]",
          .details =
              "Judges a proof file that `reeve ledger prove` wrote, with nothing but a root to\n"
              "trust: the fleet directory's public half, or the one that --root names. Says\n"
              "what was proven and on whose word. Asks nobody, and no clock.\n\n"
              "With --all, judges everything that a controller has stored: in its state\n"
              "directory, while it runs or not, in a copy of that, or in a backup's file. Changes\n"
              "nothing there, and names the first leaf that is not as it was signed.\n"
              "Exit: 0 it holds, 2 it does not, 1 could not do it.",
          .options = {{"all", "PATH", "a whole ledger instead of a proof file"},
                      {"log", "DIR", "where its published files are, if elsewhere"},
                      root_option(),
                      json_option(),
                      fleet_option()},
          .operands_max = 1};
}

int verify_file(const Arguments& arguments) {
  const auto all = arguments.value("all");
  if (all.has_value() == !arguments.operands().empty()) {
    return print_error({.name = "usage",
                        .detail = "expected a proof file, or --all PATH",
                        .next = "reeve ledger verify --help"});
  }
  if (all) return verify_all(arguments, *all);
  const auto roots = roots_to_trust(arguments);
  if (!roots.ok()) return print_error(roots.error());
  const auto bytes = read_file(arguments.operands()[0], limits::proof_bytes_max);
  if (!bytes.ok()) return print_error(bytes.error());
  const auto proven = verify_proof(*bytes, *roots);
  if (!proven.ok()) return print_refuted(proven.error(), arguments);
  print_out(arguments.has("json") ? proof_json(*proven).line() : proof_page(*proven));
  return exit_code::done;
}

}  // namespace

int run_ledger_verify(const Environment& /*environment*/, CommandArguments arguments) {
  return with_arguments(verify_spec(), arguments,
                        [](const Arguments& parsed) { return verify_file(parsed); });
}

}  // namespace reeve::cli
