// What the kinds think of policy, asked of `reeve-agent vet` beside this program, since reeve knows
// no kind. A missing program, and rules that this machine cannot try (a firewall's text needs a
// scratch network namespace), are told as notes on standard error and keep nothing from going on.
#pragma once

#include "common/bytes.h"
#include "controller/policy/vet_report.h"

namespace reeve::cli {

// The refused rules of a bundle. Errors: `child_failed`, `vet_failed`, `file_unwritable`.
Result<std::vector<Verdict>> refused_rules(const std::string& policy, ByteView bundle);

// lint_policies(), and where a file has no error, the kinds' own. Errors: as above.
Result<std::vector<LintedFile>> lint_and_vet(const std::vector<SourceFile>& files);

}  // namespace reeve::cli
