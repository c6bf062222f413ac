#include "agent/reserve.h"

#include <algorithm>

#include "common/paths.h"
#include "common/seal.h"

namespace reeve {
namespace {

Status fill(DiskFile& file, std::size_t bytes) {
  constexpr std::size_t block = 64 * 1'024;
  while (file.size() < bytes) {
    const auto noise = random_bytes<block>();
    const std::size_t left = bytes - static_cast<std::size_t>(file.size());
    REEVE_TRY(file.append(noise.view().first(std::min(block, left))));
  }
  return file.sync();
}

}  // namespace

Status Reserve::hold() {
  auto file = disk_.open(paths::journal_reserve);
  if (!file.ok()) return file.error();
  const auto filled = (*file)->size() >= bytes_ ? Status{} : fill(**file, bytes_);
  is_held_ = filled.ok();
  if (!is_held_) static_cast<void>(disk_.remove(paths::journal_reserve));
  return filled;
}

void Reserve::release() {
  is_held_ = false;
  static_cast<void>(disk_.remove(paths::journal_reserve));
  static_cast<void>(disk_.sync_directory(paths::journal_directory));
}

}  // namespace reeve
