// Policy files as `lint`, `compile`, `diff` and `push` read them, and what those commands say about
// errors in them. Reads are bounded; what is wrong in a source is told with its position.
#pragma once

#include <span>

#include "common/result.h"
#include "controller/policy/compiler.h"
#include "controller/policy/source_limits.h"

namespace reeve::cli {

// One file of source. What is larger than limits::policy_source_bytes_max comes back as text that
// compile_policy and lint_policies refuse as `source_too_large`. Errors: `file_missing`,
// `file_unreadable`.
Result<SourceFile> read_source(const std::string& path);
// All of them, or every error that kept one from being read.
struct ReadSources {
  std::vector<SourceFile> files;
  std::vector<Error> errors;
};
ReadSources read_sources(std::span<const std::string> paths);

enum class Kinds { asked, not_asked };  // whether every rule is shown to its kind (vetting.h)

// Reads and compiles; what is wrong goes to standard error, one line an error. Absent then.
std::optional<Bundle> compile_files(std::span<const std::string> paths, Kinds kinds);

}  // namespace reeve::cli
