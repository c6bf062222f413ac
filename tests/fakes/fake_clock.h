// A clock that stands still until a test moves it. The three times move together, but for wall time
// that is made to jump and for a suspended host, whose monotonic time stands still.
#pragma once

#include "common/clock.h"

namespace reeve {

class FakeClock final : public Clock {
 public:
  static constexpr std::int64_t start_wall_ns = 1'767'225'600'000'000'000;  // 2026-01-01T00:00:00Z

  explicit FakeClock(std::int64_t wall_ns = start_wall_ns) : wall_ns_(wall_ns) {}

  std::int64_t monotonic_ns() const override { return monotonic_ns_; }
  std::int64_t boottime_ns() const override { return boottime_ns_; }
  std::int64_t wall_ns() const override { return wall_ns_; }

  void advance(std::int64_t ns) {
    monotonic_ns_ += ns;
    suspend(ns);
  }
  void suspend(std::int64_t ns) {
    boottime_ns_ += ns;
    wall_ns_ += ns;
  }
  void set_wall(std::int64_t wall_ns) { wall_ns_ = wall_ns; }
  void jump_wall(std::int64_t ns) { wall_ns_ += ns; }

 private:
  std::int64_t monotonic_ns_ = 1'000'000'000;
  std::int64_t boottime_ns_ = 1'000'000'000;
  std::int64_t wall_ns_;
};

}  // namespace reeve
