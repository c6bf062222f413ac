// Where texts are tried: a room makes a child process that answers one request (scratch_child.h) in
// a network namespace of its own and ends. The deciding process may not fork once it is sealed, so
// its room is the launcher; commands that run by themselves fork.
#pragma once

#include "common/fd.h"
#include "common/result.h"

namespace reeve {

class ScratchRoom {
 public:
  virtual ~ScratchRoom() = default;
  // One end of a stream to a new child. A child before it is killed where it still runs. Errors:
  // `scratch_failed`.
  virtual Result<Fd> enter() = 0;
};

}  // namespace reeve
