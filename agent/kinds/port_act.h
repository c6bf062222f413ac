// The acts of a port rule's ladder against one stray object. Nothing here decides when: the cycle
// says how far up the ladder it is.
#pragma once

#include "agent/kinds/port_strays.h"

namespace reeve {

// Takes the step of the ladder that stands at `rung`, or its last. Where that may not be taken
// (`not_allowed`, `holder_unknown`), the steps below it are tried, and its refusal is the answer
// only if none of them could be taken either. Errors: the hosts', and those two.
Status act_against(const PortRule& rule, const Stray& stray, std::uint32_t rung, Hands& hands,
                   const Eyes& eyes);

}  // namespace reeve
