// A scratch room for a process that may fork: the child is this process's own, and is killed when
// the room is left.
#pragma once

#include <string>

#include "agent/child.h"
#include "agent/netfilter/scratch_room.h"

namespace reeve {

class ForkedRoom final : public ScratchRoom {
 public:
  // The root of its children, as enter_scratch_namespace() has it.
  explicit ForkedRoom(std::string empty_root = {}) : empty_root_(std::move(empty_root)) {}
  Result<Fd> enter() override;

 private:
  std::string empty_root_;
  Child child_;
};

}  // namespace reeve
