// How an exec is told of: as the words of a cause. What a command line may hold that is nobody's
// business (passwords, tokens) is taken out here, before anything is recorded.
#pragma once

#include "agent/attribution/exec_record.h"
#include "common/record.h"

namespace reeve {

// A program's path counts for `certain` only where it leads us to the very file that was executed,
// on the very mount; one of another mount namespace is marked and never certain.
Cause cause_of(std::uint32_t pid, const reeve_exec& exec);

// Words end with zeros. Values of what is named like a secret, and passwords in URLs, become "***".
std::string redacted(std::string_view command);

}  // namespace reeve
