// What `reeve-agent vet --json` says of a bundle's rules, one object a line. The compiler knows no
// kind; what a table of fields cannot say (does this text stay inside its table?) the kinds say
// themselves. Pure; another program's words, so nothing in them is trusted.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/result.h"
#include "controller/policy/compiler.h"

namespace reeve {

struct Verdict {
  std::string rule;
  bool refused = false;  // else it could not be tried on this machine
  std::string name;      // the error's, stable
  std::string detail;
  bool operator==(const Verdict&) const = default;
};

// Error `vet_failed` where a line is no such object.
Result<std::vector<Verdict>> parse_verdicts(std::string_view lines);

// The refused rules as errors at their places, for each of the files that `outcome` was compiled
// from, in that order. A verdict about a rule that is in none of them is left out.
std::vector<std::vector<SourceError>> errors_of_verdicts(const std::vector<SourceFile>& files,
                                                         const CompileOutcome& outcome,
                                                         const std::vector<Verdict>& verdicts);

}  // namespace reeve
