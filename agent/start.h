// The records of an agent's start: each stream's `epoch_start`, and what the last stop left open.
#pragma once

#include "agent/record.h"

namespace reeve {

// What both journals held at the start, and how the deciding process died before, as the launcher
// knows it (waitpid(2); 0 for none).
struct Before {
  Recovered urgent;
  Recovered routine;
  int last_wait_status = 0;
};

// The incidents that were open, and those of which only an intent is known.
Incidents incidents_of(const Before& before);
// To be called once, before anything else is recorded.
void record_start(Recorder& recorder, const Before& before, std::int64_t now_wall_ns);

}  // namespace reeve
