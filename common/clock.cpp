#include "common/clock.h"

#include <fmt/format.h>
#include <time.h>

#include <chrono>

#include "common/result.h"

namespace reeve {

namespace {

std::int64_t read_clock(clockid_t id) {
  timespec now{};
  REEVE_ASSERT(::clock_gettime(id, &now) == 0);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

}  // namespace

std::int64_t SystemClock::monotonic_ns() const { return read_clock(CLOCK_MONOTONIC); }
std::int64_t SystemClock::boottime_ns() const { return read_clock(CLOCK_BOOTTIME); }
std::int64_t SystemClock::wall_ns() const { return read_clock(CLOCK_REALTIME); }

// Sixty-four bits of nanoseconds reach from 1677 to 2262, so the year has four digits always.
UtcText utc_text(std::int64_t wall_ns) {
  using namespace std::chrono;
  // Milliseconds first: the edges of the range, rounded down to a day, do not fit in nanoseconds.
  auto since_1970 = floor<milliseconds>(nanoseconds(wall_ns));
  auto day = floor<days>(since_1970);
  year_month_day date{sys_days(day)};
  hh_mm_ss time{since_1970 - day};
  UtcText out{};
  fmt::format_to_n(out.text, sizeof out.text - 1, "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
                   static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                   static_cast<unsigned>(date.day()), time.hours().count(), time.minutes().count(),
                   time.seconds().count(), time.subseconds().count());
  return out;
}

}  // namespace reeve
