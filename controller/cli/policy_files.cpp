#include "controller/cli/policy_files.h"

#include <fmt/format.h>

#include "common/text.h"
#include "controller/cli/files.h"
#include "controller/cli/terminal.h"
#include "controller/cli/vetting.h"
#include "controller/policy/source_limits.h"

namespace reeve::cli {
namespace {

// Adds what the kinds refuse to the outcome's errors.
Status ask_kinds(const std::vector<SourceFile>& files, CompileOutcome& outcome) {
  const auto refused = refused_rules(outcome.bundle->policy, encode_bundle(*outcome.bundle));
  if (!refused.ok()) return refused.error();
  for (auto& of_file : errors_of_verdicts(files, outcome, *refused)) {
    for (SourceError& error : of_file) outcome.errors.push_back(std::move(error));
  }
  return {};
}

}  // namespace

Result<SourceFile> read_source(const std::string& path) {
  auto bytes = read_file(path, limits::policy_source_bytes_max);
  if (bytes.ok()) return SourceFile{path, std::string(text_of(*bytes))};
  if (bytes.error().name != "file_too_large") return bytes.error();
  // Beyond the limit only the size counts, and the refusal needs a position like every other.
  return SourceFile{path, std::string(limits::policy_source_bytes_max + 1, ' ')};
}

ReadSources read_sources(std::span<const std::string> paths) {
  ReadSources out;
  for (const std::string& path : paths) {
    auto file = read_source(path);
    if (file.ok()) out.files.push_back(std::move(file).value());
    if (!file.ok()) out.errors.push_back(file.error());
  }
  return out;
}

std::optional<Bundle> compile_files(std::span<const std::string> paths, Kinds kinds) {
  const ReadSources sources = read_sources(paths);
  for (const Error& error : sources.errors) print_error(error);
  if (!sources.errors.empty()) return std::nullopt;
  CompileOutcome outcome = compile_policy(sources.files);
  if (outcome.bundle && kinds == Kinds::asked) {
    if (const auto asked = ask_kinds(sources.files, outcome); !asked.ok()) {
      print_error(asked.error());
      return std::nullopt;
    }
  }
  for (const SourceError& error : outcome.errors) print_err(describe(error) + "\n");
  if (!outcome.errors.empty()) {
    print_error(
        {.name = "invalid_policy",
         .detail = fmt::format("{}; nothing was compiled", counted(outcome.errors.size(), "error")),
         .next = "put right what is named above; docs/policy.md explains every key"});
    return std::nullopt;
  }
  return std::move(outcome.bundle);
}

}  // namespace reeve::cli
