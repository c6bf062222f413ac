// The one function of every fuzz target (https://llvm.org/docs/LibFuzzer.html). A target holds what
// must be true of any bytes; it returns 0 always and ends the process when we are wrong.
#pragma once

#include <cstddef>
#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
