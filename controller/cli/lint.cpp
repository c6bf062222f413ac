// reeve lint: every error of policy source in one run.
#include <fmt/format.h>

#include "common/text.h"
#include "controller/cli/commands.h"
#include "controller/cli/options.h"
#include "controller/cli/policy_files.h"
#include "controller/cli/terminal.h"
#include "controller/cli/vetting.h"
#include "controller/policy/schema.h"

namespace reeve::cli {
namespace {

CommandSpec spec() {
  return {.name = "lint",
          .usage = "FILE... | --schema",
          .details =
              "Tells every error of policy source in one run, one a line on standard output:\n"
              "FILE:LINE:COLUMN: what was found; what was expected [name]. Each file is one\n"
              "policy or a part of one; files of one policy share their rules' ids. Rules of\n"
              "files without an error are shown to their kinds as well (reeve-agent vet).\n"
              "Exit: 0 without errors, 1 with.",
          .options = {{"json", "", "one object an error and line"},
                      {"schema", "", "print the format's JSON Schema (draft 7), for editors"}},
          .operands_min = 0,
          .operands_max = any_number};
}

void print_json(const LintedFile& file) {
  for (const SourceError& error : file.errors) print_out(to_json_line(error) + "\n");
}

void print_text(const LintedFile& file) {
  for (const SourceError& error : file.errors) print_out(describe(error) + "\n");
  if (!file.errors.empty()) return;
  print_out(fmt::format("{}: policy {}, {}, {}\n", printable(file.name), file.policy,
                        counted(file.rules, "rule"), coloured("no errors", Colour::green)));
}

int lint(const Arguments& arguments) {
  if (arguments.has("schema")) {
    print_out(policy_schema());
    return exit_code::done;
  }
  if (arguments.operands().empty()) {
    return print_error(
        {.name = "usage", .detail = "no file was named", .next = "reeve lint --help"});
  }
  const ReadSources sources = read_sources(arguments.operands());
  for (const Error& error : sources.errors) print_error(error);
  std::size_t errors = sources.errors.size();
  const auto linted = lint_and_vet(sources.files);
  if (!linted.ok()) return print_error(linted.error());
  for (const LintedFile& file : *linted) {
    errors += file.errors.size();
    if (arguments.has("json")) print_json(file);
    if (!arguments.has("json")) print_text(file);
  }
  return errors == 0 ? exit_code::done : exit_code::failed;
}

}  // namespace

int run_lint(std::span<const std::string> arguments) {
  return with_arguments(spec(), arguments, lint);
}

}  // namespace reeve::cli
