#include "controller/audit/tree_check.h"

#include <fmt/format.h>

#include <algorithm>

#include "controller/log_hashes.h"

namespace reeve {

TreeCheck::TreeCheck(const Store& store, std::vector<Checkpoint> seen)
    : store_(store), seen_(std::move(seen)), open_tiles_(1) {
  std::ranges::sort(seen_, {}, [](const Checkpoint& one) { return one.tree.size; });
}

void TreeCheck::note(std::uint64_t from, std::uint64_t until, std::string name,
                     std::string detail) {
  faults_.push_back({from, until, Error{std::move(name), std::move(detail)}});
}

Status TreeCheck::take(const Digest& hash, const TreeHead& tree) {
  ++size_;
  open_tiles_[0].push_back(hash);
  for (unsigned level = 0; open_tiles_[level].size() == tile_width; ++level) {
    if (level + 1 == open_tiles_.size()) open_tiles_.emplace_back();
    REEVE_TRY(complete_tile(level));
  }
  check_seen(tree);
  return {};
}

Status TreeCheck::complete_tile(unsigned level) {
  const Digest root = tree_root(open_tiles_[level]);
  open_tiles_[level].clear();
  open_tiles_[level + 1].push_back(root);
  const std::uint64_t width = std::uint64_t{1} << (tile_height * (level + 1));
  const auto stored = store_.tile_hashes(level + 1, size_ / width - 1, 1);
  if (!stored.ok()) return stored.error();
  if (stored->size() == 1 && stored->front() == root) return {};
  note(size_ - width, size_, "tree_differs",
       fmt::format("these leaves make another tile than the one that is stored at level {}",
                   level + 1));
  return {};
}

void TreeCheck::check_seen(const TreeHead& tree) {
  for (; next_seen_ < seen_.size() && seen_[next_seen_].tree.size <= tree.size(); ++next_seen_) {
    const TreeView& seen = seen_[next_seen_].tree;
    if (seen.size != tree.size() || seen.root == tree.root()) {
      agreed_ = seen.size;
      continue;
    }
    note(agreed_, seen.size, "ledger_rewritten",
         fmt::format("a checkpoint over {} leaves was believed before, and these make another tree",
                     seen.size));
  }
}

// Where the peaks begin to differ; each is the root over a range of leaves.
void TreeCheck::check_head(const TreeHead& stored, const TreeHead& tree) {
  if (stored.size() != tree.size()) {
    const std::uint64_t from = std::min(stored.size(), tree.size());
    note(from, std::max(stored.size(), tree.size()), "tree_differs",
         fmt::format("the stored head of the tree is over {} leaves, and {} are there",
                     stored.size(), tree.size()));
    return;
  }
  std::uint64_t from = 0;
  for (std::size_t i = 0; i < tree.peaks().size(); ++i) {
    std::uint64_t width = std::uint64_t{1} << 63;
    while (width > tree.size() - from) width >>= 1;
    if (stored.peaks()[i] != tree.peaks()[i]) {
      note(from, from + width, "tree_differs",
           "these leaves make another tree than the stored head says");
    }
    from += width;
  }
}

Status TreeCheck::finish(const TreeHead& tree) {
  const auto stored = store_.tree_head();
  if (!stored.ok() && stored.error().name != "malformed") return stored.error();
  if (stored.ok()) {
    check_head(*stored, tree);
  } else {
    note(0, tree.size(), "tree_differs", "the stored head of the tree is none");
  }
  for (unsigned level = 1; level < 8; ++level) {
    const auto count = store_.tile_hash_count(level);
    if (!count.ok()) return count.error();
    if (*count <= hashes_at(tree.size(), level)) continue;
    note(tree.size(), tree.size() + 1, "tree_differs",
         fmt::format("hashes of tiles are stored at level {} that no leaves make", level));
  }
  if (next_seen_ < seen_.size()) {
    note(tree.size(), seen_.back().tree.size, "ledger_rewritten",
         fmt::format("a checkpoint over {} leaves was believed before, and {} are there",
                     seen_.back().tree.size, tree.size()));
  }
  return {};
}

}  // namespace reeve
