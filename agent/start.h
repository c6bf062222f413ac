// The records of an agent's start: each stream's `epoch_start`, and what the last stop left open.
#pragma once

#include "agent/record.h"
#include "agent/record_keys.h"

namespace reeve {

// What both journals held at the start, and how the deciding process died before, as the launcher
// knows it (waitpid(2); 0 for none).
struct Before {
  Recovered urgent;
  Recovered routine;
  int last_wait_status = 0;
  bool was_stuck = false;     // it was killed because it had fallen silent
  std::string agent_version;  // that wrote here last; empty: not known
};

// Of the agent that used this state directory last, as it had it written down.
std::string last_agent_version(const Disk& disk);
void keep_agent_version(Disk& disk);

struct Beginning {
  Incidents incidents;  // those that were open, and those of which only an intent is known
  // Fixes that were begun on objects of which `incidents` has another story: the next one was begun
  // before the receipt of this one was durable.
  std::vector<Receipt> untold;
};
Beginning begin_from(const Before& before);
// What the key that was left behind has signed: in `key_epoch`, the only one in which it signs, or,
// for a first key, in the epoch before.
RecordKeys::Ended ended_before(const Before& before, const std::optional<Epoch>& key_epoch);
// To be called once, before anything else is recorded.
void record_start(Recorder& recorder, const Before& before, std::vector<Receipt> untold,
                  std::int64_t now_wall_ns);

}  // namespace reeve
