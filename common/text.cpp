#include "common/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <optional>

#include "common/limits.h"

namespace reeve {

namespace {

struct Character {
  std::uint32_t code = 0;
  std::size_t bytes = 1;
};

std::uint8_t byte_at(std::string_view bytes, std::size_t at) {
  return static_cast<std::uint8_t>(bytes[at]);
}

// How many bytes the character takes that a lead byte begins; 0 where none begins so (RFC 3629).
std::size_t length_after(std::uint8_t lead) {
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead < 0xe0) return 2;
  if (lead >= 0xe0 && lead < 0xf0) return 3;
  if (lead >= 0xf0 && lead < 0xf5) return 4;
  return 0;
}

// The first character; absent where the bytes are not UTF-8 (overlong forms and surrogates too).
std::optional<Character> first_character(std::string_view bytes) {
  std::uint8_t lead = byte_at(bytes, 0);
  std::size_t length = length_after(lead);
  if (length == 0 || length > bytes.size()) return std::nullopt;
  if (length == 1) return Character{lead, 1};
  std::uint32_t code = lead & (0xffu >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    std::uint8_t next = byte_at(bytes, i);
    if ((next & 0xc0) != 0x80) return std::nullopt;
    code = code << 6 | (next & 0x3fu);
  }
  constexpr std::uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
  if (code < smallest[length] || code > 0x10ffff) return std::nullopt;
  if (code >= 0xd800 && code <= 0xdfff) return std::nullopt;
  return Character{code, length};
}

bool is_control(std::uint32_t code) { return code < 0x20 || (code >= 0x7f && code < 0xa0); }

// Characters that reorder or break the line around them: bidirectional marks, embeddings,
// overrides and isolates (UAX 9), line and paragraph separators. And characters that nobody sees,
// with which one name can look like another: zero widths, soft hyphen, annotations, tags.
bool bends_lines(std::uint32_t code) {
  return code == 0xad || code == 0x061c || (code >= 0x200b && code <= 0x200f) ||
         (code >= 0x2028 && code <= 0x202e) || (code >= 0x2060 && code <= 0x206f) ||
         code == 0xfeff || (code >= 0xfff9 && code <= 0xfffb) ||
         (code >= 0xe0000 && code <= 0xe007f);
}

std::string json_escape(std::uint32_t code) {
  switch (code) {
    case '"':
      return "\\\"";
    case '\\':
      return "\\\\";
    case '\n':
      return "\\n";
    case '\r':
      return "\\r";
    case '\t':
      return "\\t";
  }
  if (code < 0x10000) return fmt::format("\\u{:04x}", code);
  // Beyond the basic plane a character is a pair of surrogates (RFC 8259 section 7).
  const std::uint32_t rest = code - 0x10000;
  return fmt::format("\\u{:04x}\\u{:04x}", 0xd800 + (rest >> 10), 0xdc00 + (rest & 0x3ff));
}

// Optimal string alignment: insertions, deletions, changes and swaps of neighbours.
std::size_t edits_between(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> cost(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) cost[i][0] = i;
  for (std::size_t j = 0; j <= b.size(); ++j) cost[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    for (std::size_t j = 1; j <= b.size(); ++j) {
      std::size_t change = cost[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      cost[i][j] = std::min({cost[i - 1][j] + 1, cost[i][j - 1] + 1, change});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        cost[i][j] = std::min(cost[i][j], cost[i - 2][j - 2] + 1);
      }
    }
  }
  return cost[a.size()][b.size()];
}

}  // namespace

bool is_utf8(std::string_view bytes) {
  while (!bytes.empty()) {
    auto character = first_character(bytes);
    if (!character) return false;
    bytes.remove_prefix(character->bytes);
  }
  return true;
}

std::string printable(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size());
  while (!bytes.empty()) {
    auto character = first_character(bytes);
    std::size_t length = character ? character->bytes : 1;
    if (!character || (length == 1 && is_control(character->code))) {
      out += fmt::format("\\x{:02X}", byte_at(bytes, 0));
    } else if (is_control(character->code) || bends_lines(character->code)) {
      out += fmt::format("\\u{{{:X}}}", character->code);
    } else {
      out += bytes.substr(0, length);
    }
    bytes.remove_prefix(length);
  }
  return out;
}

bool is_printable_lines(std::string_view text) {
  while (!text.empty()) {
    auto character = first_character(text);
    if (!character || bends_lines(character->code)) return false;
    bool breaks = character->code == '\n' || character->code == '\t';
    if (is_control(character->code) && !breaks) return false;
    text.remove_prefix(character->bytes);
  }
  return true;
}

std::string json_quote(std::string_view bytes) {
  std::string out = "\"";
  out.reserve(bytes.size() + 2);
  while (!bytes.empty()) {
    auto character = first_character(bytes);
    std::size_t length = character ? character->bytes : 1;
    if (!character) {
      out += "\xef\xbf\xbd";  // U+FFFD
    } else if (is_control(character->code) || bends_lines(character->code) ||
               character->code == '"' || character->code == '\\') {
      out += json_escape(character->code);
    } else {
      out += bytes.substr(0, length);
    }
    bytes.remove_prefix(length);
  }
  out += '"';
  return out;
}

std::string shortened(std::string_view text, std::size_t bytes_max) {
  constexpr std::string_view dots = "...";
  if (text.size() <= bytes_max) return std::string(text);
  if (bytes_max <= dots.size()) return std::string(dots.substr(0, bytes_max));
  std::size_t keep = bytes_max - dots.size();
  // A character has at most three continuation bytes; what has more is not UTF-8 and has no edge.
  for (int step = 0; step < 3 && keep > 0 && (byte_at(text, keep) & 0xc0) == 0x80; ++step) --keep;
  return std::string(text.substr(0, keep)) + std::string(dots);
}

std::string closest(std::string_view wrong, const std::vector<std::string>& candidates) {
  constexpr std::size_t edits_max = 2;
  if (wrong.size() > limits::name_bytes_max) return "";
  std::string_view best;
  std::size_t best_edits = edits_max + 1;
  for (const std::string& candidate : candidates) {
    std::size_t gap = candidate.size() > wrong.size() ? candidate.size() - wrong.size()
                                                      : wrong.size() - candidate.size();
    if (gap > edits_max) continue;
    std::size_t edits = edits_between(wrong, candidate);
    if (edits >= best_edits || edits >= wrong.size()) continue;
    best = candidate;
    best_edits = edits;
  }
  return std::string(best);
}

}  // namespace reeve
