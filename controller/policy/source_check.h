// A whole source tree against the key table. Finds everything that the table can say is wrong, with
// the position of each, and hands out the values of what is right, so that whoever goes on has
// typed values and no YAML.
#pragma once

#include "common/codec.h"
#include "controller/policy/key_table.h"
#include "controller/policy/yaml_source.h"

namespace reeve {

// The values of the document's top section in table order: sections as maps, lists as arrays. What
// was reported is left out; the whole only makes sense when the report stayed empty. Further
// errors: `unknown_key`, `unknown_kind`, `missing_key`, `no_resource`, `two_resources`,
// `conflicting_keys`, `empty_list`, `too_few_items`, `too_many_rules`, `too_many_items` and those
// of check_scalar.
Value check_source(const YamlTree& tree, const KeySpec& format, Report& report);

}  // namespace reeve
