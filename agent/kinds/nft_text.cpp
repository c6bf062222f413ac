#include "agent/kinds/nft_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "common/limits.h"
#include "common/text.h"

namespace reeve {

namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool begins_word(char c) { return is_letter(c) || c == '_' || c == '.'; }
bool continues_word(char c) { return begins_word(c) || is_digit(c) || c == '/' || c == '-'; }

template <std::size_t N>
bool is_one_of(std::string_view word, const std::array<std::string_view, N>& words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// What a table may be made of. Everything else between its braces is none of its parts.
constexpr std::array<std::string_view, 16> table_parts = {
    "chain",   "set",      "map",   "flowtable", "counter", "quota",  "ct",       "limit",
    "secmark", "synproxy", "flags", "comment",   "define",  "tunnel", "redefine", "undefine"};
// Commands whose words mean nothing else in nft, wherever they stand.
constexpr std::array<std::string_view, 7> never = {"include", "flush",  "delete", "rename",
                                                   "import",  "export", "monitor"};
// Commands whose words have a meaning within a rule too ("reject with tcp reset").
constexpr std::array<std::string_view, 9> never_first = {
    "table", "insert", "create", "replace", "reset", "list", "get", "describe", "destroy"};

Error escape(std::size_t line, std::string_view why) {
  return Error{"firewall_escape", fmt::format("line {}: {}", line, why)};
}

std::string in_quotes(std::string_view word) {
  return fmt::format("\"{}\"", shortened(printable(word), 40));
}

// Control characters, broken UTF-8 and characters that reorder what a reviewer sees.
Status judge_characters(std::string_view text) {
  std::size_t line = 1;
  while (!text.empty()) {
    const std::size_t length = std::min(text.find('\n'), text.size());
    std::string shown(text.substr(0, length));
    std::replace(shown.begin(), shown.end(), '\t', ' ');
    if (printable(shown) != shown) return escape(line, "has a character that is not printable");
    text.remove_prefix(std::min(length + 1, text.size()));
    ++line;
  }
  return {};
}

// A word at a place where a statement begins, or not, `depth` braces deep in a table.
Status judge_word(const NftToken& token, std::size_t depth, const NftReader& rest, bool first) {
  if (is_one_of(token.text, never))
    return escape(token.line, in_quotes(token.text) + " is a command, not a part of a table");
  if (!first) return {};
  if (depth == 0 && !is_one_of(token.text, table_parts))
    return escape(token.line, in_quotes(token.text) + " begins no part of a table");
  // "add @set { ... }" is a statement of a rule, any other add is a command.
  const bool is_add = token.text == "add" && rest.peek() != '@';
  if (is_add || is_one_of(token.text, never_first))
    return escape(token.line, in_quotes(token.text) + " is a command, not a part of a table");
  return {};
}

Status judge_rule_word(const NftToken& token, bool first) {
  // A jump cannot be vetted apart from its target, a meter makes a set in the other's table.
  constexpr std::array<std::string_view, 4> refused = {"comment", "jump", "goto", "meter"};
  constexpr std::array<std::string_view, 4> places = {"position", "index", "handle", "add"};
  if (is_one_of(token.text, refused) || is_one_of(token.text, never))
    return escape(token.line, in_quotes(token.text) + " is not for a required rule");
  if (first && (is_one_of(token.text, never_first) || is_one_of(token.text, places)))
    return escape(token.line, in_quotes(token.text) + " begins no rule");
  return {};
}

// Raw payload is "@th,16,16"; any other "@" is a set's name, and sets are not the rule's to make.
bool is_raw_payload(std::string_view after) {
  constexpr std::array<std::string_view, 4> bases = {"ll,", "nh,", "th,", "ih,"};
  return is_one_of(after.substr(0, 3), bases);
}

Status judge_rule_sign(const NftToken& token, std::string_view rule) {
  if (token.text == "$") return escape(token.line, "a required rule has no variables");
  if (token.text == "@" && !is_raw_payload(rule.substr(token.begin + 1)))
    return escape(token.line, "a required rule cannot use a set by name; write { ... }");
  return {};
}

}  // namespace

char NftReader::peek() const {
  const std::size_t found = text_.find_first_not_of(" \t", at_);
  return found == std::string_view::npos ? '\0' : text_[found];
}

// A comment ends before the end of its line, a backslash before that or not.
void NftReader::skip_space() {
  while (at_ < text_.size()) {
    const char c = text_[at_];
    if (c == '#') {
      at_ = std::min(text_.find('\n', at_), text_.size());
    } else if (c == '\\' && at_ + 1 < text_.size() && text_[at_ + 1] == '\n') {
      at_ += 2;
      ++line_;
    } else if (c == ' ' || c == '\t') {
      ++at_;
    } else {
      return;
    }
  }
}

std::size_t NftReader::word_length() const {
  std::size_t end = at_ + 1;
  while (end < text_.size() && continues_word(text_[end])) ++end;
  return end - at_;
}

NftToken NftReader::take(NftTokenKind kind, std::size_t length) {
  NftToken token{kind, text_.substr(at_, length), at_, line_};
  at_ += length;
  return token;
}

// nft has no escapes within quotes and lets them run over lines; here they may do neither, so that
// no other reading of them is possible.
NftToken NftReader::quoted() {
  const std::size_t end = text_.find_first_of("\"\n\\", at_ + 1);
  if (end != std::string_view::npos && text_[end] == '"')
    return take(NftTokenKind::quoted, end + 1 - at_);
  const bool is_backslash = end != std::string_view::npos && text_[end] == '\\';
  const std::string_view why =
      is_backslash ? "a backslash within quotes" : "a quote is left open at the end of the line";
  return {NftTokenKind::problem, why, at_, line_};
}

NftToken NftReader::next() {
  skip_space();
  if (at_ >= text_.size()) return {NftTokenKind::end, {}, at_, line_};
  const char c = text_[at_];
  if (c == '"') return quoted();
  if (c == '\\')
    return {NftTokenKind::problem, "a backslash that does not end its line", at_, line_};
  if (c == '{') return take(NftTokenKind::open, 1);
  if (c == '}') return take(NftTokenKind::close, 1);
  if (begins_word(c)) return take(NftTokenKind::word, word_length());
  if (c != '\n' && c != ';') return take(NftTokenKind::other, 1);
  const NftToken token = take(NftTokenKind::separator, 1);
  if (c == '\n') ++line_;
  return token;
}

bool is_plain_nft_name(std::string_view name) {
  if (name.empty() || name.size() > limits::name_bytes_max) return false;
  if (!is_letter(name[0]) && name[0] != '_') return false;
  return std::all_of(name.begin(), name.end(),
                     [](char c) { return continues_word(c) && c != '/'; });
}

Status judge_table_body(std::string_view body) {
  REEVE_TRY(judge_characters(body));
  NftReader reader(body);
  std::size_t depth = 0;
  bool first = true;
  for (;;) {
    const NftToken token = reader.next();
    const bool was_first = std::exchange(first, false);
    switch (token.kind) {
      case NftTokenKind::word:
        REEVE_TRY(judge_word(token, depth, reader, was_first));
        break;
      case NftTokenKind::open:
        ++depth;
        first = true;
        break;
      case NftTokenKind::close:
        if (depth == 0) return escape(token.line, "\"}\" would close the table itself");
        --depth;
        first = true;
        break;
      case NftTokenKind::separator:
        first = true;
        break;
      case NftTokenKind::quoted:
      case NftTokenKind::other:
        if (was_first && depth == 0)
          return escape(token.line, in_quotes(token.text) + " begins no part of a table");
        break;
      case NftTokenKind::problem:
        return escape(token.line, token.text);
      case NftTokenKind::end:
        if (depth != 0) return escape(token.line, "a \"{\" is left open at the end");
        return {};
    }
  }
}

Status judge_rule_text(std::string_view rule) {
  REEVE_TRY(judge_characters(rule));
  NftReader reader(rule);
  std::size_t depth = 0;
  std::size_t end = 0;  // of the last token: what follows it must be space alone
  for (bool first = true;; first = false) {
    const NftToken token = reader.next();
    const auto between = rule.substr(end, token.begin - end);
    if (between.find_first_not_of(" \t") != std::string_view::npos)
      return escape(token.line, "a required rule stands on one line, without a \"#\" comment");
    end = token.begin + token.text.size();
    switch (token.kind) {
      case NftTokenKind::word:
        REEVE_TRY(judge_rule_word(token, first));
        break;
      case NftTokenKind::other:
        REEVE_TRY(judge_rule_sign(token, rule));
        break;
      case NftTokenKind::open:
        ++depth;
        break;
      case NftTokenKind::close:
        if (depth == 0) return escape(token.line, "a \"}\" without its \"{\"");
        --depth;
        break;
      case NftTokenKind::separator:
        return escape(token.line, "a required rule is one rule: no end of line and no \";\"");
      case NftTokenKind::quoted:
        break;
      case NftTokenKind::problem:
        return escape(token.line, token.text);
      case NftTokenKind::end:
        if (depth != 0) return escape(token.line, "a \"{\" is left open at the end");
        if (first) return escape(token.line, "there is no rule");
        return {};
    }
  }
}

std::vector<std::string_view> declared_sets(std::string_view body) {
  std::vector<std::string_view> out;
  NftReader reader(body);
  std::size_t depth = 0;
  std::string_view before;
  for (NftToken token = reader.next(); token.kind != NftTokenKind::end; token = reader.next()) {
    if (token.kind == NftTokenKind::problem) break;
    if (depth == 0 && token.kind == NftTokenKind::word && (before == "set" || before == "map"))
      out.push_back(token.text);
    if (token.kind == NftTokenKind::open) ++depth;
    if (token.kind == NftTokenKind::close && depth > 0) --depth;
    before = token.text;
  }
  return out;
}

}  // namespace reeve
