#include "controller/cli/ledger_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "common/limits.h"
#include "common/paths.h"
#include "common/text.h"
#include "common/witness.h"
#include "controller/cli/files.h"
#include "controller/cli/terminal.h"
#include "controller/cli/verify.h"

namespace reeve::cli {
namespace {

Error rewritten(const TreeView& seen, std::string_view how) {
  return {
      .name = "ledger_rewritten",
      .detail = fmt::format("this machine has seen the ledger at {} leaves; {}", seen.size, how),
      .next =
          "treat the controller as taken over; if it came back from a backup: reeve ledger "
          "recover"};
}

struct Answer {
  std::string note;
  std::vector<Digest> consistency;
};

Result<Answer> ask(Session& session, Value::Map arguments) {
  const auto items = session.controller().request("checkpoint", std::move(arguments));
  if (!items.ok()) return items.error();
  if (items->size() != 1) return Error{.name = "malformed", .detail = "not one checkpoint"};
  Fields fields(items->front(), "checkpoint");
  Answer answer;
  answer.note = fields.text("note");
  auto consistency = read_path(fields, "consistency");
  if (!consistency.ok()) return consistency.error();
  answer.consistency = *std::move(consistency);
  REEVE_TRY(fields.finish(UnknownFields::keep));
  return answer;
}

std::string recovered_words(const LedgerRecovery& recovery, const TreeView& seen) {
  std::string words = fmt::format("the ledger was recovered as {} at {} leaves: {}\n",
                                  printable(recovery.new_origin), recovery.trusted.size,
                                  printable(recovery.reason));
  if (seen.size <= recovery.trusted.size) return words;
  return words + fmt::format(
                     "  this machine had seen {} leaves; what stood beyond is what nodes send "
                     "again\n",
                     seen.size);
}

// What is left of what this machine has seen. Each recovery counts under the root that is pinned
// here, and from the ledger that is followed here.
Result<Checkpoint> after_recoveries(Session& session, Checkpoint seen) {
  const auto state = ask_recoveries(session, std::nullopt);
  if (!state.ok()) return state.error();
  for (const Bytes& object : state->recoveries) {
    const auto verified = verify_recovery(object, session.fleet().root);
    if (!verified.ok() || verified->recovery.old_origin != seen.origin) continue;
    const LedgerRecovery& recovery = verified->recovery;
    if (recovery.trusted.size == seen.tree.size && recovery.trusted != seen.tree)
      return rewritten(seen.tree, "a recovery trusts another tree of that size");
    print_err(recovered_words(recovery, seen.tree));
    if (recovery.trusted.size < seen.tree.size) seen.tree = recovery.trusted;
    seen.origin = recovery.new_origin;
  }
  return seen;
}

bool is_other_ledger(const Result<Answer>& answer, const Checkpoint& seen) {
  if (!answer.ok()) return answer.error().name == "ledger_too_short";
  return seen.tree.size > 0 && !answer->note.starts_with(seen.origin + "\n");
}

}  // namespace

Result<Checkpoint> newest_seen(const Fleet& fleet) {
  const Checkpoint nothing{{}, {0, sha256(ByteView{})}};
  const auto note = read_file(fleet.path(paths::fleet_checkpoint), limits::checkpoint_bytes_max);
  if (!note.ok() && note.error().name == "file_missing") return nothing;
  if (!note.ok()) return note.error();
  const auto checkpoint = verify_ledger_checkpoint(text_of(*note), fleet.root);
  if (checkpoint.ok()) return checkpoint;
  if (checkpoint.error().name == "too_few_signatures") return nothing;
  Error error = checkpoint.error();
  error.detail = fmt::format("{}: {}", fleet.path(paths::fleet_checkpoint), error.detail);
  error.next = "remove that file to begin anew, if you know why it is damaged";
  return error;
}

Status require_beginning(Session& session, const Checkpoint& trusted) {
  const auto seen = newest_seen(session.fleet());
  if (!seen.ok()) return seen.error();
  const bool is_same = seen->tree.size > 0 && seen->origin == trusted.origin;
  if (!is_same || seen->tree.size > trusted.tree.size) {
    print_err(fmt::format(
        "reeve: that these {} leaves are the ledger that nodes have seen, the controller alone "
        "says "
        "here\n  next: reeve ledger verify --all DIR on the backup, before anybody signs\n",
        trusted.tree.size));
    return {};
  }
  const auto answer = ask(session, {{"from", seen->tree.size}, {"to", trusted.tree.size}});
  if (!answer.ok()) return answer.error();
  if (consistency_holds(seen->tree, trusted.tree, answer->consistency)) return {};
  return rewritten(seen->tree, "what is to be trusted has not grown out of it");
}

Result<RecoveryState> ask_recoveries(Session& session, std::optional<std::uint64_t> at) {
  Value::Map arguments;
  if (at) arguments.emplace_back("at", *at);
  const auto items = session.controller().request("recoveries", std::move(arguments));
  if (!items.ok()) return items.error();
  if (items->empty()) return Error{.name = "malformed", .detail = "no tree is shown"};
  Fields fields(items->front(), "recoveries");
  RecoveryState state;
  state.tree.origin = fields.text("origin");
  state.tree.tree.size = fields.natural("size");
  state.tree.tree.root = fields.bytes<32>("root");
  state.is_awaited = fields.boolean("awaited");
  state.root_version = fields.natural("root_version");
  REEVE_TRY(fields.finish(UnknownFields::keep));
  for (std::size_t i = 1; i < items->size(); ++i) {
    const Value* object = (*items)[i].find("recovery");
    if (object == nullptr || object->binary() == nullptr)
      return Error{.name = "malformed", .detail = "the controller's recovery is no signed object"};
    state.recoveries.push_back(*object->binary());
  }
  return state;
}

Result<SeenLedger> ask_ledger(Session& session) {
  const Fleet& fleet = session.fleet();
  auto seen = newest_seen(fleet);
  if (!seen.ok()) return seen.error();
  auto answer = ask(session, {{"from", seen->tree.size}});
  if (is_other_ledger(answer, *seen)) {
    const std::string origin = seen->origin;
    seen = after_recoveries(session, *std::move(seen));
    if (!seen.ok()) return seen.error();
    if (seen->origin != origin) answer = ask(session, {{"from", seen->tree.size}});
  }
  if (!answer.ok() && answer.error().name == "ledger_too_short") {
    return rewritten(seen->tree, answer.error().detail);
  }
  if (!answer.ok()) return answer.error();
  const auto checkpoint = verify_ledger_checkpoint(answer->note, fleet.root);
  if (!checkpoint.ok()) return checkpoint.error();
  const TreeView& tree = checkpoint->tree;
  if (seen->tree.size > 0 && checkpoint->origin != seen->origin)
    return rewritten(seen->tree,
                     "it is shown under another origin, and no recovery that this "
                     "fleet's root has signed leads there");
  REEVE_TRY(require_one_view(*seen, *checkpoint));
  if (!consistency_holds(seen->tree, tree, answer->consistency)) {
    return rewritten(seen->tree, fmt::format("what the controller shows now, at {}, has not grown "
                                             "out of it",
                                             tree.size));
  }
  REEVE_TRY(write_file(fleet.path(paths::fleet_checkpoint), view_of(answer->note)));
  return SeenLedger{answer->note, *checkpoint, seen->tree.size};
}

bool contradicts_what_was_seen(const Error& error) {
  constexpr std::array<std::string_view, 7> names{
      "ledger_rewritten",    "split_view",         "witnesses_rollback",  "witnesses_mismatch",
      "witnesses_not_valid", "cosigner_not_valid", "too_few_cosignatures"};
  return std::ranges::find(names, error.name) != names.end();
}

Status require_in_ledger(Session& session, const TreeView& shown) {
  const auto now = ask_ledger(session);
  if (!now.ok()) return now.error();
  const TreeView& tree = now->checkpoint.tree;
  if (shown.size > tree.size)
    return rewritten(shown, fmt::format("what the controller shows now has {}", tree.size));
  const auto answer = ask(session, {{"from", shown.size}, {"to", tree.size}});
  if (!answer.ok()) return answer.error();
  if (consistency_holds(shown, tree, answer->consistency)) return {};
  return rewritten(tree, "a record is shown in another one");
}

Result<Checkpoint> judge_inclusion(std::string_view note, const Digest& leaf, std::uint64_t index,
                                   std::span<const Digest> path, const Root& root) {
  auto checkpoint = verify_ledger_checkpoint(note, root);
  if (!checkpoint.ok()) return checkpoint;
  if (inclusion_holds(leaf, index, checkpoint->tree.size, path, checkpoint->tree.root)) {
    return checkpoint;
  }
  return Error{.name = "not_in_ledger",
               .detail = fmt::format("its path does not lead to the checkpoint over {} leaves",
                                     checkpoint->tree.size)};
}

}  // namespace reeve::cli
