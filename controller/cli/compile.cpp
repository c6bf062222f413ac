// reeve compile: policy source to the bundle that agents take. The file is whole or not there.
#include <fmt/format.h>
#include <sys/stat.h>

#include "common/seal.h"
#include "common/text.h"
#include "controller/cli/commands.h"
#include "controller/cli/files.h"
#include "controller/cli/options.h"
#include "controller/cli/policy_files.h"
#include "controller/cli/terminal.h"

namespace reeve::cli {
namespace {

CommandSpec spec() {
  return {.name = "compile",
          .usage = "FILE... -o BUNDLE",
          .details =
              "Compiles the files of one policy into one bundle, their rules in the order of\n"
              "the files. The same source always gives the same bytes. With errors, which\n"
              "are told as `reeve lint` tells them, nothing is written and an older BUNDLE\n"
              "stays as it is.",
          .options = {{"output,o", "BUNDLE", "where the bundle goes"},
                      {"json", "", "say what was written as one object"}},
          .operands_min = 1,
          .operands_max = any_number};
}

// A rename would put a file in the place of a device or a directory.
Status refuse_special_output(const std::string& path) {
  struct stat facts {};
  if (::lstat(path.c_str(), &facts) != 0 || S_ISREG(facts.st_mode)) return {};
  return Error{.name = "output_not_a_file",
               .detail = fmt::format("{} exists and is not a regular file", path),
               .next = "name another file with -o"};
}

void say_written(const Bundle& bundle, const Bytes& bytes, const Arguments& arguments) {
  const std::string path = *arguments.value("output");
  const std::string digest = hex(sha256(bytes).view());
  if (arguments.has("json")) {
    print_out(fmt::format(
        "{{\"bundle\":{},\"policy\":{},\"rules\":{},\"bytes\":{},\"digest\":\"{}\"}}\n",
        json_quote(path), json_quote(bundle.policy), bundle.rules.size(), bytes.size(), digest));
    return;
  }
  print_out(fmt::format("{}: policy {}, {}, {}\nsha256 {}\n", printable(path), bundle.policy,
                        counted(bundle.rules.size(), "rule"), counted(bytes.size(), "byte"),
                        digest));
}

int compile(const Arguments& arguments) {
  const auto output = arguments.value("output");
  if (!output) {
    return print_error(
        {.name = "usage", .detail = "-o BUNDLE is missing", .next = "reeve compile --help"});
  }
  const auto bundle = compile_files(arguments.operands(), Kinds::asked);
  if (!bundle) return exit_code::failed;
  if (auto usable = refuse_special_output(*output); !usable.ok())
    return print_error(usable.error());
  const Bytes bytes = encode_bundle(*bundle);
  if (auto written = write_file(*output, bytes); !written.ok()) return print_error(written.error());
  say_written(*bundle, bytes, arguments);
  return exit_code::done;
}

}  // namespace

int run_compile(std::span<const std::string> arguments) {
  return with_arguments(spec(), arguments, compile);
}

}  // namespace reeve::cli
