// What a bound `firewall` rule does: a table kept whole, or one rule kept at the head of a chain.
// Each is a Resource with one object. A check costs one look at the kernel, a fix one transaction.
#pragma once

#include "agent/kind.h"
#include "agent/kinds/firewall_rule.h"

namespace reeve {

std::unique_ptr<Resource> own_table(OwnTable rule);
std::unique_ptr<Resource> required_rule(RequiredRule rule);

}  // namespace reeve
