// Checked values of one source file to rules, silence filled from the file's defaults and then from
// the format's. Pure; the values have passed check_source.
#pragma once

#include "common/policy.h"

namespace reeve {

std::vector<Rule> build_rules(const Value& source);

}  // namespace reeve
