#include "common/policy.h"

#include <algorithm>
#include <array>

#include "common/limits.h"

namespace reeve {

namespace {

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

}  // namespace

std::string_view name_of(Severity severity) {
  switch (severity) {
    case Severity::low:
      return "low";
    case Severity::medium:
      return "medium";
    case Severity::high:
      return "high";
    case Severity::critical:
      return "critical";
  }
  assertion_failed("a severity without a name", __FILE__, __LINE__);
}

std::string_view name_of(Mode mode) { return mode == Mode::enforce ? "enforce" : "audit"; }

std::string_view name_of(Stream stream) { return stream == Stream::urgent ? "urgent" : "routine"; }

std::optional<Severity> severity_named(std::string_view name) {
  for (Severity severity : {Severity::low, Severity::medium, Severity::high, Severity::critical}) {
    if (name_of(severity) == name) return severity;
  }
  return std::nullopt;
}

std::optional<Mode> mode_named(std::string_view name) {
  for (Mode mode : {Mode::audit, Mode::enforce}) {
    if (name_of(mode) == name) return mode;
  }
  return std::nullopt;
}

std::optional<Stream> stream_named(std::string_view name) {
  for (Stream stream : {Stream::urgent, Stream::routine}) {
    if (name_of(stream) == name) return stream;
  }
  return std::nullopt;
}

Stream stream_for(std::optional<Severity> severity) {
  if (!severity || *severity >= Severity::high) return Stream::urgent;
  return Stream::routine;
}

bool is_valid_id(std::string_view id) {
  if (id.empty() || id.size() > limits::name_bytes_max || !is_letter_or_digit(id[0])) return false;
  return std::ranges::all_of(id, [](char c) {
    return is_letter_or_digit(c) || c == '.' || c == '_' || c == ':' || c == '-';
  });
}

}  // namespace reeve
