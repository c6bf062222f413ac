// How a scratch child shuts itself in: a new network namespace with nothing in it, an empty root
// directory that nothing can be written to, no other descriptors, no privileges outside, bounded
// memory and time. As an ordinary user it needs user namespaces.
#pragma once

#include <string>

#include "common/result.h"

namespace reeve {

// For a single-threaded forked child only; there is no way back. Keeps the one descriptor. The root
// becomes `empty_root`, an empty directory of root's; where that names none, it is an empty file
// system in a mount namespace, which a service's own sandbox may forbid. Errors: `scratch_failed`.
Status enter_scratch_namespace(int kept_descriptor, const std::string& empty_root);

}  // namespace reeve
