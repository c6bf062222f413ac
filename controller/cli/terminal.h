// Where commands speak: standard output for answers, standard error for everything else. Whoever
// prints text that came from elsewhere passes it through printable() (common/text.h) first. The
// pure helpers lay text out; widths are counted in code points.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"

namespace reeve::cli {

// Thrown by print_out() when nobody can read the answer any more: the command ends there, since an
// answer that was lost must not exit like one that was given. main() alone catches it.
struct OutputLost {
  int os_errno = 0;
};
// The whole text, or OutputLost.
void print_out(std::string_view text);
void print_err(std::string_view text);  // what cannot be written is lost

// `reeve: error NAME: detail` and `  next: ...`, safe on any terminal; returns exit code 1.
int print_error(const Error& error);
std::string error_text(const Error& error);

bool out_is_terminal();
// Colour only on terminals and never when NO_COLOR is set (no-color.org).
bool colour_wanted();
// The width to lay lines out for: the terminal's, at least 80; 80 in a pipe.
std::size_t out_columns();

enum class Colour { none, green, yellow, red };
std::string coloured(std::string_view text, Colour colour);  // as it is unless colour_wanted()

std::size_t width_of(std::string_view utf8);
// Padded with spaces, or cut with "..." at its end (fit) or its beginning (fit_tail) to `width`.
std::string fit(std::string_view utf8, std::size_t width);
std::string fit_tail(std::string_view utf8, std::size_t width);
// Padded only: text that must never be cut.
std::string padded(std::string_view utf8, std::size_t width);

// Lines of at most `width` columns, broken between words; a word that is longer is cut in pieces.
std::vector<std::string> wrapped(std::string_view utf8, std::size_t width);
// "  label       text", the text wrapped for 80 columns under itself, with a newline at the end.
std::string field_lines(std::string_view label, std::string_view utf8);

// "1 host", "2 hosts".
std::string counted(std::size_t count, std::string_view noun);

}  // namespace reeve::cli
