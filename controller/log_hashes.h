// The hashes of the ledger's tree by the coordinates of C2SP tlog-tiles: a tile is 256 hashes wide,
// tile level 0 holds the leaves' hashes and each level above the roots of the full tiles below it.
// They stand in the store beside the leaves, so that any proof costs a few reads, however long the
// log is. What was read is remembered, a bounded number of tiles.
#pragma once

#include <map>

#include "controller/store/store.h"

namespace reeve {

inline constexpr unsigned tile_height = 8;
inline constexpr std::uint64_t tile_width = 1u << tile_height;

class LogHashes final : public HashSource {
 public:
  explicit LogHashes(const Store& store) : store_(store) {}

  // Within the store's transaction, after the leaf before index `size` was appended: writes the
  // roots of the tiles that it has filled.
  Status complete_tiles(Store& store, std::uint64_t size);
  // `count` hashes of tile `index` at a tile level: with 256 a full tile, with fewer a partial one.
  // Error `store_damaged` where the store has fewer.
  Result<std::vector<Digest>> tile(unsigned tile_level, std::uint64_t index,
                                   std::size_t count) const;
  // For proofs. A subtree is one node of one tile.
  Result<Digest> subtree(unsigned level, std::uint64_t index) const override;
  // What was read in a transaction that is rolled back may never have been.
  void forget() const { trees_.clear(); }

 private:
  // The nodes of one tile: by height, from its hashes up; only subtrees that are full.
  using Tree = std::vector<std::vector<Digest>>;
  using Place = std::pair<unsigned, std::uint64_t>;
  Result<const Tree*> tree_of(const Place& place, std::size_t width) const;

  const Store& store_;
  mutable std::map<Place, Tree> trees_;
};

// How many hashes a log of `size` leaves has at a tile level.
std::uint64_t hashes_at(std::uint64_t size, unsigned tile_level);

}  // namespace reeve
