// Programs that reeve asks: by argument vector, never through a shell, with nothing on their
// standard input and with signals as if from a terminal.
#pragma once

#include <string>
#include <vector>

#include "common/result.h"
#include "controller/cli/cli_limits.h"

namespace reeve::cli {

struct ChildOutcome {
  int exit_code = 0;   // 128 + the signal where one killed it
  std::string output;  // standard output; beyond limits::child_output_bytes_max it is dropped
};

enum class Errors { shown, dropped };  // what becomes of a program's standard error

// Looked up in PATH unless the first word has a slash. Blocks until the program ends. Error
// `child_failed` when it cannot be started.
Result<ChildOutcome> run_child(const std::vector<std::string>& words, Errors errors);

// The program of this name in the directory of the running program; empty if there is none.
std::string sibling_program(std::string_view name);

}  // namespace reeve::cli
