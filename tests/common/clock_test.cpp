#include "common/clock.h"

#include <doctest/doctest.h>

#include <limits>
#include <string_view>

#include "tests/fakes/fake_clock.h"

namespace reeve {
namespace {

std::string_view shown(const UtcText& text) { return text.text; }

TEST_CASE("times are written as RFC 3339 with milliseconds, before 1970 too") {
  CHECK(shown(utc_text(0)) == "1970-01-01T00:00:00.000Z");
  CHECK(shown(utc_text(1'772'600'767'890'000'000)) == "2026-03-04T05:06:07.890Z");
  CHECK(shown(utc_text(1'772'600'767'890'999'999)) == "2026-03-04T05:06:07.890Z");
  CHECK(shown(utc_text(-1)) == "1969-12-31T23:59:59.999Z");
  CHECK(shown(utc_text(951'782'400'000'000'000)) == "2000-02-29T00:00:00.000Z");
  CHECK(shown(utc_text(2'147'483'648'000'000'000)) == "2038-01-19T03:14:08.000Z");
  CHECK(shown(utc_text(std::numeric_limits<std::int64_t>::max())) == "2262-04-11T23:47:16.854Z");
  CHECK(shown(utc_text(std::numeric_limits<std::int64_t>::min())) == "1677-09-21T00:12:43.145Z");
}

TEST_CASE("the fake clock moves only when it is told, and wall time alone may jump") {
  FakeClock clock;
  auto mono = clock.monotonic_ns();
  auto boot = clock.boottime_ns();
  CHECK(clock.wall_ns() == FakeClock::start_wall_ns);
  clock.advance(5);
  clock.suspend(7);
  clock.jump_wall(-100);
  CHECK(clock.monotonic_ns() == mono + 5);
  CHECK(clock.boottime_ns() == boot + 12);
  CHECK(clock.wall_ns() == FakeClock::start_wall_ns + 12 - 100);
  clock.set_wall(3);
  CHECK(clock.wall_ns() == 3);
}

TEST_CASE("the system's monotonic clocks do not go back") {
  SystemClock clock;
  auto mono = clock.monotonic_ns();
  auto boot = clock.boottime_ns();
  CHECK(mono > 0);
  CHECK(clock.monotonic_ns() >= mono);
  CHECK(clock.boottime_ns() >= boot);
  CHECK(clock.wall_ns() > FakeClock::start_wall_ns / 2);
}

}  // namespace
}  // namespace reeve
