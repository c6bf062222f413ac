#include "agent/freeze_watch.h"

#include <utility>

namespace reeve {

FreezeWatch::FreezeWatch(const Clock& clock)
    : clock_(clock),
      due_ns_(clock.monotonic_ns()),
      boot_ns_(clock.boottime_ns()),
      suspended_ns_(boot_ns_ - due_ns_) {}

void FreezeWatch::expect(std::int64_t due_ns) {
  due_ns_ = due_ns;
  boot_ns_ = clock_.boottime_ns();
}

std::optional<Freeze> FreezeWatch::look() {
  const std::int64_t now = clock_.monotonic_ns();
  const std::int64_t boot = clock_.boottime_ns();
  const std::int64_t before = std::exchange(suspended_ns_, boot - now);
  const std::int64_t since_boot = std::exchange(boot_ns_, boot);
  const bool was_suspended = suspended_ns_ - before >= limits::suspension_ns_min;
  const bool was_stalled = now - std::exchange(due_ns_, now) >= limits::stall_ns_min;
  if (!was_suspended && !was_stalled) return std::nullopt;
  const std::int64_t wall = clock_.wall_ns();
  const std::int64_t lasted = boot - since_boot;
  return Freeze{was_suspended ? "suspended" : "stalled", wall - lasted, wall, lasted};
}

}  // namespace reeve
