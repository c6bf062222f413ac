// reeve ledger recover: the statement of the root's holders by which agents and operators go on
// with a ledger that was put back from a backup. It is signed with the root key that is here and
// entered at once, or written to a file that others sign as well.
#include <fmt/format.h>

#include <charconv>

#include "common/limits.h"
#include "common/paths.h"
#include "common/text.h"
#include "controller/cli/consent.h"
#include "controller/cli/draft.h"
#include "controller/cli/files.h"
#include "controller/cli/ledger_view.h"
#include "controller/cli/recovery_view.h"
#include "controller/cli/terminal.h"

namespace reeve::cli {
namespace {

CommandSpec recover_spec() {
  return {.name = "ledger recover",
          .usage = "--reason TEXT [--at SIZE] [--prepare FILE] | --submit FILE...",
          .details =
              "Lets the fleet go on with a ledger that `reeve-controller restore` put back. The\n"
              "holders of the root sign up to which tree the old ledger is still trusted, and the\n"
              "new ledger's origin; agents verify that by the root they have pinned, let go of\n"
              "what they saw beyond that tree, put it on record, and send again what their\n"
              "journals still have of it. Nothing else makes them do so.\n\n"
              "Signs with keys/root.key and enters it, if that is as many signatures as the root\n"
              "needs. With --prepare FILE it is written there instead, for `reeve sign FILE` by\n"
              "each of those who must and then --submit FILE; several FILEs are copies of one,\n"
              "each signed by others. Needs an operator with the right to administer.\n\n"
              "--at SIZE names the backup's leaves where the store was put back by hand and the\n"
              "controller has added to it since.",
          .options = {{"reason", "TEXT", "why, for whoever reads the ledger"},
                      {"at", "SIZE", "how many leaves are trusted; else all that there are"},
                      {"prepare", "FILE", "write it there for others to sign"},
                      {"submit", "", "enter what enough people have signed"},
                      yes_option(),
                      fleet_option()},
          .operands_min = 0,
          .operands_max = any_number};
}

Error usage_error(std::string detail) {
  return Error{.name = "usage", .detail = std::move(detail), .next = "reeve ledger recover --help"};
}

Result<std::optional<std::uint64_t>> wanted_size(const Arguments& arguments) {
  const auto text = arguments.value("at");
  if (!text) return std::optional<std::uint64_t>{};
  std::uint64_t size = 0;
  const auto [end, problem] = std::from_chars(text->data(), text->data() + text->size(), size);
  if (problem == std::errc{} && end == text->data() + text->size() && size > 0)
    return std::optional(size);
  return usage_error(fmt::format("`{}` is no number of leaves", printable(*text)));
}

// A ledger that goes on needs no recovery: agents would send everything again for nothing.
Result<LedgerRecovery> recovery_of(Session& session, const Arguments& arguments) {
  const auto at = wanted_size(arguments);
  if (!at.ok()) return at.error();
  const auto state = ask_recoveries(session, *at);
  if (!state.ok()) return state.error();
  if (!state->is_awaited && !*at) {
    return Error{.name = "recovery_not_needed",
                 .detail = "the controller's ledger was not put back from a backup",
                 .next = "if it was put back by hand, name the backup's leaves with --at SIZE"};
  }
  REEVE_TRY(require_beginning(session, state->tree));
  const Root& root = session.fleet().root;
  const auto before = recoveries_before(state->tree.origin, root);
  if (!before)
    return Error{.name = "wrong_ledger", .detail = "the controller's ledger is no fleet's of ours"};
  LedgerRecovery recovery;
  recovery.fleet = root.fleet;
  recovery.old_origin = state->tree.origin;
  recovery.new_origin = ledger_origin(root, *before + 1);
  recovery.trusted = state->tree.tree;
  recovery.made_s = session.now_wall_ns() / 1'000'000'000;
  recovery.reason = arguments.value("reason").value_or("");
  if (recovery.reason.empty()) return usage_error("--reason TEXT says why, for the ledger");
  // The shape that every reader asks for, before anybody signs.
  if (auto shaped = decode_recovery(encode_recovery(recovery)); !shaped.ok()) return shaped.error();
  return recovery;
}

// Those that this machine has seen and a controller from a backup has not.
Result<Value::Array> roots_after(const Fleet& fleet, std::uint64_t version) {
  Value::Array out;
  while (++version < fleet.root.version) {
    auto object = read_file(fleet.path(fmt::format("{}-{}", paths::fleet_root, version)),
                            limits::message_bytes_max);
    if (!object.ok()) return object.error();
    out.emplace_back(*std::move(object));
  }
  if (version == fleet.root.version) out.emplace_back(fleet.root_object);
  return out;
}

Status enter(Session& session, const Bytes& object) {
  // Never send what agents would refuse.
  const auto verified = verify_recovery(object, session.fleet().root);
  if (!verified.ok()) {
    Error error = verified.error();
    if (error.name == "too_few_signatures")
      error.next = "give --prepare FILE, let others reeve sign FILE, then --submit FILE";
    return error;
  }
  const auto state = ask_recoveries(session, std::nullopt);
  if (!state.ok()) return state.error();
  auto roots = roots_after(session.fleet(), state->root_version);
  if (!roots.ok()) return roots.error();
  const auto answer =
      session.controller().request("recover", {{"recovery", object}, {"roots", *std::move(roots)}});
  if (!answer.ok()) return answer.error();
  const auto seen = ask_ledger(session);
  if (!seen.ok()) return seen.error();
  print_out(
      fmt::format("recovered: {} goes on from {} leaves; agents send again what they have beyond\n",
                  printable(seen->checkpoint.origin), verified->recovery.trusted.size));
  return {};
}

Status recover(Session& session, const Arguments& arguments) {
  const auto recovery = recovery_of(session, arguments);
  if (!recovery.ok()) return recovery.error();
  print_out(recovery_text(*recovery));
  if (const auto file = arguments.value("prepare")) {
    const Bytes object =
        encode_signed_object({ObjectType::ledger_recovery, {}, encode_recovery(*recovery)});
    REEVE_TRY(write_file(*file, object));
    print_out(fmt::format("\nprepared: reeve sign {}\n", printable(*file)));
    return {};
  }
  const auto key = signing_key(session.fleet(), paths::fleet_root_key);
  if (!key.ok()) return key.error();
  REEVE_TRY(ask_consent(arguments, "Sign and enter this recovery?"));
  return enter(session, seal_object(ObjectType::ledger_recovery, encode_recovery(*recovery), *key));
}

Status submit(Session& session, const Arguments& arguments) {
  Bytes object;
  for (const std::string& path : arguments.operands()) {
    auto bytes = read_file(path, limits::recovery_bytes_max);
    if (!bytes.ok()) return bytes.error();
    if (object.empty()) {
      object = *std::move(bytes);
      continue;
    }
    auto both = merge_signatures(object, *bytes, ObjectType::ledger_recovery);
    if (!both.ok()) return both.error();
    object = *std::move(both);
  }
  return enter(session, object);
}

int recover_command(const Environment& environment, const Arguments& arguments) {
  if (arguments.has("submit") == arguments.operands().empty())
    return print_error(usage_error("--submit takes the FILEs that were signed, nothing else does"));
  const auto opened = Session::open(environment, arguments);
  if (!opened.ok()) return print_error(opened.error());
  Session& session = **opened;
  if (auto taken = session.take_up_roots(); !taken.ok()) return print_error(taken.error());
  const Status done =
      arguments.has("submit") ? submit(session, arguments) : recover(session, arguments);
  return done.ok() ? exit_code::done : print_error(done.error());
}

}  // namespace

int run_ledger_recover(const Environment& environment, CommandArguments arguments) {
  return with_arguments(recover_spec(), arguments, [&](const Arguments& parsed) {
    return recover_command(environment, parsed);
  });
}

}  // namespace reeve::cli
