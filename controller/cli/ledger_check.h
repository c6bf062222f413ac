// reeve ledger verify --all: everything that a controller has stored, judged offline.
#pragma once

#include "controller/cli/options.h"

namespace reeve::cli {

// The exit code; what was found is printed.
int verify_all(const Arguments& arguments, const std::string& path);

}  // namespace reeve::cli
