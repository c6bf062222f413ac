// A stamp of both clocks, for records.
#pragma once

#include "common/clock.h"
#include "common/record.h"

namespace reeve {

inline Moment moment_of(const Clock& clock) { return {clock.monotonic_ns(), clock.wall_ns()}; }

}  // namespace reeve
