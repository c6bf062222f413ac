// Counts what operator new hands out in this test program, so that a test can say that a refusal
// cost nothing.
#pragma once

#include <cstddef>

namespace reeve {

// Bytes asked for since the last call of reset_allocations().
std::size_t allocated_bytes();
void reset_allocations();

}  // namespace reeve
