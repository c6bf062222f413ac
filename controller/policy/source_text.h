// What is asked of source text before a parser sees it: its size, its encoding, and that no byte in
// it does anything but spell. Pure functions.
#pragma once

#include <optional>

#include "controller/policy/source_error.h"

namespace reeve {

// The source without a byte order mark: the text that positions count in.
std::string_view without_byte_order_mark(std::string_view content);

// The byte that a position in bytes speaks of; the size where it is beyond the end.
std::size_t offset_of(Position at, std::string_view text);

struct PositionedProblem {
  Position at;  // in bytes
  Problem problem;
};

// Absent when the text may be parsed. Errors: `source_too_large` (at 1:1, nothing is read then),
// `not_utf8`, `control_character` (a lone carriage return is one), `too_many_nodes` (more flow
// marks than the parser has memory for).
std::optional<PositionedProblem> refuse_source_text(std::string_view content);

}  // namespace reeve
