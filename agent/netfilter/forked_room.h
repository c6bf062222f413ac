// A scratch room for a process that may fork: the child is this process's own, and is killed when
// the room is left.
#pragma once

#include "agent/child.h"
#include "agent/netfilter/scratch_room.h"

namespace reeve {

class ForkedRoom final : public ScratchRoom {
 public:
  Result<Fd> enter() override;

 private:
  Child child_;
};

}  // namespace reeve
