#include "controller/policy/value_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "common/limits.h"
#include "common/network_text.h"
#include "common/policy.h"
#include "common/text.h"

namespace reeve {
namespace {

using Checked = std::variant<Value, Problem>;

constexpr std::uint32_t id_max = 4'294'967'294U;  // the next number means "unchanged" to chown(2)

Problem bad_value(const KeySpec& spec, std::string_view text) {
  return {.name = "bad_value", .found = quoted(text), .expected = expectation(spec)};
}

std::optional<std::int64_t> whole_number(std::string_view text) {
  const auto digits = text.starts_with('-') ? text.substr(1) : text;
  if (digits.empty() || (digits.size() > 1 && digits[0] == '0')) return std::nullopt;
  std::int64_t number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

bool is_digits(std::string_view text, char last) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [last](char c) { return c >= '0' && c <= last; });
}

// What a record or a terminal would have to escape has no place in a policy. Lines and tabs may be
// where several lines may be.
std::optional<Problem> refuse_text(const KeySpec& spec, std::string_view text, std::size_t most) {
  if (text.size() > most) {
    return Problem{.name = "text_too_long",
                   .found = fmt::format("{} bytes of text", text.size()),
                   .expected = fmt::format("at most {}", most)};
  }
  const bool several_lines = spec.type == KeyType::text || spec.type == KeyType::body;
  if (several_lines ? is_printable_lines(text) : printable(text) == text) return std::nullopt;
  return Problem{.name = "unprintable_text",
                 .found = fmt::format("{}, which holds control characters", quoted(text)),
                 .expected = expectation(spec)};
}

Checked check_line(const KeySpec& spec, std::string_view text, std::size_t most) {
  if (auto refused = refuse_text(spec, text, most)) return *refused;
  if (text.empty()) return bad_value(spec, text);
  return Value(text);
}

// The first thing that is wrong with an absolute path, or nothing.
std::string_view path_problem(std::string_view path) {
  if (!path.starts_with('/')) return "which is not absolute";
  if (path == "/") return "";
  std::size_t at = 1;
  while (at <= path.size()) {
    const auto end = std::min(path.find('/', at), path.size());
    const auto component = path.substr(at, end - at);
    if (component.empty() && end == path.size()) return "which ends in \"/\"";
    if (component.empty()) return "which has \"//\" in it";
    if (component == "." || component == "..") return "which has \".\" or \"..\" in it";
    at = end + 1;
  }
  return "";
}

// Every "[" of a component must be closed in it; "]" directly behind "[" or "[!" stands for itself.
bool brackets_close(std::string_view pattern) {
  for (std::size_t at = 0; at < pattern.size(); ++at) {
    if (pattern[at] != '[') continue;
    auto first = at + 1;
    if (first < pattern.size() && (pattern[first] == '!' || pattern[first] == '^')) ++first;
    const auto close = pattern.find(']', first + 1);
    if (close == std::string_view::npos || close > pattern.find('/', at)) return false;
    at = close;
  }
  return true;
}

Checked check_path(const KeySpec& spec, std::string_view text) {
  if (auto refused = refuse_text(spec, text, limits::text_bytes_max)) return *refused;
  std::string_view problem = path_problem(text);
  if (problem.empty() && spec.type == KeyType::pattern && !brackets_close(text)) {
    problem = "which has a \"[\" that is not closed";
  }
  if (problem.empty()) return Value(text);
  Problem out = bad_value(spec, text);
  out.found += fmt::format(", {}", problem);
  return out;
}

Checked check_account(const KeySpec& spec, std::string_view text) {
  if (auto refused = refuse_text(spec, text, limits::name_bytes_max)) return *refused;
  if (is_digits(text, '9')) {
    const auto number = whole_number(text);
    if (number && *number <= std::int64_t{id_max}) return Value(text);
  } else if (!text.empty() && text[0] != '-' &&
             text.find_first_of(" \t\n:/,") == std::string_view::npos) {
    return Value(text);
  }
  return bad_value(spec, text);
}

Checked check_mode(const KeySpec& spec, std::string_view text) {
  if (!is_digits(text, '7') || text.size() < 3 || text.size() > 4) return bad_value(spec, text);
  return Value(fmt::format("{:0>4}", text));
}

Checked check_choice(const KeySpec& spec, std::string_view text) {
  if (std::find(spec.choices.begin(), spec.choices.end(), text) != spec.choices.end()) {
    return Value(text);
  }
  return Problem{.name = "unknown_choice",
                 .found = quoted(text),
                 .expected = expectation(spec),
                 .suggestion = suggestion_for(text, spec.choices)};
}

Checked check_boolean(const KeySpec& spec, const YamlNode& node) {
  if (!node.plain || (node.text != "true" && node.text != "false")) {
    return bad_value(spec, node.text);
  }
  return Value(node.text == "true");
}

Checked check_number(const KeySpec& spec, const YamlNode& node) {
  const auto number = node.plain ? whole_number(node.text) : std::nullopt;
  if (!number || *number < spec.min || *number > spec.max) return bad_value(spec, node.text);
  return Value(*number);
}

Checked check_body(const KeySpec& spec, std::string_view text) {
  if (auto refused = refuse_text(spec, text, limits::body_bytes_max)) return *refused;
  return Value(text);
}

Checked check_digest(const KeySpec& spec, std::string_view text) {
  std::string digest(text);
  for (char& c : digest) {
    if (c >= 'A' && c <= 'F') c = static_cast<char>(c - 'A' + 'a');
  }
  if (digest.size() == 2 * Digest::size() &&
      digest.find_first_not_of("0123456789abcdef") == std::string::npos) {
    return Value(digest);
  }
  return bad_value(spec, text);
}

// Ports and networks: `refused` is why their reader refuses the text.
Problem misread(const KeySpec& spec, std::string_view text, const Error& refused) {
  Problem out = bad_value(spec, text);
  out.found += fmt::format(", {}", refused.detail);
  out.suggestion = refused.next;
  return out;
}

Checked check_ports(const KeySpec& spec, std::string_view text) {
  const auto ports = parse_ports(text);
  if (ports.ok()) return Value(text);
  return misread(spec, text, ports.error());
}

Checked check_network(const KeySpec& spec, std::string_view text) {
  const auto network = parse_network(text);
  if (network.ok()) return Value(text);
  return misread(spec, text, network.error());
}

Checked check_name(const KeySpec& spec, std::string_view text) {
  if (is_valid_id(text)) return Value(text);
  return bad_value(spec, text);
}

}  // namespace

std::string found_words(const YamlNode& node) {
  switch (node.shape) {
    case YamlShape::nothing:
      return "nothing";
    case YamlShape::scalar:
      return quoted(node.text);
    case YamlShape::list:
      return "a list";
    case YamlShape::map:
      return "a map";
  }
  return {};
}

std::variant<Value, Problem> check_scalar(const KeySpec& spec, const YamlNode& node) {
  if (node.shape != YamlShape::scalar) {
    return Problem{.name = node.shape == YamlShape::nothing ? "missing_value" : "wrong_type",
                   .found = found_words(node),
                   .expected = expectation(spec)};
  }
  switch (spec.type) {
    case KeyType::text:
      return check_line(spec, node.text, limits::text_bytes_max);
    case KeyType::line:
    case KeyType::lines:  // one of its items
      return check_line(spec, node.text, static_cast<std::size_t>(spec.max));
    case KeyType::path:
    case KeyType::pattern:
      return check_path(spec, node.text);
    case KeyType::user:
    case KeyType::group:
      return check_account(spec, node.text);
    case KeyType::mode:
      return check_mode(spec, node.text);
    case KeyType::choice:
      return check_choice(spec, node.text);
    case KeyType::boolean:
      return check_boolean(spec, node);
    case KeyType::number:
      return check_number(spec, node);
    case KeyType::body:
      return check_body(spec, node.text);
    case KeyType::digest:
      return check_digest(spec, node.text);
    case KeyType::ports:
      return check_ports(spec, node.text);
    case KeyType::network:
      return check_network(spec, node.text);
    case KeyType::name:
      return check_name(spec, node.text);
    case KeyType::section:
    case KeyType::sections:
      break;
  }
  return bad_value(spec, node.text);
}

}  // namespace reeve
