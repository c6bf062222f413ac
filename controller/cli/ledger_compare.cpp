// reeve ledger compare: two signed checkpoints, or the proof files that carry them, that came to
// two readers: are they of one ledger? Asks nobody.
#include <fmt/format.h>

#include "common/ledger_recovery.h"
#include "common/limits.h"
#include "common/proof/proof_file.h"
#include "common/proof/proof_limits.h"
#include "common/text.h"
#include "common/witness.h"
#include "controller/cli/commands.h"
#include "controller/cli/files.h"
#include "controller/cli/fleet.h"
#include "controller/cli/proof_view.h"
#include "controller/cli/terminal.h"

namespace reeve::cli {
namespace {

CommandSpec compare_spec() {
  return {.name = "ledger compare",
          .usage = "FILE FILE [--root FILE] [--json]",
          .details =
              "Compares two checkpoints that were signed by the ledger's key, each a signed note\n"
              "or a proof file: what you have and what somebody else was given. Two of one size\n"
              "with different roots prove that the ledger's keeper shows different ledgers\n"
              "(split_view); keep both. Of two sizes nothing can be said without the ledger.\n"
              "Exit: 0 they are the same, 2 they prove a split view, 1 neither.",
          .options = {root_option(), json_option(), fleet_option()},
          .operands_min = 2,
          .operands_max = 2};
}

Result<Checkpoint> read_checkpoint(const std::string& path, const std::vector<Root>& roots) {
  const auto bytes = read_file(path, limits::proof_bytes_max);
  if (!bytes.ok()) return bytes.error();
  std::string note(text_of(*bytes));
  if (note.starts_with("RVPR")) {
    const auto proof = decode_proof(*bytes);
    if (!proof.ok()) return proof.error();
    note = text_of(proof->checkpoint);
  }
  // Any root that is trusted here: what a dropped key has signed accuses its keeper all the same.
  Result<Checkpoint> checkpoint = Error{.name = "too_few_signatures", .detail = "no root"};
  for (auto root = roots.rbegin(); root != roots.rend() && !checkpoint.ok(); ++root)
    checkpoint = verify_ledger_checkpoint(note, *root);
  if (checkpoint.ok()) return checkpoint;
  Error error = checkpoint.error();
  error.detail = fmt::format("{}: {}", printable(path), error.detail);
  return error;
}

int compare(const Arguments& arguments) {
  const auto roots = roots_to_trust(arguments);
  if (!roots.ok()) return print_error(roots.error());
  const auto one = read_checkpoint(arguments.operands()[0], *roots);
  if (!one.ok()) return print_error(one.error());
  const auto other = read_checkpoint(arguments.operands()[1], *roots);
  if (!other.ok()) return print_error(other.error());
  if (auto view = require_one_view(*one, *other); !view.ok())
    return print_refuted(view.error(), arguments);
  if (one->tree.size != other->tree.size) {
    return print_error({.name = "not_comparable",
                        .detail = fmt::format("one is of {} leaves, the other of {}",
                                              one->tree.size, other->tree.size),
                        .next = "reeve ledger checkpoint has the controller prove that the ledger "
                                "has grown from one to the other"});
  }
  print_out(arguments.has("json")
                ? JsonObject().claim("holds", true).natural("size", one->tree.size).line()
                : fmt::format("the same ledger: {} leaves, root {}\n", one->tree.size,
                              hex(one->tree.root.view())));
  return exit_code::done;
}

}  // namespace

int run_ledger_compare(std::span<const std::string> arguments) {
  return with_arguments(compare_spec(), arguments,
                        [](const Arguments& parsed) { return compare(parsed); });
}

}  // namespace reeve::cli
