// Who did it: what is known of the processes behind the kernel's events. A sensor asks with the
// number that the kernel gave it, between one read of its queue and the next; whoever answers says
// how sure that is, and never blames a process that only got the number later. Made in the
// workplace, lent to sensors.
#pragma once

#include "common/record.h"

namespace reeve {

class Actors {
 public:
  enum class Backlog { none, some };  // whether a read has left anything in the queue

  virtual ~Actors() = default;
  // Around each read of the events that who() is then asked about.
  virtual void before_read() = 0;
  virtual void after_read(Backlog left) = 0;
  // Behind an event of the last read. `via` is left to the sensor. Without a word to say: unknown,
  // with the number alone.
  virtual Cause who(std::uint64_t pid) = 0;
};

}  // namespace reeve
