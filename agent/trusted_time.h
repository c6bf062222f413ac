// The time by which expiries are judged: the larger of the local clock and the last signed time
// seen, which is kept on the disk and goes on with boot time, whatever the local clock does. A
// local jump of more than limits::clock_jump_ns against boot time does not raise it; it is told
// once. Owned by the Agent.
#pragma once

#include "agent/agent_limits.h"
#include "common/clock.h"
#include "common/disk.h"

namespace reeve {

class TrustedTime {
 public:
  TrustedTime(const Clock& clock, Disk& disk);

  std::int64_t now_s() const;
  // A time that came with a good signature. What cannot be written down is forgotten at the end.
  void seen_signed(std::int64_t time_s);

  struct Jump {
    std::int64_t from_ns = 0;  // the wall time to be expected
    std::int64_t to_ns = 0;
  };
  std::optional<Jump> take_jump();

 private:
  std::int64_t offset_ns() const { return clock_.wall_ns() - clock_.boottime_ns(); }

  const Clock& clock_;
  Disk& disk_;
  std::int64_t first_offset_ns_;
  std::int64_t last_offset_ns_;
  std::int64_t kept_s_ = 0;  // the last signed time on the disk
  std::int64_t signed_s_ = 0;
  std::int64_t signed_boot_ns_ = 0;  // boot time when it was seen, or read from the disk
};

}  // namespace reeve
