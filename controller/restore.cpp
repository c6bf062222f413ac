#include "controller/restore.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "common/paths.h"
#include "common/text.h"
#include "controller/state_directory.h"

namespace reeve {
namespace {

constexpr std::array made_by_init{paths::ledger_key, paths::controller_transport_key,
                                  paths::controller_root, paths::controller_lock};

Status require_fresh(const std::string& state) {
  std::error_code problem;
  for (const auto& entry : std::filesystem::directory_iterator(state, problem)) {
    const std::string name = entry.path().filename().string();
    if (std::ranges::find(made_by_init, name) != made_by_init.end()) continue;
    return Error{"state_not_empty", fmt::format("{}/{} is there already", state, printable(name)),
                 "take a directory that has only the keys and the root that reeve init made"};
  }
  return {};
}

}  // namespace

Status restore_state(const std::string& file, const std::string& state, LedgerState ledger,
                     const CopyProgress& progress) {
  REEVE_TRY(require_fresh(state));
  const auto opened = open_state_directory(state);  // and nobody starts a controller meanwhile
  if (!opened.ok()) return opened.error();
  return restore_sqlite_store(file, opened->store_path(), ledger, progress);
}

}  // namespace reeve
