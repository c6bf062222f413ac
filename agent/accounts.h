// The cycle's door to whoever keeps its accounts: the agent's Recorder, or a command that prints.
#pragma once

#include "agent/kind.h"

namespace reeve {

// Whether an intent is on disk before the act, or only on its way there.
enum class Intent : std::uint8_t { plain, durable };

class Accounts {
 public:
  virtual ~Accounts() = default;
  // Before a fix: so that an agent killed in between accounts for it at its next start.
  virtual void intend(const Receipt& receipt, Intent intent) = 0;
  virtual void record(const Receipt& receipt) = 0;
  virtual void record(const Contention& contention) = 0;
  // What a fix has replaced, whose record follows.
  virtual void keep(const Receipt&, const Kept&) {}
  // A deviation beyond the bound on open incidents: only counted.
  virtual void count_only(const Receipt& receipt) = 0;
};

}  // namespace reeve
