#include "agent/path_pattern.h"

#include <algorithm>
#include <optional>

#include "agent/kind_limits.h"
#include "common/limits.h"

namespace reeve {

namespace {

bool is_plain_component(std::string_view name) {
  return !name.empty() && name.size() <= limits::file_name_bytes_max && name != "." && name != "..";
}

// A bracket expression at the front of a pattern.
struct Bracket {
  std::string_view inside;
  bool negated = false;
  std::size_t length = 0;
};

// Absent where the bracket is never closed. A "]" that comes first stands for itself.
std::optional<Bracket> bracket_at(std::string_view pattern) {
  std::size_t start = 1;
  bool negated = start < pattern.size() && (pattern[start] == '!' || pattern[start] == '^');
  if (negated) ++start;
  std::size_t end = pattern.find(']', start + 1);
  if (end == std::string_view::npos) return std::nullopt;
  return Bracket{pattern.substr(start, end - start), negated, end + 1};
}

bool bracket_matches(const Bracket& bracket, char c) {
  auto byte = [](char value) { return static_cast<unsigned char>(value); };
  std::string_view rest = bracket.inside;
  bool found = false;
  while (!rest.empty()) {
    bool range = rest.size() >= 3 && rest[1] == '-';
    char last = range ? rest[2] : rest[0];
    found = found || (byte(rest[0]) <= byte(c) && byte(c) <= byte(last));
    rest.remove_prefix(range ? 3 : 1);
  }
  return found != bracket.negated;
}

// How many bytes of the pattern stand for one byte of a name, and whether that byte is c; not for
// a star.
struct Step {
  std::size_t length = 1;
  bool matches = false;
};

Step step(std::string_view pattern, char c) {
  if (pattern[0] == '?') return {1, true};
  if (pattern[0] == '[') {
    if (auto bracket = bracket_at(pattern)) return {bracket->length, bracket_matches(*bracket, c)};
  }
  return {1, pattern[0] == c};
}

}  // namespace

bool is_plain_path(std::string_view path) {
  if (path.empty() || path[0] != '/' || path.size() > limits::text_bytes_max) return false;
  if (path.find('\0') != std::string_view::npos) return false;
  if (path == "/") return true;
  std::string_view rest = path.substr(1);
  for (;;) {
    std::size_t slash = rest.find('/');
    if (!is_plain_component(rest.substr(0, slash))) return false;
    if (slash == std::string_view::npos) return true;
    rest.remove_prefix(slash + 1);
  }
}

bool is_valid_pattern(std::string_view pattern) {
  if (!is_plain_path(pattern) || pattern == "/") return false;
  for (const std::string& component : components_of(pattern)) {
    std::string_view rest = component;
    while (!rest.empty()) {
      auto bracket = rest[0] == '[' ? bracket_at(rest) : Bracket{{}, false, 1};
      if (!bracket) return false;
      rest.remove_prefix(bracket->length);
    }
  }
  return true;
}

std::vector<std::string> components_of(std::string_view path) {
  std::vector<std::string> out;
  while (!path.empty()) {
    std::size_t slash = path.find('/');
    if (slash != 0) out.emplace_back(path.substr(0, slash));
    path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
  }
  return out;
}

std::string joined(std::string_view directory, std::string_view name) {
  std::string out(directory);
  if (out != "/") out += '/';
  out += name;
  return out;
}

std::string_view directory_of(std::string_view path) {
  std::size_t slash = path.rfind('/');
  return slash == 0 || slash == std::string_view::npos ? "/" : path.substr(0, slash);
}

std::string_view file_name_of(std::string_view path) { return path.substr(path.rfind('/') + 1); }

bool is_below(std::string_view path, std::string_view directory) {
  if (directory == "/") return path.size() > 1 && path[0] == '/';
  return path.size() > directory.size() + 1 && path.starts_with(directory) &&
         path[directory.size()] == '/';
}

bool is_literal(std::string_view component) {
  return component.find_first_of("*?[") == std::string_view::npos;
}

bool component_matches(std::string_view pattern, std::string_view name) {
  if (name.starts_with('.') && !pattern.starts_with('.')) return false;
  std::size_t at = 0;
  std::size_t in_name = 0;
  // Where to go back to when what follows the last star did not match.
  std::optional<std::size_t> after_star;
  std::size_t star_covers = 0;
  while (in_name < name.size()) {
    if (at < pattern.size() && pattern[at] == '*') {
      after_star = ++at;
      star_covers = in_name;
      continue;
    }
    Step one = at < pattern.size() ? step(pattern.substr(at), name[in_name]) : Step{};
    if (one.matches) {
      at += one.length;
      ++in_name;
    } else if (after_star) {
      at = *after_star;
      in_name = ++star_covers;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', at) == std::string_view::npos;
}

PathPattern::PathPattern(std::string_view pattern) {
  auto all = components_of(pattern);
  auto first = std::find_if_not(all.begin(), all.end(), is_literal);
  // A pattern without wildcards still has one component below its base.
  if (first == all.end() && !all.empty()) --first;
  for (auto at = all.begin(); at != first; ++at) base_ = joined(base_, *at);
  rest_.assign(first, all.end());
}

bool PathPattern::matches_first(std::string_view path, std::size_t count) const {
  if (!is_below(path, base_)) return false;
  std::string_view names = path.substr(base_ == "/" ? 1 : base_.size() + 1);
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t slash = names.find('/');
    const bool is_last = slash == std::string_view::npos;
    if (is_last != (i + 1 == count)) return false;
    if (!component_matches(rest_[i], names.substr(0, slash))) return false;
    names.remove_prefix(is_last ? names.size() : slash + 1);
  }
  return true;
}

bool PathPattern::matches(std::string_view path) const { return matches_first(path, rest_.size()); }

bool PathPattern::matches_way(std::string_view path) const {
  for (std::size_t count = 1; count < rest_.size(); ++count)
    if (matches_first(path, count)) return true;
  return false;
}

}  // namespace reeve
