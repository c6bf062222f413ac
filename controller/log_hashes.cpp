#include "controller/log_hashes.h"

#include <fmt/format.h>

#include "controller/controller_limits.h"

namespace reeve {

std::uint64_t hashes_at(std::uint64_t size, unsigned tile_level) {
  const unsigned shift = tile_level * tile_height;
  return shift < 64 ? size >> shift : 0;
}

Status LogHashes::complete_tiles(Store& store, std::uint64_t size) {
  unsigned level = 0;
  for (std::uint64_t filled = size; filled % tile_width == 0; filled /= tile_width, ++level) {
    const std::uint64_t index = filled / tile_width - 1;
    auto hashes = tile(level, index, tile_width);
    if (!hashes.ok()) return hashes.error();
    REEVE_TRY(store.append_tile_hash(level + 1, index, tree_root(*hashes)));
  }
  return {};
}

Result<std::vector<Digest>> LogHashes::tile(unsigned tile_level, std::uint64_t index,
                                            std::size_t count) const {
  const std::uint64_t first = index * tile_width;
  auto hashes = tile_level == 0 ? store_.leaf_hashes(first, count)
                                : store_.tile_hashes(tile_level, first, count);
  if (!hashes.ok() || hashes->size() == count) return hashes;
  return Error{"store_damaged",
               fmt::format("the store has {} of {} hashes of tile {} at level {}", hashes->size(),
                           count, index, tile_level),
               "restore a backup of the store"};
}

Result<Digest> LogHashes::subtree(unsigned level, std::uint64_t index) const {
  const unsigned tile_level = level / tile_height;
  const unsigned height = level % tile_height;
  const std::uint64_t first = index << height;  // of its hashes, among all of this tile level
  const auto offset = static_cast<std::size_t>(first % tile_width);
  const auto tree = tree_of({tile_level, first / tile_width}, offset + (std::size_t{1} << height));
  if (!tree.ok()) return tree.error();
  return (**tree)[height][offset >> height];
}

Result<const LogHashes::Tree*> LogHashes::tree_of(const Place& place, std::size_t width) const {
  const auto known = trees_.find(place);
  if (known != trees_.end() && known->second.front().size() >= width) return &known->second;
  const auto [level, index] = place;
  auto hashes = level == 0 ? store_.leaf_hashes(index * tile_width, tile_width)
                           : store_.tile_hashes(level, index * tile_width, tile_width);
  if (!hashes.ok()) return hashes.error();
  if (hashes->size() < width) return tile(level, index, width).error();
  if (trees_.size() >= limits::tiles_remembered_max) trees_.clear();
  Tree tree{*std::move(hashes)};
  while (tree.back().size() > 1) {
    const auto& below = tree.back();
    std::vector<Digest> above;
    for (std::size_t i = 0; i + 1 < below.size(); i += 2) {
      above.push_back(node_hash(below[i], below[i + 1]));
    }
    tree.push_back(std::move(above));
  }
  return &(trees_[place] = std::move(tree));
}

}  // namespace reeve
