// Times as people write and read them at the command line. Pure functions; wall times are
// nanoseconds since 1970, always shown in UTC.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/result.h"

namespace reeve::cli {

// "250ms", "60s", "30m", "2h", "7d": a whole number and one unit; at most 100 years.
std::optional<std::int64_t> parse_duration_ns(std::string_view text);

// RFC 3339 with Z or an offset, seconds with or without a fraction; a date alone is its midnight.
std::optional<std::int64_t> parse_wall_ns(std::string_view text);

// What --since takes: a duration back from now, or a time. Error `usage`.
Result<std::int64_t> parse_since(std::string_view text, std::int64_t now_wall_ns);

// "312 us", "4.1 ms", "2.3 s", "4 min", "3 h", "2 d"; "0 us" for what is not positive.
std::string duration_text(std::int64_t ns);
// "4 s ago", "just now" (also for a moment slightly ahead), "never" for 0.
std::string ago_text(std::int64_t then_wall_ns, std::int64_t now_wall_ns);
// "2026-03-04 05:06:07 UTC" and "03-04 05:06:07".
std::string moment_text(std::int64_t wall_ns);
std::string short_moment_text(std::int64_t wall_ns);

}  // namespace reeve::cli
