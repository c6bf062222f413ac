// Reads nft's syntax just far enough to tell that a text stays where it is put: quotes, comments,
// braces and first words, as nft's own scanner takes them apart. It is the first of two nets, and
// the one that names a line; the second is a look at what the text made in a scratch namespace.
// What nft itself would refuse may pass here, what could act elsewhere may not. Pure functions.
#pragma once

#include <cstdint>
#include <vector>

#include "common/result.h"

namespace reeve {

enum class NftTokenKind : std::uint8_t {
  word,       // as an unquoted name or a keyword: "chain", "eth0", "10.0.0.1" from its first letter
  quoted,     // with its quotes
  separator,  // the end of a line, or ";"
  open,       // {
  close,      // }
  other,      // one character of anything else: a digit, "@", ","
  end,        // nothing is left
  problem,    // `text` says what is wrong; nothing is read beyond it
};

struct NftToken {
  NftTokenKind kind{};
  std::string_view text;
  std::size_t begin = 0;  // offset in the whole text
  std::size_t line = 1;
};

// Front to back. The text must outlive the reader and its tokens. Comments, and lines that are
// joined by a backslash, are passed over as space.
class NftReader {
 public:
  explicit NftReader(std::string_view text) : text_(text) {}

  NftToken next();
  // The next character that is neither space nor tab, without moving on; '\0' at the end.
  char peek() const;

 private:
  void skip_space();
  std::size_t word_length() const;
  NftToken take(NftTokenKind kind, std::size_t length);
  NftToken quoted();

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t line_ = 1;
};

// Names of tables, chains and sets that need no quotes and mean nothing else: a letter or "_", then
// letters, digits, "_", "-" and "."; at most limits::name_bytes_max.
bool is_plain_nft_name(std::string_view name);

// What stands between the braces of one table. Errors: `firewall_escape`, "line N: ...".
Status judge_table_body(std::string_view body);
// One rule without a comment of its own, for a chain that belongs to somebody else. Errors: as
// above.
Status judge_rule_text(std::string_view rule);

// Names of the sets and maps that a table's body declares.
std::vector<std::string_view> declared_sets(std::string_view body);

}  // namespace reeve
