// The JSON Schema (draft 7) of the policy format, for editors, from the table that the compiler
// checks by. Whatever the compiler accepts the schema accepts. It sees less than the compiler where
// JSON Schema has no words: ids that repeat, and modes that an editor's YAML reads as numbers.
#pragma once

#include "controller/policy/key_table.h"

namespace reeve {

// Indented JSON that ends in a newline; the same table gives the same text.
std::string policy_schema(const KeySpec& format);
std::string policy_schema();  // of the kinds that this program was built with

}  // namespace reeve
