// Golden files: bytes of every format as they were when it was fixed, under tests/golden. A test
// encodes the same value again and compares, and decodes the file. With REEVE_GOLDEN_WRITE set in
// the environment the files are written instead: only for a format that is new.
#pragma once

#include <string_view>

#include "common/bytes.h"

namespace reeve {

// Fails the test when the file is missing.
Bytes golden(std::string_view name);
// Fails the test when the file holds other bytes.
void check_golden(std::string_view name, ByteView bytes);

}  // namespace reeve
