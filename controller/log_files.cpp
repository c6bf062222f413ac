#include "controller/log_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "common/limits.h"
#include "common/paths.h"
#include "controller/controller_limits.h"

namespace reeve {
namespace {

// An entry is its length in two bytes and the leaf; signed objects are shorter than that can say.
static_assert(limits::message_bytes_max <= 0xffff);

// The size of a checkpoint that is a head of our tree; 0 for any other. Whoever signed it: what
// counts is the tree.
Result<std::uint64_t> size_if_ours(std::string_view note, const Ledger& ledger) {
  const auto decoded = decode_note(note);
  if (!decoded.ok()) return 0;
  const auto checkpoint = decode_checkpoint_text(decoded->text);
  if (!checkpoint.ok() || checkpoint->origin != ledger.origin()) return 0;
  if (checkpoint->tree.size > ledger.committed().size) return 0;
  const auto root = tree_root(ledger.hashes(), checkpoint->tree.size);
  if (!root.ok()) return root.error();
  return *root == checkpoint->tree.root ? checkpoint->tree.size : 0;
}

}  // namespace

std::string tile_path(std::string_view level, std::uint64_t index, std::size_t width) {
  std::string number = fmt::format("{:03}", index % 1000);
  for (index /= 1000; index > 0; index /= 1000)
    number = fmt::format("x{:03}/{}", index % 1000, number);
  const std::string partial = width < tile_width ? fmt::format(".p/{}", width) : "";
  return fmt::format("tile/{}/{}{}", level, number, partial);
}

Status LogFiles::open(const Ledger& ledger) {
  published_ = 0;
  const auto note = disk_.read(paths::log_checkpoint, limits::checkpoint_bytes_max);
  if (!note.ok() && note.error().os_errno != EFBIG) return note.error();
  const auto ours = size_if_ours(note.ok() && *note ? text_of(**note) : "", ledger);
  if (!ours.ok()) return ours.error();
  published_ = *ours;
  full_ = published_ / tile_width;
  due_ns_ = clock_.boottime_ns();
  return {};
}

std::optional<std::int64_t> LogFiles::next_due(const Ledger& ledger) const {
  if (published_ == ledger.committed().size) return std::nullopt;
  return due_ns_;
}

Status LogFiles::publish_if_due(const Store& store, const Ledger& ledger) {
  const auto due = next_due(ledger);
  if (!due || clock_.boottime_ns() < *due) return {};
  auto done = publish_some(store, ledger);
  const bool is_behind = done.ok() && published_ != ledger.committed().size;
  const auto wait = done.ok() ? limits::log_files_interval_ns : limits::log_files_retry_ns;
  due_ns_ = clock_.boottime_ns() + (is_behind ? 0 : wait);
  return done;
}

Status LogFiles::publish_cosigned(std::string_view note, std::uint64_t size) {
  const std::int64_t now = clock_.boottime_ns();
  if (note.empty() || size > published_ || now < cosigned_due_ns_) return {};
  const Digest digest = sha256(view_of(note));
  if (digest == cosigned_) return {};
  auto written = write_file(std::string(paths::log_cosigned), view_of(note));
  if (written.ok()) cosigned_ = digest;
  cosigned_due_ns_ = now + (written.ok() ? 0 : limits::log_files_retry_ns);
  return written;
}

Status LogFiles::publish_some(const Store& store, const Ledger& ledger) {
  const std::uint64_t size = ledger.committed().size;
  const std::uint64_t until = std::min(size / tile_width, full_ + limits::log_files_tiles_at_once);
  for (; full_ < until; ++full_) REEVE_TRY(write_full(store, ledger, full_));
  if (full_ < size / tile_width) return {};
  REEVE_TRY(write_edge(store, ledger, size));
  REEVE_TRY(write_file(std::string(paths::log_checkpoint), view_of(ledger.checkpoint())));
  published_ = size;
  return {};
}

// Tile `index` of leaves, and each tile above that it fills. The partial ones before them are of no
// use any more.
Status LogFiles::write_full(const Store& store, const Ledger& ledger, std::uint64_t index) {
  REEVE_TRY(write_entries(store, index, tile_width));
  REEVE_TRY(remove_partial("entries", index));
  std::uint64_t filled = index + 1;
  for (unsigned level = 0;; ++level) {
    REEVE_TRY(write_tile(ledger.hashes(), level, filled - 1, tile_width));
    REEVE_TRY(remove_partial(std::to_string(level), filled - 1));
    if (filled % tile_width != 0) return {};
    filled /= tile_width;
  }
}

// The partial tiles of a log of this size.
Status LogFiles::write_edge(const Store& store, const Ledger& ledger, std::uint64_t size) {
  for (unsigned level = 0; hashes_at(size, level) > 0; ++level) {
    const auto width = static_cast<std::size_t>(hashes_at(size, level) % tile_width);
    if (width == 0) continue;
    REEVE_TRY(write_tile(ledger.hashes(), level, hashes_at(size, level) / tile_width, width));
  }
  const auto width = static_cast<std::size_t>(size % tile_width);
  return width == 0 ? Status{} : write_entries(store, size / tile_width, width);
}

Status LogFiles::write_tile(const LogHashes& hashes, unsigned level, std::uint64_t index,
                            std::size_t width) {
  const auto tile = hashes.tile(level, index, width);
  if (!tile.ok()) return tile.error();
  Bytes content;
  for (const Digest& hash : *tile) append(content, hash.view());
  return write_file(tile_path(std::to_string(level), index, width), content);
}

Status LogFiles::write_entries(const Store& store, std::uint64_t index, std::size_t width) {
  Bytes content;
  for (std::uint64_t i = index * tile_width; i < index * tile_width + width; ++i) {
    const auto leaf = store.leaf(i);
    if (!leaf.ok()) return leaf.error();
    if (!*leaf) return Error{"store_damaged", fmt::format("leaf {} is missing", i)};
    append_u16(content, static_cast<std::uint16_t>((*leaf)->object.size()));
    append(content, (*leaf)->object);
  }
  return write_file(tile_path("entries", index, width), content);
}

Status LogFiles::remove_partial(std::string_view level, std::uint64_t index) {
  const std::string directory = tile_path(level, index, tile_width) + ".p";
  const auto names = disk_.list(directory);
  if (!names.ok()) return names.error().os_errno == ENOENT ? Status{} : Status(names.error());
  for (const auto& name : *names) REEVE_TRY(disk_.remove(directory + "/" + name));
  return {};
}

Status LogFiles::write_file(const std::string& name, ByteView content) {
  REEVE_TRY(make_parents(name));
  return replace_file(disk_, name, content);
}

// A directory's own name is durable when the one that holds it is synced.
Status LogFiles::make_parents(const std::string& name) {
  std::string holder;
  for (auto slash = name.find('/'); slash != std::string::npos; slash = name.find('/', slash + 1)) {
    const std::string directory = name.substr(0, slash);
    if (!made_.contains(directory)) {
      REEVE_TRY(disk_.make_directory(directory));
      REEVE_TRY(disk_.sync_directory(holder));
      if (made_.size() >= limits::log_directories_remembered_max) made_.clear();
      made_.insert(directory);
    }
    holder = directory;
  }
  return {};
}

}  // namespace reeve
