#include "controller/audit/ledger_audit.h"

#include <fmt/format.h>

#include <algorithm>

#include "controller/audit/published_check.h"
#include "controller/audit/table_check.h"
#include "controller/audit/tree_check.h"
#include "controller/log_hashes.h"

namespace reeve {
namespace {

constexpr std::uint64_t leaves_between_progress = 1'024;

class Audit {
 public:
  Audit(const Store& store, const AuditTrust& trust)
      : store_(store), walk_(trust.roots), tree_(store, trust.seen) {}

  Status run(const PublishedFile& published, const std::function<void(std::uint64_t)>& progress);
  LedgerAudit result() const;

 private:
  // Whether the walk came through.
  Result<bool> walk(const std::function<void(std::uint64_t)>& progress);
  Result<bool> step(std::uint64_t index);
  Result<const BatchRow*> batch_at(std::uint64_t index);
  Status check_rest(const PublishedFile& published, const std::optional<std::string>& note);
  void check_checkpoint(const std::string& note);
  Status check_recoveries();
  void explain_by_heartbeats(const std::vector<NodeRow>& nodes);
  void add(std::uint64_t from, std::uint64_t until, Error error) {
    faults_.push_back({from, until, std::move(error)});
  }
  std::optional<LedgerFault> first_fault() const;

  const Store& store_;
  LedgerWalk walk_;
  TreeCheck tree_;
  TableCheck tables_;
  std::vector<LedgerFault> faults_;
  std::vector<BatchRow> batches_;  // read and not met yet, from next_batch_ on
  std::size_t next_batch_ = 0;
  std::uint64_t batches_from_ = 0;
  bool is_last_read_ = false;
  std::string checkpoint_;
  std::optional<std::uint64_t> published_;
};

// The batch of this leaf, or of none where the next one is of a later leaf. One of an earlier leaf,
// which nobody has asked for, is given as well: it stands where no leaf is.
Result<const BatchRow*> Audit::batch_at(std::uint64_t index) {
  constexpr std::size_t batches_at_once = 64;
  if (next_batch_ == batches_.size() && !is_last_read_) {
    auto more = store_.batches({std::nullopt, std::nullopt, batches_from_}, batches_at_once);
    if (!more.ok()) return more.error();
    batches_ = *std::move(more);
    next_batch_ = 0;
    is_last_read_ = batches_.size() < batches_at_once;
    if (!batches_.empty()) batches_from_ = batches_.back().leaf + 1;
  }
  if (next_batch_ == batches_.size() || batches_[next_batch_].leaf > index)
    return static_cast<const BatchRow*>(nullptr);
  return &batches_[next_batch_++];
}

Result<bool> Audit::step(std::uint64_t index) {
  const auto leaf = store_.leaf(index);
  if (!leaf.ok()) return leaf.error();
  if (!*leaf) {
    add(index, index + 1, Error{"leaf_missing", "the store has no such leaf"});
    return false;
  }
  const auto batch = batch_at(index);
  if (!batch.ok()) return batch.error();
  if (auto taken = walk_.take(**leaf, *batch); !taken.ok()) {
    add(index, index + 1, taken.error());
    return false;
  }
  REEVE_TRY(tree_.take((**leaf).hash, walk_.tree()));
  tables_.take(**leaf);
  return true;
}

Result<bool> Audit::walk(const std::function<void(std::uint64_t)>& progress) {
  const auto rows = store_.leaf_count();
  if (!rows.ok()) return rows.error();
  const auto head = store_.tree_head();
  const std::uint64_t said = head.ok() ? head->size() : 0;
  const std::uint64_t until = std::max(*rows, said);
  for (std::uint64_t index = 0; index < until; ++index) {
    if (index % leaves_between_progress == 0) progress(index);
    const auto went_on = step(index);
    if (!went_on.ok() || !*went_on) return went_on;
  }
  return true;
}

// A ledger key may have been replaced since: a checkpoint under the one before is then signed anew
// with the next leaf.
void Audit::check_checkpoint(const std::string& note) {
  const std::uint64_t size = walk_.tree().size();
  if (size == 0) return;
  const auto checkpoint = verify_checkpoint(note, walk_.origin(), walk_.root()->ledger.keys);
  if (!checkpoint.ok()) {
    add(0, size,
        Error{"checkpoint_not_signed",
              fmt::format("{}: {}", checkpoint.error().name, checkpoint.error().detail)});
  } else if (checkpoint->tree != TreeView{size, walk_.tree().root()}) {
    add(0, size,
        Error{"checkpoint_differs",
              fmt::format("the stored checkpoint, over {} leaves, is of another tree than these "
                          "leaves make",
                          checkpoint->tree.size)});
  }
  checkpoint_ = note;
}

Status Audit::check_recoveries() {
  const LogHashes hashes(store_);
  for (const auto& recovered : walk_.recoveries()) {
    const auto made = tree_root(hashes, recovered.trusted.size);
    if (!made.ok()) return made.error();
    if (*made == recovered.trusted.root) continue;
    add(recovered.leaf, recovered.leaf + 1,
        Error{"recovery_differs", "it trusts another tree than the leaves before it make"});
  }
  return {};
}

// What a node's last heartbeat tells of is on its way as a record.
void Audit::explain_by_heartbeats(const std::vector<NodeRow>& nodes) {
  for (const NodeRow& row : nodes) {
    const auto opened = parse_signed_object(row.heartbeat, ObjectType::heartbeat);
    const auto heartbeat = opened.ok() ? decode_heartbeat(opened->payload) : opened.error();
    if (!heartbeat.ok() || heartbeat->node != row.node) continue;
    for (const ChainGap& gap : heartbeat->gaps) walk_.batches().explain(row.node, gap);
  }
}

Status Audit::check_rest(const PublishedFile& published, const std::optional<std::string>& note) {
  const std::uint64_t size = walk_.tree().size();
  REEVE_TRY(tree_.finish(walk_.tree()));
  const auto stray = batch_at(UINT64_MAX);
  if (!stray.ok()) return stray.error();
  if (*stray != nullptr)
    add(size, size + 1, Error{"stray_batch", "the store has a batch behind the last leaf"});
  const auto stored = store_.checkpoint();
  if (!stored.ok()) return stored.error();
  check_checkpoint(*stored);
  REEVE_TRY(check_recoveries());
  if (size > 0 && !walk_.is_anchored())
    add(0, size,
        Error{"root_mismatch", "none of the roots in it is one that is trusted here",
              "name an older root by --root"});
  const auto nodes = store_.nodes();
  if (!nodes.ok()) return nodes.error();
  explain_by_heartbeats(*nodes);
  if (const auto hole = walk_.batches().unexplained_hole()) {
    add(hole->leaf, hole->leaf + 1,
        Error{"chain_hole",
              fmt::format("records {} to {} are missing before this batch in {} of node {}, which "
                          "has not accounted for them",
                          hole->gap.first, hole->gap.last, name_of(hole->gap.stream),
                          hex(hole->node.view()).substr(0, 16))});
  }
  auto table = tables_.finish(store_, walk_.batches());
  if (!table.ok()) return table.error();
  if (*table) faults_.push_back(**table);
  if (!note || walk_.root() == nullptr) return {};
  const auto log = check_published(store_, published, *note, *walk_.root(), size);
  if (!log.ok()) return log.error();
  published_ = log->size;
  if (log->fault) faults_.push_back(*log->fault);
  return {};
}

Status Audit::run(const PublishedFile& published,
                  const std::function<void(std::uint64_t)>& progress) {
  const auto note = read_published_checkpoint(published);
  if (!note.ok()) return note.error();
  const auto whole = walk(progress);
  if (!whole.ok()) return whole.error();
  if (*whole) REEVE_TRY(check_rest(published, *note));
  faults_.insert(faults_.end(), tree_.faults().begin(), tree_.faults().end());
  return {};
}

// The earliest; and of those that lie within its range, the one that says most exactly where.
std::optional<LedgerFault> Audit::first_fault() const {
  if (faults_.empty()) return std::nullopt;
  const auto width = [](const LedgerFault& fault) { return fault.until - fault.leaf; };
  auto first = *std::ranges::min_element(
      faults_, {}, [&](const LedgerFault& fault) { return std::pair(fault.leaf, width(fault)); });
  for (const LedgerFault& fault : faults_) {
    if (fault.leaf < first.until && fault.until <= first.until && width(fault) < width(first))
      first = fault;
  }
  return first;
}

LedgerAudit Audit::result() const {
  LedgerAudit out;
  out.tree = {walk_.tree().size(), walk_.tree().root()};
  if (walk_.root() != nullptr) {
    out.origin = walk_.origin();
    out.root_version = walk_.root()->version;
  }
  out.counts = walk_.batches().counts();
  out.nodes = walk_.batches().nodes();
  out.checkpoint = checkpoint_;
  out.published = published_;
  out.fault = first_fault();
  return out;
}

// Heads of a ledger that was recovered since, as far as the recovery leaves trust in them. That the
// store's recoveries are the leaves', signed, and of this ledger's own trees, the audit finds.
Result<std::vector<Checkpoint>> what_recoveries_leave(const Store& store, const AuditTrust& trust) {
  const auto rows = store.recoveries();
  if (!rows.ok()) return rows.error();
  std::vector<Checkpoint> left = trust.seen;
  for (const RecoveryRow& row : *rows) {
    const auto opened = parse_signed_object(row.object, ObjectType::ledger_recovery);
    const auto recovery = opened.ok() ? decode_recovery(opened->payload) : opened.error();
    if (!recovery.ok()) continue;
    for (Checkpoint& one : left) {
      if (one.origin != recovery->old_origin) continue;
      one.origin = recovery->new_origin;
      if (one.tree.size > recovery->trusted.size) one.tree = recovery->trusted;
    }
  }
  return left;
}

}  // namespace

Result<LedgerAudit> audit_ledger(const Store& store, const PublishedFile& published,
                                 const AuditTrust& trust,
                                 const std::function<void(std::uint64_t)>& progress) {
  auto seen = what_recoveries_leave(store, trust);
  if (!seen.ok()) return seen.error();
  Audit audit(store, {trust.roots, *std::move(seen)});
  REEVE_TRY(audit.run(published, progress));
  return audit.result();
}

}  // namespace reeve
