// What the table of a kind can say about a rule's fields, checked once for all kinds, and the
// readings of field texts that kinds share. Pure functions.
#pragma once

#include "agent/kind.h"

namespace reeve {

// `invalid_rule`: the rule, the field and what is wrong with it.
Error invalid_rule(const Rule& rule, std::string_view field, std::string_view problem);

// Three or four octal digits.
std::optional<std::uint32_t> parse_mode(std::string_view text);
// The number that a user's or group's field may hold instead of a name.
std::optional<std::uint32_t> parse_id(std::string_view text);

// Every field is known and has a value of its type, every required one is there, every group of
// fields is kept. Errors: `unknown_field`, `invalid_rule`.
Status check_fields(const KindRow& row, const Rule& rule);

}  // namespace reeve
