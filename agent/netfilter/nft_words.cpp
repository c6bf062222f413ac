#include "agent/netfilter/nft_words.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "agent/netfilter/netfilter_limits.h"
#include "common/text.h"

namespace reeve {
namespace {

constexpr std::string_view word_characters =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";

// A word, one of "{};" and newline, or another character by itself; a quoted text is one piece.
class Pieces {
 public:
  explicit Pieces(std::string_view text) : rest_(text) {}

  // Absent at the end. An unclosed quote is the rest of the text.
  std::optional<std::string_view> next() {
    skip_blanks();
    if (rest_.empty()) return std::nullopt;
    std::size_t length = 1;
    if (rest_.front() == '"') {
      const std::size_t end = rest_.find('"', 1);
      length = end == std::string_view::npos ? rest_.size() : end + 1;
    } else if (word_characters.find(rest_.front()) != std::string_view::npos) {
      length = std::min(rest_.find_first_not_of(word_characters), rest_.size());
    }
    const std::string_view piece = rest_.substr(0, length);
    rest_.remove_prefix(length);
    return piece;
  }

 private:
  void skip_blanks() {
    while (!rest_.empty()) {
      if (rest_.front() == '#')
        rest_.remove_prefix(std::min(rest_.find('\n'), rest_.size()));
      else if (rest_.starts_with("\\\n"))
        rest_.remove_prefix(2);
      else if (rest_.front() == ' ' || rest_.front() == '\t' || rest_.front() == '\r')
        rest_.remove_prefix(1);
      else
        return;
    }
  }

  std::string_view rest_;
};

constexpr std::string_view harmless_beginnings[] = {"table",  "add",      "create",
                                                    "define", "redefine", "undefine"};

Error escape(std::string detail) {
  return {"firewall_escape", std::move(detail),
          "a table's text may only define what is in that table"};
}

}  // namespace

// `include` before a quote, wherever: even where a comment or a text has it, for then nothing
// depends on cutting words exactly as nft does.
Status reads_no_file(std::string_view text) {
  if (text.find('\0') != std::string_view::npos)
    return escape("the text holds a NUL byte, after which nft reads nothing");
  constexpr std::string_view include = "include";
  for (std::size_t at = text.find(include); at != std::string_view::npos;
       at = text.find(include, at + 1)) {
    const std::size_t after = text.find_first_not_of(" \t\r\n\\", at + include.size());
    if (after != std::string_view::npos && text[after] == '"')
      return escape("`include` would read a file of the host's");
  }
  return {};
}

Status only_adds(std::string_view text) {
  Pieces pieces(text);
  std::size_t depth = 0;
  bool begins = true;
  while (const auto piece = pieces.next()) {
    if (piece->front() == '"' && (piece->size() == 1 || piece->back() != '"'))
      return Error{"ruleset_refused", "a quote is not closed"};
    if (depth == 0 && begins && *piece != "\n" && *piece != ";" && *piece != "}" &&
        std::ranges::find(harmless_beginnings, *piece) == std::end(harmless_beginnings))
      return escape(fmt::format("`{}` does not define a table", printable(shortened(*piece, 40))));
    begins = *piece == "\n" || *piece == ";" || *piece == "}";
    if (*piece == "{" && ++depth > limits::scratch_braces_max)
      return Error{"ruleset_refused",
                   fmt::format("braces nest more than {} deep", limits::scratch_braces_max)};
    if (*piece == "}" && depth-- == 0)
      return escape("a closing brace too many ends the table before its text does");
  }
  if (depth != 0) return Error{"ruleset_refused", "a brace is not closed"};
  return {};
}

}  // namespace reeve
