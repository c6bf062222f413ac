// One scalar of the source against its row of the key table. Pure functions: the text in, the value
// for the bundle or the problem out. Modes come out as four octal digits however they were written,
// digests in lower case, everything else as it was written.
#pragma once

#include <variant>

#include "common/codec.h"
#include "controller/policy/key_table.h"
#include "controller/policy/yaml_source.h"

namespace reeve {

// Spec is of a type that one scalar can hold, and not of a list of them. Problems: `wrong_type`,
// `missing_value`, `unknown_choice`, `bad_value`, `text_too_long`, `unprintable_text`.
std::variant<Value, Problem> check_scalar(const KeySpec& spec, const YamlNode& node);

// "nothing", "a list", "a map", or the scalar's text in quotes.
std::string found_words(const YamlNode& node);

}  // namespace reeve
