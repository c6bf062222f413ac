#include "controller/cli/times.h"

#include <doctest/doctest.h>

using namespace reeve;
using namespace reeve::cli;

namespace {
constexpr std::int64_t second = 1'000'000'000;
constexpr std::int64_t now = 1'767'225'600 * second;  // 2026-01-01T00:00:00Z
}  // namespace

TEST_CASE("durations are a whole number and one unit") {
  CHECK(parse_duration_ns("250ms") == 250'000'000);
  CHECK(parse_duration_ns("60s") == 60 * second);
  CHECK(parse_duration_ns("30m") == 1'800 * second);
  CHECK(parse_duration_ns("2h") == 7'200 * second);
  CHECK(parse_duration_ns("7d") == 604'800 * second);
  for (const char* wrong :
       {"", "s", "5", "-5s", "1.5h", "5 s", "5x", "99999999999999999999d", "99999999d"}) {
    CAPTURE(wrong);
    CHECK_FALSE(parse_duration_ns(wrong).has_value());
  }
}

TEST_CASE("times are RFC 3339 with a zone, or a date alone") {
  CHECK(parse_wall_ns("2026-01-01T00:00:00Z") == now);
  CHECK(parse_wall_ns("2026-01-01T02:00:00+02:00") == now);
  CHECK(parse_wall_ns("2025-12-31T23:30:00-00:30") == now);
  CHECK(parse_wall_ns("2026-01-01T00:00:00.25Z") == now + 250'000'000);
  CHECK(parse_wall_ns("2026-01-01") == now);
  for (const char* wrong :
       {"2026-02-30", "2026-01-01T00:00:00", "2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z",
        "26-01-01", "2026-1-1", "2026-01-01T00:00Z", "2026-01-01T00:00:00.Z", "2026-01-01x"}) {
    CAPTURE(wrong);
    CHECK_FALSE(parse_wall_ns(wrong).has_value());
  }
}

TEST_CASE("since takes a duration back from now or a time, and names what it takes otherwise") {
  CHECK(*parse_since("2h", now) == now - 7'200 * second);
  CHECK(*parse_since("2026-01-01", 0) == now);
  CHECK(*parse_since("7d", 5) == 0);
  CHECK(parse_since("yesterday", now).error().name == "usage");
}

TEST_CASE("durations read as people say them") {
  CHECK(duration_text(0) == "0 us");
  CHECK(duration_text(312'400) == "312 us");
  CHECK(duration_text(4'120'000) == "4.1 ms");
  CHECK(duration_text(2'340'000'000) == "2.3 s");
  CHECK(duration_text(61 * second) == "61 s");
  CHECK(duration_text(240 * second) == "4 min");
  CHECK(duration_text(3 * 3'600 * second) == "3 h");
  CHECK(duration_text(3 * 86'400 * second) == "3 d");
}

TEST_CASE("moments are shown as ages and in UTC, whatever number they are") {
  CHECK(ago_text(now - 4 * second, now) == "4 s ago");
  CHECK(ago_text(now + 5, now) == "just now");
  CHECK(ago_text(0, now) == "never");
  CHECK(ago_text(INT64_MIN, now) == "never");
  CHECK(ago_text(INT64_MAX, now) == "just now");
  CHECK(moment_text(now) == "2026-01-01 00:00:00 UTC");
  CHECK(short_moment_text(now) == "01-01 00:00:00");
}
