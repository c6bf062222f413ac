#include "controller/cli/times.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>

#include "common/clock.h"

namespace reeve::cli {
namespace {

constexpr std::int64_t second_ns = 1'000'000'000;
constexpr std::int64_t century_s = 100LL * 366 * 86'400;

struct Unit {
  std::string_view name;
  std::int64_t ns;
};
constexpr std::array units{Unit{"ms", 1'000'000}, Unit{"s", second_ns}, Unit{"m", 60 * second_ns},
                           Unit{"h", 3'600 * second_ns}, Unit{"d", 86'400 * second_ns}};

// Takes `digits` digits and then `after` ('\0': nothing) from the front of text.
std::optional<int> take_number(std::string_view& text, std::size_t digits, char after) {
  if (text.size() < digits) return std::nullopt;
  int number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + digits, number);
  if (problem != std::errc{} || end != text.data() + digits || number < 0) return std::nullopt;
  text.remove_prefix(digits);
  if (after == '\0') return number;
  if (text.empty() || text.front() != after) return std::nullopt;
  text.remove_prefix(1);
  return number;
}

// ".890" in nanoseconds; digits beyond the ninth are dropped.
std::optional<std::int64_t> take_fraction(std::string_view& text) {
  if (text.empty() || text.front() != '.') return 0;
  text.remove_prefix(1);
  std::int64_t unit = second_ns / 10;
  std::int64_t out = 0;
  std::size_t digits = 0;
  for (; digits < text.size() && text[digits] >= '0' && text[digits] <= '9'; ++digits) {
    out += (text[digits] - '0') * unit;
    unit /= 10;
  }
  if (digits == 0) return std::nullopt;
  text.remove_prefix(digits);
  return out;
}

// "Z" or "+02:00", the whole rest of text, in seconds east of UTC.
std::optional<std::int64_t> take_offset(std::string_view text) {
  if (text == "Z" || text == "z") return 0;
  if (text.empty() || (text.front() != '+' && text.front() != '-')) return std::nullopt;
  const std::int64_t sign = text.front() == '+' ? 1 : -1;
  text.remove_prefix(1);
  const auto hours = take_number(text, 2, ':');
  const auto minutes = take_number(text, 2, '\0');
  if (!hours || !minutes || !text.empty() || *hours > 23 || *minutes > 59) return std::nullopt;
  return sign * (*hours * 3'600 + *minutes * 60);
}

// Seconds since 1970 of a civil time; absent where no such day or time exists.
std::optional<std::int64_t> seconds_of(std::tm civil) {
  const std::tm asked = civil;
  const std::time_t seconds = ::timegm(&civil);
  const bool same = civil.tm_mday == asked.tm_mday && civil.tm_mon == asked.tm_mon &&
                    civil.tm_hour == asked.tm_hour && civil.tm_min == asked.tm_min;
  if (!same || asked.tm_sec > 60) return std::nullopt;
  return seconds;
}

std::optional<std::tm> take_date(std::string_view& text) {
  const auto year = take_number(text, 4, '-');
  const auto month = take_number(text, 2, '-');
  const auto day = take_number(text, 2, '\0');
  if (!year || !month || !day || *year < 1970 || *year > 2200) return std::nullopt;
  std::tm out{};
  out.tm_year = *year - 1900;
  out.tm_mon = *month - 1;
  out.tm_mday = *day;
  return out;
}

}  // namespace

std::optional<std::int64_t> parse_duration_ns(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem != std::errc{} || number < 0) return std::nullopt;
  const std::string_view name = text.substr(static_cast<std::size_t>(end - text.data()));
  const auto unit =
      std::find_if(units.begin(), units.end(), [&](const Unit& one) { return one.name == name; });
  if (unit == units.end() || number > century_s * second_ns / unit->ns) return std::nullopt;
  return number * unit->ns;
}

std::optional<std::int64_t> parse_wall_ns(std::string_view text) {
  auto civil = take_date(text);
  if (!civil) return std::nullopt;
  std::int64_t fraction_ns = 0;
  std::int64_t offset_s = 0;
  if (!text.empty()) {
    if (text.front() != 'T' && text.front() != 't' && text.front() != ' ') return std::nullopt;
    text.remove_prefix(1);
    const auto hour = take_number(text, 2, ':');
    const auto minute = take_number(text, 2, ':');
    const auto second = take_number(text, 2, '\0');
    const auto fraction = take_fraction(text);
    const auto offset = take_offset(text);
    if (!hour || !minute || !second || !fraction || !offset) return std::nullopt;
    civil->tm_hour = *hour;
    civil->tm_min = *minute;
    civil->tm_sec = *second;
    fraction_ns = *fraction;
    offset_s = *offset;
  }
  const auto seconds = seconds_of(*civil);
  if (!seconds) return std::nullopt;
  return (*seconds - offset_s) * second_ns + fraction_ns;
}

Result<std::int64_t> parse_since(std::string_view text, std::int64_t now_wall_ns) {
  if (const auto duration = parse_duration_ns(text)) {
    return std::max<std::int64_t>(0, now_wall_ns - *duration);
  }
  if (const auto moment = parse_wall_ns(text)) return *moment;
  return Error{.name = "usage",
               .detail = fmt::format("`{}` is neither a duration nor a time", text),
               .next = "write 30m, 2h or 7d, or a time such as 2026-03-04T05:06:07Z"};
}

std::string duration_text(std::int64_t ns) {
  if (ns <= 0) return "0 us";
  if (ns < 1'000'000) return fmt::format("{} us", ns / 1'000);
  if (ns < second_ns) return fmt::format("{:.1f} ms", static_cast<double>(ns) / 1e6);
  const std::int64_t seconds = ns / second_ns;
  if (seconds < 10) return fmt::format("{:.1f} s", static_cast<double>(ns) / 1e9);
  if (seconds < 120) return fmt::format("{} s", seconds);
  if (seconds < 7'200) return fmt::format("{} min", seconds / 60);
  if (seconds < 172'800) return fmt::format("{} h", seconds / 3'600);
  return fmt::format("{} d", seconds / 86'400);
}

std::string ago_text(std::int64_t then_wall_ns, std::int64_t now_wall_ns) {
  if (then_wall_ns <= 0) return "never";
  const std::int64_t age_ns = now_wall_ns - then_wall_ns;
  if (age_ns < second_ns) return "just now";
  if (age_ns < 10 * second_ns) return fmt::format("{} s ago", age_ns / second_ns);
  return duration_text(age_ns) + " ago";
}

std::string moment_text(std::int64_t wall_ns) {
  const std::string full = utc_text(wall_ns).text;  // "2026-03-04T05:06:07.890Z"
  return full.substr(0, 10) + " " + full.substr(11, 8) + " UTC";
}

std::string short_moment_text(std::int64_t wall_ns) {
  const std::string full = utc_text(wall_ns).text;
  return full.substr(5, 5) + " " + full.substr(11, 8);
}

}  // namespace reeve::cli
