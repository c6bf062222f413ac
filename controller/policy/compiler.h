// Policy source to bundle: what `reeve lint`, `compile`, `diff` and `push` stand on. Values in,
// values out: no files, no output. The same source always gives the same bundle; names of files and
// times have no part in it.
#pragma once

#include <optional>

#include "common/policy.h"
#include "controller/policy/key_table.h"
#include "controller/policy/source_error.h"

namespace reeve {

// Where a rule stands.
struct RulePlace {
  std::size_t file = 0;  // index among the files given
  Position at;           // of its id, in bytes
};

struct CompileOutcome {
  std::optional<Bundle> bundle;     // exactly when there are no errors
  std::vector<RulePlace> places;    // of the bundle's rules, in their order
  std::vector<SourceError> errors;  // in the order of the files, by position in each
};

// Files of one policy, their rules one after another in the order given. Errors of all files are
// reported, those of source_text.h, yaml_source.h and source_check.h and: `missing_owner`,
// `duplicate_rule` (also across files), `policy_mismatch` (files of different policies),
// `too_many_rules`, `bundle_too_large`, `no_source`.
CompileOutcome compile_policy(const std::vector<SourceFile>& files);
CompileOutcome compile_policy(const std::vector<SourceFile>& files, std::vector<KeySpec> kinds);

struct LintedFile {
  std::string name;
  std::string policy;     // as far as it could be read
  std::size_t rules = 0;  // as far as they could be counted
  std::vector<SourceError> errors;
};
// Any policies, each file as compile_policy would see it beside the files of its own policy.
std::vector<LintedFile> lint_policies(const std::vector<SourceFile>& files);
std::vector<LintedFile> lint_policies(const std::vector<SourceFile>& files,
                                      std::vector<KeySpec> kinds);

}  // namespace reeve
