#include "controller/cli/ledger_view.h"

#include <fmt/format.h>

#include "common/limits.h"
#include "common/paths.h"
#include "controller/cli/files.h"
#include "controller/cli/verify.h"

namespace reeve::cli {
namespace {

Result<Checkpoint> judge_note(std::string_view note, const Root& root) {
  return verify_checkpoint(note, root.origin, root.ledger.keys);
}

// The newest checkpoint that this directory believes. Nothing that was seen: the empty tree. One
// under a key that the root no longer names proves nothing any more.
Result<TreeView> newest_seen(const Fleet& fleet) {
  const TreeView nothing{0, sha256(ByteView{})};
  const auto note = read_file(fleet.path(paths::fleet_checkpoint), limits::checkpoint_bytes_max);
  if (!note.ok() && note.error().name == "file_missing") return nothing;
  if (!note.ok()) return note.error();
  const auto checkpoint = judge_note(text_of(*note), fleet.root);
  if (checkpoint.ok()) return checkpoint->tree;
  if (checkpoint.error().name == "too_few_signatures") return nothing;
  Error error = checkpoint.error();
  error.detail = fmt::format("{}: {}", fleet.path(paths::fleet_checkpoint), error.detail);
  error.next = "remove that file to begin anew, if you know why it is damaged";
  return error;
}

Error rewritten(const TreeView& seen, std::string_view how) {
  return {
      .name = "ledger_rewritten",
      .detail = fmt::format("this machine has seen the ledger at {} leaves; {}", seen.size, how),
      .next =
          "treat the controller as taken over; if it came back from a backup, keep "
          "public/checkpoint aside as evidence and remove it"};
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

}  // namespace

Result<SeenLedger> ask_ledger(Session& session) {
  const Fleet& fleet = session.fleet();
  const auto seen = newest_seen(fleet);
  if (!seen.ok()) return seen.error();
  const auto answer = ask(session, {{"from", seen->size}});
  if (!answer.ok() && answer.error().name == "ledger_too_short") {
    return rewritten(*seen, answer.error().detail);
  }
  if (!answer.ok()) return answer.error();
  const auto checkpoint = judge_note(answer->note, fleet.root);
  if (!checkpoint.ok()) return checkpoint.error();
  if (!consistency_holds(*seen, checkpoint->tree, answer->consistency)) {
    return rewritten(*seen, fmt::format("what the controller shows now, at {}, has not grown out "
                                        "of it",
                                        checkpoint->tree.size));
  }
  REEVE_TRY(write_file(fleet.path(paths::fleet_checkpoint), view_of(answer->note)));
  return SeenLedger{answer->note, *checkpoint, seen->size};
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
  auto checkpoint = judge_note(note, root);
  if (!checkpoint.ok()) return checkpoint;
  if (inclusion_holds(leaf, index, checkpoint->tree.size, path, checkpoint->tree.root)) {
    return checkpoint;
  }
  return Error{.name = "not_in_ledger",
               .detail = fmt::format("its path does not lead to the checkpoint over {} leaves",
                                     checkpoint->tree.size)};
}

}  // namespace reeve::cli
