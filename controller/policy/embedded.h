// Data that the build puts into the program.
#pragma once

#include "common/bytes.h"

namespace reeve {

// The kinds' rows as JSON, from agent/kinds/meson.build.
ByteView embedded_kinds_json();
// docs/errors.md.
ByteView embedded_names_page();

}  // namespace reeve
