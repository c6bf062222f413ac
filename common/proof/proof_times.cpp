// Where a record stands in time: between two ticks of the ledger.
#include <fmt/format.h>

#include "common/ledger_recovery.h"
#include "common/proof/proof_steps.h"
#include "common/tick.h"

namespace reeve {

using namespace proof_steps;

namespace {

Error not_valid(std::string_view problem) { return Error{"tick_not_valid", std::string(problem)}; }

// Any trusted root's ledger key: a tick that was signed before a key was replaced is a leaf that
// nobody can have put there since.
Status require_ledger_key(const SignedObject& object, std::span<const Root> roots) {
  Status last = Error{"too_few_signatures", "no root"};
  for (const Root& root : roots) {
    last = require_signatures(object, root.ledger.keys, 1);
    if (last.ok()) return {};
  }
  return refused("tick_not_valid", last.error());
}

Result<std::optional<ProvenTick>> prove_tick(const ProofTick& tick, const Checkpoint& checkpoint,
                                             std::span<const Root> roots) {
  if (tick.object.empty()) return std::optional<ProvenTick>{};
  const TreeView& tree = checkpoint.tree;
  if (!inclusion_holds(leaf_hash(tick.object), tick.leaf, tree.size, tick.path, tree.root))
    return not_valid("root_mismatch: its path does not lead to the checkpoint");
  const auto opened = parse_signed_object(tick.object, ObjectType::tick);
  if (!opened.ok()) return refused("tick_not_valid", opened.error());
  REEVE_TRY(require_ledger_key(*opened, roots));
  const auto said = decode_tick(opened->payload);
  if (!said.ok()) return refused("tick_not_valid", said.error());
  // One that was made before a recovery has the origin of that time.
  if (!recoveries_before(said->origin, roots.back()))
    return not_valid("wrong_log: it is of another ledger");
  if (said->size != tick.leaf) return not_valid("it was made for another place");
  return std::optional(ProvenTick{tick.leaf, said->wall_ns});
}

}  // namespace

Result<ProvenTimes> verify_times(const ProofFile& file, const Checkpoint& checkpoint,
                                 std::span<const Root> roots) {
  auto before = prove_tick(file.before, checkpoint, roots);
  if (!before.ok()) return before.error();
  auto after = prove_tick(file.after, checkpoint, roots);
  if (!after.ok()) return after.error();
  if (*before && (**before).leaf >= file.leaf) return not_valid("the first is behind the record");
  if (*after && (**after).leaf <= file.leaf) return not_valid("the last is before the record");
  return ProvenTimes{*before, *after};
}

}  // namespace reeve
