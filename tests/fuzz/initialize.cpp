// What libFuzzer calls once before the first input.
#include "common/seal.h"

extern "C" int LLVMFuzzerInitialize(int*, char***);

int LLVMFuzzerInitialize(int*, char***) { return reeve::init_crypto().ok() ? 0 : 1; }
