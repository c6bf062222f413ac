#include "controller/ledger.h"

#include <fmt/format.h>

#include "controller/controller_limits.h"

namespace reeve {

namespace {

Error damaged(std::string detail) {
  return Error{"store_damaged", std::move(detail), "restore a backup of the store"};
}

// Leaves, the hashes of full tiles and the tree head must speak of one tree.
Status check_counts(const Store& store, const TreeHead& head) {
  const auto count = store.leaf_count();
  if (!count.ok()) return count.error();
  if (head.size() != *count) {
    return damaged(
        fmt::format("the store holds {} leaves and a tree head over {}", *count, head.size()));
  }
  for (unsigned level = 1; hashes_at(head.size(), level) > 0; ++level) {
    const auto tiles = store.tile_hash_count(level);
    if (!tiles.ok()) return tiles.error();
    if (*tiles == hashes_at(head.size(), level)) continue;
    return damaged(fmt::format("the store holds {} hashes of full tiles at level {} of a log of {}",
                               *tiles, level, head.size()));
  }
  return {};
}

// It may be older than the leaves where the store was made before there were checkpoints; it never
// names another tree than ours.
Status check_checkpoint(std::string_view note, const TreeHead& head, const std::string& origin,
                        const PublicKey& key) {
  if (note.empty()) return {};
  const std::array keys{key};
  const auto checkpoint = verify_checkpoint(note, origin, keys);
  // Signed by an earlier ledger key: the next commit signs anew.
  if (!checkpoint.ok() && checkpoint.error().name == "too_few_signatures") return {};
  if (!checkpoint.ok()) return damaged(checkpoint.error().detail);
  if (checkpoint->tree == TreeView{head.size(), head.root()}) return {};
  return damaged("the last checkpoint is of another tree than the store's");
}

}  // namespace

Ledger::Ledger(Store& store, const Clock& clock, const SigningKey& key, std::string origin,
               Before before)
    : store_(store),
      clock_(clock),
      key_(key),
      origin_(std::move(origin)),
      committed_origin_(origin_),
      state_(before.state),
      committed_state_(before.state),
      head_(before.head),
      committed_(std::move(before.head)),
      checkpoint_(std::move(before.checkpoint)),
      hashes_(store),
      stored_wall_ns_(before.stored_wall_ns) {}

Result<std::unique_ptr<Ledger>> Ledger::open(Store& store, const Clock& clock,
                                             const SigningKey& key, std::string origin) {
  auto head = store.tree_head();
  if (!head.ok()) return head.error();
  REEVE_TRY(check_counts(store, *head));
  auto checkpoint = store.checkpoint();
  if (!checkpoint.ok()) return checkpoint.error();
  REEVE_TRY(check_checkpoint(*checkpoint, *head, origin, key.public_key()));
  const auto state = store.ledger_state();
  if (!state.ok()) return state.error();
  Before before{std::move(*head), 0, std::move(*checkpoint), *state};
  if (before.head.size() > 0) {
    const auto last = store.leaf(before.head.size() - 1);
    if (!last.ok()) return last.error();
    if (*last) before.stored_wall_ns = (*last)->stored_wall_ns;
  }
  return std::make_unique<Ledger>(store, clock, key, std::move(origin), std::move(before));
}

Status Ledger::begin() { return store_.begin(); }

Result<std::uint64_t> Ledger::append(ObjectType type, ByteView object) {
  // Another tree of a size that was signed before must never bear the same origin.
  if (awaits_recovery()) {
    return Error{"recovery_needed",
                 fmt::format("the ledger was put back from a backup, at {} leaves", head_.size()),
                 "let the root's holders say from where it goes on: reeve ledger recover"};
  }
  // The order of leaves is the order of time, also when the wall clock is set back.
  stored_wall_ns_ = std::max(stored_wall_ns_, clock_.wall_ns());
  Leaf leaf{head_.size(), type, stored_wall_ns_, leaf_hash(object),
            Bytes(object.begin(), object.end())};
  REEVE_TRY(store_.append_leaf(leaf));
  head_.append(leaf.hash);
  REEVE_TRY(hashes_.complete_tiles(store_, head_.size()));
  return leaf.index;
}

Status Ledger::append_tick() {
  const Tick tick{origin_, clock_.wall_ns(), head_.size(), head_.root()};
  const auto object = seal_object(ObjectType::tick, encode_tick(tick), key_);
  if (auto index = append(ObjectType::tick, object); !index.ok()) return index.error();
  ticked_ns_ = clock_.boottime_ns();
  return {};
}

Status Ledger::go_on_as(std::string origin) {
  REEVE_TRY(store_.put_ledger_state(LedgerState::goes_on));
  origin_ = std::move(origin);
  state_ = LedgerState::goes_on;
  return {};
}

bool Ledger::tick_is_due() const {
  if (head_.size() == committed_.size()) return false;
  return !ticked_ns_ || clock_.boottime_ns() - *ticked_ns_ >= limits::tick_interval_ns;
}

// The checkpoint of what is about to be committed.
Result<std::string> Ledger::write_head() {
  REEVE_TRY(store_.put_tree_head(head_));
  auto checkpoint = sign_checkpoint({origin_, {head_.size(), head_.root()}}, key_);
  REEVE_TRY(store_.put_checkpoint(checkpoint));
  return checkpoint;
}

Status Ledger::commit() {
  if (tick_is_due()) REEVE_TRY(append_tick());
  Result<std::string> checkpoint = checkpoint_;
  if (head_.size() != committed_.size()) checkpoint = write_head();
  if (!checkpoint.ok()) return checkpoint.error();
  REEVE_TRY(store_.commit());
  committed_ = head_;
  committed_origin_ = origin_;
  committed_state_ = state_;
  checkpoint_ = *std::move(checkpoint);
  return {};
}

void Ledger::rollback() {
  store_.rollback();
  hashes_.forget();
  // A tick may have gone with it; the next commit makes another.
  if (head_.size() != committed_.size()) ticked_ns_.reset();
  head_ = committed_;
  origin_ = committed_origin_;
  state_ = committed_state_;
}

}  // namespace reeve
