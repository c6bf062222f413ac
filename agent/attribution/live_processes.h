// What /proc shows of processes that still run. The last ones that were looked at are held open, so
// that one which acts again and again costs little; each is that process and no other while it can
// be read, and what it runs is asked each time.
#pragma once

#include <list>

#include "agent/attribution/witness.h"
#include "agent/sockets/processes.h"

namespace reeve {

class ProcProcesses final : public LiveProcesses {
 public:
  explicit ProcProcesses(const Clock& clock) : clock_(clock) {}
  std::optional<LiveProcess> look(std::uint64_t pid) override;

 private:
  struct Known {
    std::uint64_t pid = 0;
    Process process;
    ExecutedFile file;
    LiveProcess live;
    std::int64_t looked_ns = 0;
  };
  std::optional<LiveProcess> recalled(std::uint64_t pid);

  const Clock& clock_;
  std::list<Known> known_;  // the last one first
};

}  // namespace reeve
