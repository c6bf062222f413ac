// What is wrong with a policy's source, and where. A Report collects everything that one file has
// got wrong, so that one run tells all of it; it owns copies and outlives the source. Positions are
// collected in bytes, as parsers count, and handed out in characters, as editors count.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "controller/policy/source_limits.h"

namespace reeve {

struct SourceFile {
  std::string name;  // as errors show it; it never gets into a bundle
  std::string content;
};

struct Position {
  std::uint32_t line = 1;  // both count from 1
  std::uint32_t column = 1;
  auto operator<=>(const Position&) const = default;
};

struct SourceError {
  std::string file;
  Position at;
  std::string name;        // stable, explained in docs/policy.md
  std::string found;       // what was found
  std::string expected;    // what was expected instead
  std::string suggestion;  // the spelling that was probably meant, or empty
  bool operator==(const SourceError&) const = default;
};

// "file:line:column: what was found; what was expected [name]", safe on any terminal, no newline.
std::string describe(const SourceError& error);
// The same as one JSON object (RFC 8259) on one line, without a newline.
std::string to_json_line(const SourceError& error);

// A piece of source as messages quote it: shortened, safe on any terminal, in double quotes.
std::string quoted(std::string_view text);

// The candidate that was probably meant, or empty; never for text longer than any name.
std::string suggestion_for(std::string_view wrong, const std::vector<std::string>& candidates);

struct Problem {
  std::string name;
  std::string found;
  std::string expected;
  std::string suggestion{};
};

class Report {
 public:
  explicit Report(std::string file) : file_(std::move(file)) {}

  // The column counts bytes. Beyond limits::policy_errors_max one last error says so.
  void add(Position at, Problem problem);
  bool empty() const { return errors_.empty(); }
  bool is_full() const;  // whatever is added now is dropped, and the last error says so
  const std::string& file() const { return file_; }
  // In order of position, columns counted in characters of `source`.
  std::vector<SourceError> finish(std::string_view source) const;

 private:
  std::string file_;
  std::vector<SourceError> errors_;
};

// The position with its column counted in characters instead of bytes.
Position in_characters(Position at, std::string_view source);

}  // namespace reeve
