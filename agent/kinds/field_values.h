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

// Every field is known, is there once and has a value of its type, every required one is there,
// every group of fields is kept; the same of the columns of rows. A kind may then read its fields
// without asking again; ports and networks by network_text.h. Errors: `unknown_field` and
// `invalid_rule`, which name the field: "allow[2].ports" in the third of the rows of `allow`.
Status check_fields(const KindRow& row, const Rule& rule);

}  // namespace reeve
