// The clock seam. Order and durations come from monotonic time; wall time is for people and expiry.
// Real clocks are made only in mains; tests use fakes/fake_clock.h.
#pragma once

#include <cstdint>

namespace reeve {

class Clock {
 public:
  virtual ~Clock() = default;
  // CLOCK_MONOTONIC in nanoseconds: never goes back, stops while the host is suspended.
  virtual std::int64_t monotonic_ns() const = 0;
  // CLOCK_BOOTTIME in nanoseconds: counts suspended time as well.
  virtual std::int64_t boottime_ns() const = 0;
  // CLOCK_REALTIME in nanoseconds since 1970; may jump either way.
  virtual std::int64_t wall_ns() const = 0;
};

class SystemClock final : public Clock {
 public:
  std::int64_t monotonic_ns() const override;
  std::int64_t boottime_ns() const override;
  std::int64_t wall_ns() const override;
};

// "2026-03-04T05:06:07.890Z" (RFC 3339, UTC, milliseconds).
struct UtcText {
  char text[32];
};
UtcText utc_text(std::int64_t wall_ns);

}  // namespace reeve
