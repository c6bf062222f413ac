// From the files that `reeve push` is given to the bundles of a manifest: read, lint, compile, vet.
// What is wrong is told on standard error, all of it in one run.
#pragma once

#include <optional>
#include <span>

#include "common/trust.h"

namespace reeve::cli {

struct BuiltBundle {
  std::string policy;
  std::uint64_t rules = 0;
  Bytes bytes;
  Digest digest;
};

// Sources of one policy make one bundle; compiled bundles (they begin with "RVBN") are taken as
// they are. Every rule is shown to its kind (vetting.h). Sorted by policy. Absent when anything was
// wrong, which has been told then.
std::optional<std::vector<BuiltBundle>> build_bundles(std::span<const std::string> paths);

// The commit that holds `path`, with "+" where files differ from it; empty outside a checkout.
std::string source_revision(const std::string& path);

// "role=web,role=db,zone=a": one alternative, a repeated label allows several values. Error
// `usage`.
Result<Selector> parse_selector(const std::string& text);

}  // namespace reeve::cli
