#include "controller/audit/published_check.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/ledger_recovery.h"
#include "common/limits.h"
#include "common/paths.h"
#include "controller/log_files.h"

namespace reeve {
namespace {

LedgerFault fault(std::uint64_t from, std::uint64_t until, std::string name, std::string detail) {
  return {from, until, Error{std::move(name), std::move(detail)}};
}

// One tile of the log of `size` leaves: its file, or the full one that has taken its place since.
Result<std::optional<Bytes>> read_tile(const PublishedFile& published, std::string_view level,
                                       std::uint64_t index, std::size_t width) {
  auto bytes = published(tile_path(level, index, width));
  if (!bytes.ok() || *bytes || width == tile_width) return bytes;
  return published(tile_path(level, index, tile_width));
}

bool begins_with(ByteView bytes, ByteView wanted) {
  return bytes.size() >= wanted.size() && std::equal(wanted.begin(), wanted.end(), bytes.begin());
}

// What is published of tile `index` of leaves, against the leaves themselves.
class TileCheck {
 public:
  TileCheck(const Store& store, const PublishedFile& published, std::uint64_t size)
      : store_(store), published_(published), size_(size) {}

  Result<std::optional<LedgerFault>> check(std::uint64_t index);
  Result<std::optional<LedgerFault>> check_above(unsigned level, std::uint64_t index);

 private:
  std::size_t width_of(std::uint64_t count, std::uint64_t index) const {
    return static_cast<std::size_t>(std::min(tile_width, count - index * tile_width));
  }
  std::optional<LedgerFault> compare(const Leaf& leaf, ByteReader& entries, ByteReader& hashes);

  const Store& store_;
  const PublishedFile& published_;
  std::uint64_t size_;
};

std::optional<LedgerFault> TileCheck::compare(const Leaf& leaf, ByteReader& entries,
                                              ByteReader& hashes) {
  const std::uint64_t i = leaf.index;
  const ByteView entry = entries.take(entries.u16());
  const bool is_entry = entries.ok() && entry.size() == leaf.object.size() &&
                        std::equal(entry.begin(), entry.end(), leaf.object.begin());
  if (!is_entry) return fault(i, i + 1, "published_differs", "its published entry is another one");
  if (hashes.take_fixed<Digest::size()>() == leaf.hash) return std::nullopt;
  return fault(i, i + 1, "published_differs", "its published hash is another one");
}

Result<std::optional<LedgerFault>> TileCheck::check(std::uint64_t index) {
  const std::uint64_t first = index * tile_width;
  const std::size_t width = width_of(size_, index);
  const auto entries = read_tile(published_, "entries", index, width);
  if (!entries.ok()) return entries.error();
  const auto hashes = read_tile(published_, "0", index, width);
  if (!hashes.ok()) return hashes.error();
  if (!*entries || !*hashes)
    return std::optional(fault(first, first + width, "published_differs", "a tile is missing"));
  ByteReader entry_reader(**entries);
  ByteReader hash_reader(**hashes);
  for (std::uint64_t i = first; i < first + width; ++i) {
    const auto leaf = store_.leaf(i);
    if (!leaf.ok()) return leaf.error();
    if (!*leaf) return std::optional(fault(i, i + 1, "leaf_missing", "it is published, and gone"));
    if (auto found = compare(**leaf, entry_reader, hash_reader)) return found;
  }
  return std::optional<LedgerFault>{};
}

// A tile above the leaves: roots of full tiles below, which the store has been judged to have.
Result<std::optional<LedgerFault>> TileCheck::check_above(unsigned level, std::uint64_t index) {
  const std::size_t width = width_of(hashes_at(size_, level), index);
  const auto stored = store_.tile_hashes(level, index * tile_width, width);
  if (!stored.ok()) return stored.error();
  Bytes wanted;
  for (const Digest& hash : *stored) append(wanted, hash.view());
  const auto bytes = read_tile(published_, std::to_string(level), index, width);
  if (!bytes.ok()) return bytes.error();
  if (*bytes && begins_with(**bytes, wanted)) return std::optional<LedgerFault>{};
  const std::uint64_t first = (index * tile_width) << (tile_height * level);
  return std::optional(fault(first, size_, "published_differs",
                             fmt::format("a published tile of level {} is another one", level)));
}

Result<std::optional<LedgerFault>> check_tiles(const Store& store, const PublishedFile& published,
                                               std::uint64_t size) {
  TileCheck tiles(store, published, size);
  for (std::uint64_t index = 0; index * tile_width < size; ++index) {
    auto found = tiles.check(index);
    if (!found.ok() || *found) return found;
  }
  for (unsigned level = 1; hashes_at(size, level) > 0; ++level) {
    for (std::uint64_t index = 0; index * tile_width < hashes_at(size, level); ++index) {
      auto found = tiles.check_above(level, index);
      if (!found.ok() || *found) return found;
    }
  }
  return std::optional<LedgerFault>{};
}

// The cosigned checkpoint is another head of the same tree, and is kept by who has signed it.
Result<std::optional<LedgerFault>> check_cosigned(const Store& store,
                                                  const PublishedFile& published, const Root& root,
                                                  std::uint64_t leaves) {
  const auto bytes = published(std::string(paths::log_cosigned));
  if (!bytes.ok()) return bytes.error();
  if (!*bytes) return std::optional<LedgerFault>{};
  const auto checkpoint = verify_ledger_checkpoint(text_of(**bytes), root);
  if (!checkpoint.ok())
    return std::optional(fault(0, leaves, "checkpoint_not_signed",
                               fmt::format("the cosigned one: {}: {}", checkpoint.error().name,
                                           checkpoint.error().detail)));
  const TreeView& tree = checkpoint->tree;
  // A controller that runs may have come further since these leaves were read.
  if (tree.size > leaves) return std::optional<LedgerFault>{};
  const LogHashes hashes(store);
  const auto made = tree_root(hashes, tree.size);
  if (!made.ok()) return made.error();
  if (*made == tree.root) return std::optional<LedgerFault>{};
  return std::optional(fault(0, tree.size, "split_view",
                             "the cosigned checkpoint is of another tree than these leaves make"));
}

}  // namespace

Result<std::optional<std::string>> read_published_checkpoint(const PublishedFile& published) {
  const auto bytes = published(std::string(paths::log_checkpoint));
  if (!bytes.ok()) return bytes.error();
  if (!*bytes) return std::optional<std::string>{};
  return std::optional(std::string(text_of(**bytes)));
}

Result<PublishedLog> check_published(const Store& store, const PublishedFile& published,
                                     const std::string& note, const Root& root,
                                     std::uint64_t leaves) {
  PublishedLog log;
  const auto checkpoint = verify_ledger_checkpoint(note, root);
  if (!checkpoint.ok()) {
    log.fault = fault(0, leaves, "checkpoint_not_signed",
                      fmt::format("the published one: {}: {}", checkpoint.error().name,
                                  checkpoint.error().detail));
    return log;
  }
  const std::uint64_t size = checkpoint->tree.size;
  log.size = size;
  if (size > leaves) {
    log.fault = fault(
        leaves, size, "ledger_rewritten",
        fmt::format("a checkpoint over {} leaves is published, and {} are there", size, leaves));
    return log;
  }
  auto found = check_tiles(store, published, size);
  if (!found.ok()) return found.error();
  log.fault = *std::move(found);
  if (log.fault || size == 0) return log;
  const LogHashes hashes(store);
  const auto made = tree_root(hashes, size);
  if (!made.ok()) return made.error();
  if (*made != checkpoint->tree.root) {
    log.fault = fault(0, size, "published_differs",
                      "the published checkpoint is of another tree than these leaves make");
    return log;
  }
  auto cosigned = check_cosigned(store, published, root, leaves);
  if (!cosigned.ok()) return cosigned.error();
  log.fault = *std::move(cosigned);
  return log;
}

}  // namespace reeve
