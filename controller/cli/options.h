// The options of one command, and the one gate to Boost.Program_options. A command describes itself
// with a CommandSpec and runs through with_arguments(), which answers --help and usage errors, so
// that all commands do so alike.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/result.h"

namespace reeve::cli {

struct OptionSpec {
  std::string name;   // "wait", or "out,o" with a short form
  std::string value;  // what stands for the value in help, such as "TIME"; empty for a flag
  std::string help;
};

struct CommandSpec {
  std::string name;     // "node enroll"
  std::string usage;    // what follows the name, such as "FILE... -o BUNDLE"
  std::string details;  // what --help says, in whole sentences, at most 80 columns a line
  std::vector<OptionSpec> options;
  std::size_t operands_min = 0;
  std::size_t operands_max = 0;
};

inline constexpr std::size_t any_number = 1'000'000;

// Every option may be repeated: value() is the last one, values() are all of them.
class Arguments {
 public:
  Arguments(std::map<std::string, std::vector<std::string>> options,
            std::vector<std::string> operands)
      : options_(std::move(options)), operands_(std::move(operands)) {}

  bool has(const std::string& name) const { return options_.contains(name); }
  std::optional<std::string> value(const std::string& name) const;
  std::vector<std::string> values(const std::string& name) const;
  const std::vector<std::string>& operands() const { return operands_; }

 private:
  std::map<std::string, std::vector<std::string>> options_;  // long names without dashes
  std::vector<std::string> operands_;
};

// Error `usage`. Knows nothing of --help; with_arguments() does.
Result<Arguments> parse_arguments(const CommandSpec& spec, std::span<const std::string> arguments);

std::string help_text(const CommandSpec& spec);

// Prints help (exit 0) or the usage error (exit 1), else returns what `run` returns.
int with_arguments(const CommandSpec& spec, std::span<const std::string> arguments,
                   const std::function<int(const Arguments&)>& run);

// Lines of two columns, names left and help right, for a terminal of 80 columns.
std::string two_columns(const std::vector<std::pair<std::string, std::string>>& lines);

}  // namespace reeve::cli
