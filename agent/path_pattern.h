// Paths as rules spell them, and patterns over them: * ? and [...] within one component, as in
// glob(7) without locales. They match bytes, a leading dot only by a dot, and never a slash; there
// is no ** and no escape: [*] is a star. Values; nothing here touches the file system.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace reeve {

// Absolute, without empty, "." or ".." components or NUL, at most limits::text_bytes_max long with
// components of at most 255 bytes. "/" is a plain path.
bool is_plain_path(std::string_view path);
// A plain path whose brackets are closed and hold no slash.
bool is_valid_pattern(std::string_view pattern);

std::vector<std::string> components_of(std::string_view path);
std::string joined(std::string_view directory, std::string_view name);
// Of a plain path; "/" is its own directory.
std::string_view directory_of(std::string_view path);
std::string_view file_name_of(std::string_view path);
bool is_below(std::string_view path, std::string_view directory);

// A component without wildcards.
bool is_literal(std::string_view component);
// In time proportional to the product of both lengths at worst, whatever the pattern.
bool component_matches(std::string_view pattern, std::string_view name);

class PathPattern {
 public:
  // Of a valid pattern.
  explicit PathPattern(std::string_view pattern);

  // The longest directory that every match lies below: of /home/*/.rhosts it is /home.
  const std::string& base() const { return base_; }
  // The components below base, the first of them with a wildcard unless the pattern has none.
  const std::vector<std::string>& rest() const { return rest_; }
  bool matches(std::string_view path) const;
  // A directory on the way from base to a possible match, base itself left out.
  bool matches_way(std::string_view path) const;

 private:
  bool matches_first(std::string_view path, std::size_t count) const;

  std::string base_ = "/";
  std::vector<std::string> rest_;
};

}  // namespace reeve
