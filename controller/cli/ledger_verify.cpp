// reeve ledger verify: a proof file, or with --all a whole ledger (ledger_check.h), judged offline
// by nothing but itself and a root.
#include <fmt/format.h>

#include "common/limits.h"
#include "common/proof/proof_limits.h"
#include "controller/cli/commands.h"
#include "controller/cli/files.h"
#include "controller/cli/fleet.h"
#include "controller/cli/ledger_check.h"
#include "controller/cli/proof_view.h"
#include "controller/cli/terminal.h"
#include "controller/cli/witness_view.h"

namespace reeve::cli {
namespace {

CommandSpec verify_spec() {
  return {.name = "ledger verify",
          .usage = "FILE | --all PATH [--root FILE] [--witnesses FILE] [--json]",
          .details =
              "Judges a proof file that `reeve ledger prove` wrote, with nothing but a root to\n"
              "trust: the fleet directory's public half, or the one that --root names. Says\n"
              "what was proven and on whose word. Asks nobody, and no clock. A witness set that\n"
              "the file brings must have cosigned it; where --witnesses or the fleet directory\n"
              "names one, the file must bring that or a later one.\n\n"
              "With --all, judges everything that a controller has stored: in its state\n"
              "directory, while it runs or not, in a copy of that, or in a backup's file. Changes\n"
              "nothing there, and names the first leaf that is not as it was signed.\n"
              "Exit: 0 it holds, 2 it does not, 1 could not do it.",
          .options = {{"all", "PATH", "a whole ledger instead of a proof file"},
                      {"log", "DIR", "where its published files are, if elsewhere"},
                      root_option(),
                      {"witnesses", "FILE",
                       "a signed witness set that must have cosigned; again"
                       " for more"},
                      json_option(),
                      fleet_option()},
          .operands_max = 1};
}

// What the reader knows of witnesses: what --witnesses names, else the fleet directory's, unless
// --root takes the place of that.
Result<std::vector<VerifiedWitnessSet>> witnesses_to_ask_for(const Arguments& arguments,
                                                             const Root& root) {
  std::vector<VerifiedWitnessSet> sets;
  for (const std::string& path : arguments.values("witnesses")) {
    const auto object = read_file(path, limits::trust_object_bytes_max);
    if (!object.ok()) return object.error();
    auto set = verify_witness_set(*object, root);
    if (!set.ok())
      return Error{.name = "witnesses_unusable",
                   .detail = fmt::format("{}: {}: {}", path, set.error().name, set.error().detail),
                   .next = "take public/witnesses of the fleet directory"};
    sets.push_back(*std::move(set));
  }
  if (!sets.empty() || arguments.has("root")) return sets;
  const auto fleet = open_fleet_offline(arguments);
  if (!fleet.ok()) return sets;
  const auto known = known_witnesses(*fleet);
  if (!known.ok()) return known.error();
  if (*known) sets.push_back(**known);
  return sets;
}

// Of several that are trusted any one will do.
Status require_any(const ProvenRecord& proven, const std::vector<VerifiedWitnessSet>& sets) {
  Status done;
  for (const VerifiedWitnessSet& set : sets) {
    done = require_witnesses(proven, set);
    if (done.ok()) return done;
  }
  return done;
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
  const auto witnesses = witnesses_to_ask_for(arguments, proven->root);
  if (!witnesses.ok()) return print_error(witnesses.error());
  if (auto seen = require_any(*proven, *witnesses); !seen.ok())
    return print_refuted(seen.error(), arguments);
  print_out(arguments.has("json") ? proof_json(*proven).line() : proof_page(*proven));
  return exit_code::done;
}

}  // namespace

int run_ledger_verify(const Environment& /*environment*/, CommandArguments arguments) {
  return with_arguments(verify_spec(), arguments,
                        [](const Arguments& parsed) { return verify_file(parsed); });
}

}  // namespace reeve::cli
