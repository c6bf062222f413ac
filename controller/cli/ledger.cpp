// reeve ledger: the head of the ledger, verified, in the form that other tools take.
#include <fmt/format.h>

#include "common/text.h"
#include "controller/cli/json.h"
#include "controller/cli/ledger_view.h"
#include "controller/cli/terminal.h"

namespace reeve::cli {
namespace {

CommandSpec checkpoint_spec() {
  return {.name = "ledger checkpoint",
          .usage = "[--keys] [--json]",
          .details =
              "Asks for the ledger's newest checkpoint, verifies that a ledger key of the root\n"
              "has signed it and that it has grown out of the newest one that this machine has\n"
              "seen, and prints it as it was signed (a C2SP signed note).\n\n"
              "With --keys, prints the keys to verify it with instead, one a line, in the form\n"
              "NAME+ID+KEY that other tools take; asks nobody.\n"
              "Exit: 0 it holds, 2 the ledger was rewritten or set back, 1 could not ask.",
          .options = {{"keys", "", "print the verifier keys"}, json_option(), fleet_option()}};
}

// Under the ledger's name as this machine has seen it last: a recovery gives it another one.
int print_keys(const Fleet& fleet, const Arguments& arguments) {
  const auto seen = newest_seen(fleet);
  const bool is_seen = seen.ok() && !seen->origin.empty();
  for (const PublicKey& key : fleet.root.ledger.keys) {
    const auto line =
        verifier_key({is_seen ? seen->origin : fleet.root.origin, key}, NoteKeyType::ed25519);
    print_out(arguments.has("json") ? JsonObject().text("key", line).line() : line + "\n");
  }
  return exit_code::done;
}

std::string ledger_json(const SeenLedger& seen) {
  return JsonObject()
      .text("origin", seen.checkpoint.origin)
      .natural("size", seen.checkpoint.tree.size)
      .text("root", hex(seen.checkpoint.tree.root.view()))
      .natural("grown_from", seen.grown_from)
      .text("note", seen.note)
      .line();
}

int show_checkpoint(const Environment& environment, const Arguments& arguments) {
  if (arguments.has("keys")) {
    const auto fleet = open_fleet(arguments);
    return fleet.ok() ? print_keys(*fleet, arguments) : print_error(fleet.error());
  }
  const auto session = Session::open(environment, arguments);
  if (!session.ok()) return print_error(session.error());
  const auto seen = ask_ledger(**session);
  if (!seen.ok()) {
    const bool is_proof = seen.error().name == "ledger_rewritten";
    print_error(seen.error());
    return is_proof ? exit_code::deviations : exit_code::failed;
  }
  print_out(arguments.has("json") ? ledger_json(*seen) : seen->note);
  return exit_code::done;
}

}  // namespace

int run_ledger_checkpoint(const Environment& environment, CommandArguments arguments) {
  return with_arguments(checkpoint_spec(), arguments, [&](const Arguments& parsed) {
    return show_checkpoint(environment, parsed);
  });
}

}  // namespace reeve::cli
