// Text for people and for JSON from bytes that may be hostile. Pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace reeve {

bool is_utf8(std::string_view bytes);

// Safe on any terminal: control bytes, invalid UTF-8 and bidirectional overrides become \xNN or
// \u{N} escapes; a backslash stays as it is.
std::string printable(std::string_view bytes);

// Text of several lines that printable() would leave as it is, but for line feeds and tabs.
bool is_printable_lines(std::string_view text);

// A JSON string literal with its quotes (RFC 8259): always valid JSON and valid UTF-8. Bytes that
// are not UTF-8 become U+FFFD; control characters are escaped.
std::string json_quote(std::string_view bytes);

// At most bytes_max bytes, cut at a character's edge, with "..." where something is missing.
std::string shortened(std::string_view text, std::size_t bytes_max);

// The candidate within two edits of `wrong` (Damerau-Levenshtein), the nearest, the first of
// equals; "" if none. A word that shares nothing with `wrong` is no candidate.
std::string closest(std::string_view wrong, const std::vector<std::string>& candidates);

}  // namespace reeve
