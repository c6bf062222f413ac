// Space on the disk that is kept for the end: given up when the agent stops on a full disk, so that
// what is sealed, a gap record and the record of a clean stop can still be written. Random bytes,
// since some file systems store zeros as nothing. Owned by the Agent.
#pragma once

#include <cstddef>

#include "agent/agent_limits.h"
#include "common/disk.h"

namespace reeve {

class Reserve {
 public:
  Reserve(Disk& disk, std::size_t bytes) : disk_(disk), bytes_(bytes) {}

  bool is_held() const { return is_held_; }
  // Writes it where it is not there; what the disk has no room for is not kept.
  Status hold();
  void release();

 private:
  Disk& disk_;
  std::size_t bytes_;
  bool is_held_ = false;
};

}  // namespace reeve
