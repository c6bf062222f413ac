// How a record spells who did it: one map for receipts and contentions (docs/formats.md,
// "receipt"). Programs and commands may hold any bytes and are written as names.
#pragma once

#include "common/record.h"

namespace reeve {

void write_cause(Encoder& out, const Cause& cause);
// Errors: `malformed`, naming the record that it is part of.
Result<Cause> read_cause(const Value& value, std::string_view of);

}  // namespace reeve
