// Notices that this process did not run when it should have: stopped, starved, or a suspended host.
// A value with a clock; owned by the loop.
#pragma once

#include <optional>
#include <string_view>

#include "agent/agent_limits.h"
#include "common/clock.h"

namespace reeve {

// A time in which nothing was looked at.
struct Freeze {
  std::string_view how;       // "suspended": the host; "stalled": this process alone
  std::int64_t since_ns = 0;  // wall
  std::int64_t until_ns = 0;
  std::int64_t lasted_ns = 0;  // by CLOCK_BOOTTIME, whatever the wall clock did
};

class FreezeWatch {
 public:
  explicit FreezeWatch(const Clock& clock);

  // What comes now takes no longer than until then (CLOCK_MONOTONIC).
  void expect(std::int64_t due_ns);
  // To be asked when it is over.
  std::optional<Freeze> look();

 private:
  const Clock& clock_;
  std::int64_t due_ns_;
  std::int64_t boot_ns_;       // at the last call
  std::int64_t suspended_ns_;  // CLOCK_BOOTTIME less CLOCK_MONOTONIC, at the last call
};

}  // namespace reeve
