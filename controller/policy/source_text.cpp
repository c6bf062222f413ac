#include "controller/policy/source_text.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/text.h"
#include "controller/policy/source_limits.h"

namespace reeve {
namespace {

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

Position position_at(std::string_view text, std::size_t offset) {
  const auto before = text.substr(0, offset);
  const auto line_start = before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
  return {static_cast<std::uint32_t>(std::count(before.begin(), before.end(), '\n')) + 1,
          static_cast<std::uint32_t>(offset - line_start) + 1};
}

// Where the first byte stands that is no part of a valid character. Text is not valid UTF-8.
std::size_t first_invalid_byte(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    std::size_t length = 1;
    while (length <= 4 && !is_utf8(text.substr(at, length))) ++length;
    if (length > 4) return at;
    at += length;
  }
  return at;
}

bool is_refused(std::string_view text, std::size_t at) {
  const auto byte = static_cast<unsigned char>(text[at]);
  if (byte == '\r') return at + 1 == text.size() || text[at + 1] != '\n';
  return (byte < 0x20 && byte != '\n' && byte != '\t') || byte == 0x7F;
}

Problem refused(char byte) {
  return {.name = "control_character",
          .found = fmt::format("the control character 0x{:02X}", byte),
          .expected = "text; lines end in a line feed, with or without a carriage return before"};
}

Problem too_many_flow_marks() {
  return {.name = "too_many_nodes",
          .found = fmt::format("more than {} of [, {{ and commas", limits::yaml_flow_marks_max),
          .expected = "policies split over several files"};
}

}  // namespace

std::string_view without_byte_order_mark(std::string_view content) {
  if (content.starts_with(byte_order_mark)) content.remove_prefix(byte_order_mark.size());
  return content;
}

std::size_t offset_of(Position at, std::string_view text) {
  std::size_t offset = 0;
  for (std::uint32_t line = 1; line < at.line; ++line) {
    const auto end = text.find('\n', offset);
    if (end == std::string_view::npos) return text.size();
    offset = end + 1;
  }
  return std::min(offset + at.column - 1, text.size());
}

std::optional<PositionedProblem> refuse_source_text(std::string_view content) {
  if (content.size() > limits::policy_source_bytes_max) {
    return PositionedProblem{
        {},
        {.name = "source_too_large",
         .found = fmt::format("more than {} bytes", limits::policy_source_bytes_max),
         .expected = "policies split over several files"}};
  }
  const std::string_view text = without_byte_order_mark(content);
  if (!is_utf8(text)) {
    return PositionedProblem{
        position_at(text, first_invalid_byte(text)),
        {.name = "not_utf8", .found = "a byte that is not UTF-8", .expected = "text in UTF-8"}};
  }
  std::size_t flow_marks = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (is_refused(text, at)) return PositionedProblem{position_at(text, at), refused(text[at])};
    if (text[at] != '[' && text[at] != '{' && text[at] != ',') continue;
    if (++flow_marks > limits::yaml_flow_marks_max) {
      return PositionedProblem{position_at(text, at), too_many_flow_marks()};
    }
  }
  return std::nullopt;
}

}  // namespace reeve
