// reeve ledger: the head of the ledger, verified, in the form that other tools take.
#include <fmt/format.h>

#include "common/text.h"
#include "controller/cli/json.h"
#include "controller/cli/ledger_view.h"
#include "controller/cli/terminal.h"
#include "controller/cli/witness_view.h"

namespace reeve::cli {
namespace {

CommandSpec checkpoint_spec() {
  return {.name = "ledger checkpoint",
          .usage = "[--keys] [--json]",
          .details =
              "Asks for the ledger's newest checkpoint, verifies that a ledger key of the root\n"
              "has signed it and that it has grown out of the newest one that this machine has\n"
              "seen, and prints it as it was signed (a C2SP signed note). How many of the\n"
              "ledger's witnesses have cosigned it, or the newest one that enough of them have,\n"
              "is told on standard error; --cosigned prints that one instead, with their lines.\n\n"
              "With --keys, prints the keys to verify it with instead, one a line, in the form\n"
              "NAME+ID+KEY that other tools take; asks nobody.\n"
              "Exit: 0 it holds, 2 the ledger was rewritten or set back, 1 could not ask.",
          .options = {{"keys", "", "print the verifier keys"},
                      {"cosigned", "", "the newest one that enough witnesses have cosigned"},
                      json_option(),
                      fleet_option()}};
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

std::string ledger_json(const SeenLedger& seen, const std::optional<SeenCosigned>& cosigned) {
  JsonObject out;
  out.text("origin", seen.checkpoint.origin)
      .natural("size", seen.checkpoint.tree.size)
      .text("root", hex(seen.checkpoint.tree.root.view()))
      .natural("grown_from", seen.grown_from)
      .text("note", seen.note);
  if (cosigned) {
    const WitnessSet& set = cosigned->proven.set.set;
    out.natural("cosigned_size", cosigned->checkpoint.tree.size)
        .natural("cosigners", cosigned->proven.cosigners.size())
        .natural("witnesses", set.nodes.size())
        .natural("need", set.need)
        .natural("witness_set", set.version)
        .text("cosigned_note", cosigned->note);
    add_time(out, "cosigned_at", cosigned->proven.seen_s() * 1'000'000'000);
  }
  return out.line();
}

// What enough witnesses have cosigned belongs to the ledger that is shown here.
Result<std::optional<SeenCosigned>> ask_cosigned_part(Session& session, const SeenLedger& seen) {
  auto cosigned = ask_cosigned(session);
  if (!cosigned.ok() || !*cosigned) return cosigned;
  REEVE_TRY(require_one_view(seen.checkpoint, (**cosigned).checkpoint));
  REEVE_TRY(require_in_ledger(session, (**cosigned).checkpoint.tree));
  return cosigned;
}

void tell_cosigned(const SeenLedger& seen, const std::optional<SeenCosigned>& cosigned) {
  if (!cosigned) return print_err("cosigned by nobody\n");
  const std::uint64_t size = cosigned->checkpoint.tree.size;
  const std::string where =
      size == seen.checkpoint.tree.size ? "" : fmt::format(", the newest at {} leaves", size);
  print_err(fmt::format("cosigned {}{}\n", cosigned_text(cosigned->proven), where));
}

int exit_code_of(const Error& error) {
  return contradicts_what_was_seen(error) ? exit_code::deviations : exit_code::failed;
}

int show_checkpoint(const Environment& environment, const Arguments& arguments) {
  if (arguments.has("keys")) {
    const auto fleet = open_fleet(arguments);
    return fleet.ok() ? print_keys(*fleet, arguments) : print_error(fleet.error());
  }
  const auto session = Session::open(environment, arguments);
  if (!session.ok()) return print_error(session.error());
  const auto seen = ask_ledger(**session);
  const auto cosigned = seen.ok() ? ask_cosigned_part(**session, *seen)
                                  : Result<std::optional<SeenCosigned>>(seen.error());
  if (!cosigned.ok()) {
    print_error(cosigned.error());
    return exit_code_of(cosigned.error());
  }
  if (arguments.has("cosigned") && !*cosigned)
    return print_error({.name = "not_cosigned",
                        .detail = "no checkpoint has been cosigned by enough witnesses yet",
                        .next = "reeve ledger witnesses says who they are"});
  if (arguments.has("json")) {
    print_out(ledger_json(*seen, *cosigned));
    return exit_code::done;
  }
  tell_cosigned(*seen, *cosigned);
  const bool is_newest = *cosigned && (**cosigned).checkpoint.tree == seen->checkpoint.tree;
  print_out(is_newest || arguments.has("cosigned") ? (**cosigned).note : seen->note);
  return exit_code::done;
}

}  // namespace

int run_ledger_checkpoint(const Environment& environment, CommandArguments arguments) {
  return with_arguments(checkpoint_spec(), arguments, [&](const Arguments& parsed) {
    return show_checkpoint(environment, parsed);
  });
}

}  // namespace reeve::cli
