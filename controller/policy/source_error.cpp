#include "controller/policy/source_error.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/limits.h"
#include "common/text.h"
#include "controller/policy/source_limits.h"

namespace reeve {
namespace {

constexpr std::size_t quoted_bytes_max = 80;

// Counts characters along ever later positions of one source, so that a file of one long line with
// many errors is read once and not once an error.
class CharacterCount {
 public:
  explicit CharacterCount(std::string_view source) : source_(source) {}

  Position at(Position bytes) {
    while (line_ < bytes.line) {
      const auto end = source_.find('\n', line_start_);
      if (end == std::string_view::npos) return bytes;
      line_start_ = counted_ = end + 1;
      characters_ = 0;
      ++line_;
    }
    const auto target = std::min(line_start_ + bytes.column - 1, source_.size());
    for (; counted_ < target; ++counted_) {
      if ((static_cast<unsigned char>(source_[counted_]) & 0xC0U) != 0x80U) ++characters_;
    }
    return {bytes.line, characters_ + 1};
  }

 private:
  std::string_view source_;
  std::size_t line_start_ = 0;
  std::size_t counted_ = 0;
  std::uint32_t line_ = 1;
  std::uint32_t characters_ = 0;
};

}  // namespace

std::string quoted(std::string_view text) {
  return "\"" + printable(shortened(text, quoted_bytes_max)) + "\"";
}

std::string describe(const SourceError& error) {
  std::string out = fmt::format("{}:{}:{}: {}; expected {}", error.file, error.at.line,
                                error.at.column, error.found, error.expected);
  if (!error.suggestion.empty()) out += fmt::format("; did you mean \"{}\"?", error.suggestion);
  return printable(out + fmt::format(" [{}]", error.name));
}

std::string to_json_line(const SourceError& error) {
  std::string out = fmt::format(
      "{{\"file\":{},\"line\":{},\"column\":{},\"name\":{},\"found\":{},\"expected\":{}",
      json_quote(error.file), error.at.line, error.at.column, json_quote(error.name),
      json_quote(error.found), json_quote(error.expected));
  if (!error.suggestion.empty()) out += ",\"did_you_mean\":" + json_quote(error.suggestion);
  return out + "}";
}

std::string suggestion_for(std::string_view wrong, const std::vector<std::string>& candidates) {
  return wrong.size() > limits::name_bytes_max ? std::string() : closest(wrong, candidates);
}

bool Report::is_full() const { return errors_.size() > limits::policy_errors_max; }

void Report::add(Position at, Problem problem) {
  if (is_full()) return;
  if (errors_.size() == limits::policy_errors_max) {
    problem = {.name = "too_many_errors",
               .found = fmt::format("more than {} errors", limits::policy_errors_max),
               .expected = "these to be put right first"};
  }
  errors_.push_back({file_, at, std::move(problem.name), std::move(problem.found),
                     std::move(problem.expected), std::move(problem.suggestion)});
}

std::vector<SourceError> Report::finish(std::string_view source) const {
  std::vector<SourceError> out = errors_;
  std::stable_sort(out.begin(), out.end(),
                   [](const SourceError& a, const SourceError& b) { return a.at < b.at; });
  CharacterCount count(source);
  for (SourceError& error : out) error.at = count.at(error.at);
  return out;
}

Position in_characters(Position at, std::string_view source) {
  return CharacterCount(source).at(at);
}

}  // namespace reeve
