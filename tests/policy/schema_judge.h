// The JSON Schema as an editor would apply it: YAML turned into JSON by the core rules, judged by a
// validator that others wrote. The gate to valijson; only tests have it.
#pragma once

#include <string>
#include <string_view>

namespace reeve::fixture {

// Whether the source, which must be valid YAML, satisfies the schema.
bool schema_accepts(std::string_view schema, std::string_view source);

}  // namespace reeve::fixture
