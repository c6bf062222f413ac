#include "controller/cli/push_sources.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "common/limits.h"
#include "common/text.h"
#include "controller/cli/child.h"
#include "controller/cli/files.h"
#include "controller/cli/policy_files.h"
#include "controller/cli/terminal.h"
#include "controller/cli/vetting.h"

namespace reeve::cli {
namespace {

constexpr std::string_view bundle_magic = "RVBN";

BuiltBundle built(const Bundle& bundle, Bytes bytes) {
  const Digest digest = sha256(bytes);
  return {bundle.policy, bundle.rules.size(), std::move(bytes), digest};
}

// Files in two heaps: what is compiled already, and source.
struct Inputs {
  std::vector<BuiltBundle> bundles;
  std::vector<std::string> sources;
  bool all_well = true;  // no bundle was damaged or refused
};

// False where kinds refuse rules of a compiled bundle, or could not be asked; told then.
bool vet_compiled(const std::string& path, const Bundle& bundle, const Bytes& bytes) {
  const auto refused = refused_rules(bundle.policy, bytes);
  if (!refused.ok()) print_error(refused.error());
  if (!refused.ok()) return false;
  for (const Verdict& verdict : *refused) {
    print_err(printable(fmt::format("{}: rule {}: {} [{}]", path, verdict.rule, verdict.detail,
                                    verdict.name)) +
              "\n");
  }
  return refused->empty();
}

void take_bundle(Inputs& inputs, const std::string& path, Bytes bytes) {
  const auto bundle = decode_bundle(bytes);
  if (bundle.ok()) {
    if (!vet_compiled(path, *bundle, bytes)) inputs.all_well = false;
    inputs.bundles.push_back(built(*bundle, std::move(bytes)));
    return;
  }
  print_error({.name = bundle.error().name,
               .detail = fmt::format("{}: {}", path, bundle.error().detail),
               .next = "compile it again from its source"});
  inputs.all_well = false;
}

Inputs sort_out(std::span<const std::string> paths) {
  Inputs inputs;
  for (const std::string& path : paths) {
    auto bytes = read_file(path, limits::bundle_bytes_max);
    if (bytes.ok() && text_of(*bytes).starts_with(bundle_magic)) {
      take_bundle(inputs, path, *std::move(bytes));
    } else {
      // What could not be read either is told with all other errors of source.
      inputs.sources.push_back(path);
    }
  }
  return inputs;
}

// The files of each policy, in the order given; absent after any error, all of which are told.
std::optional<std::map<std::string, std::vector<SourceFile>>> lint_by_policy(
    const std::vector<std::string>& paths) {
  const ReadSources read = read_sources(paths);
  for (const Error& error : read.errors) print_error(error);
  std::map<std::string, std::vector<SourceFile>> out;
  bool well = read.errors.empty();
  const auto linted = lint_and_vet(read.files);
  if (!linted.ok()) {
    print_error(linted.error());
    return std::nullopt;
  }
  for (std::size_t i = 0; i < linted->size(); ++i) {
    const LintedFile& file = (*linted)[i];
    for (const SourceError& error : file.errors) print_err(describe(error) + "\n");
    well = well && file.errors.empty();
    out[file.policy].push_back(read.files[i]);
  }
  if (!well) return std::nullopt;
  return out;
}

bool compile_sources(Inputs& inputs) {
  if (inputs.sources.empty()) return true;
  const auto policies = lint_by_policy(inputs.sources);
  if (!policies) return false;
  bool well = true;
  for (const auto& [policy, files] : *policies) {
    const CompileOutcome outcome = compile_policy(files);
    for (const SourceError& error : outcome.errors) print_err(describe(error) + "\n");
    well = well && outcome.bundle.has_value();
    if (outcome.bundle) {
      inputs.bundles.push_back(built(*outcome.bundle, encode_bundle(*outcome.bundle)));
    }
  }
  return well;
}

std::string directory_of(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

std::optional<std::string> git(const std::string& directory, std::vector<std::string> words) {
  // A checkout's own settings must not run programs here.
  words.insert(words.begin(), {"git", "-c", "core.fsmonitor=false", "-C", directory});
  const auto outcome = run_child(words, Errors::dropped);
  if (!outcome.ok() || outcome->exit_code != 0) return std::nullopt;
  return outcome->output;
}

}  // namespace

std::optional<std::vector<BuiltBundle>> build_bundles(std::span<const std::string> paths) {
  Inputs inputs = sort_out(paths);
  if (!compile_sources(inputs) || !inputs.all_well) return std::nullopt;
  auto& bundles = inputs.bundles;
  std::sort(bundles.begin(), bundles.end(),
            [](const BuiltBundle& a, const BuiltBundle& b) { return a.policy < b.policy; });
  const auto twin = std::adjacent_find(
      bundles.begin(), bundles.end(),
      [](const BuiltBundle& a, const BuiltBundle& b) { return a.policy == b.policy; });
  if (twin != bundles.end()) {
    print_error({.name = "duplicate_policy",
                 .detail = fmt::format("policy {} was given twice", twin->policy),
                 .next = "give each policy once, as source or as a bundle"});
    return std::nullopt;
  }
  if (bundles.size() > limits::manifest_bundles_max) {
    print_error({.name = "limit_exceeded",
                 .detail = fmt::format("{} policies; a manifest holds at most {}", bundles.size(),
                                       limits::manifest_bundles_max),
                 .next = "put rules for the same hosts into one policy"});
    return std::nullopt;
  }
  return std::move(bundles);
}

std::string source_revision(const std::string& path) {
  const std::string directory = directory_of(path);
  auto revision = git(directory, {"rev-parse", "--verify", "HEAD"});
  if (!revision) return {};
  std::string out = revision->substr(0, revision->find('\n'));
  if (out.empty() || out.size() > 64 ||
      out.find_first_not_of("0123456789abcdef") != std::string::npos) {
    return {};
  }
  const auto changes =
      git(directory, {"status", "--porcelain", "--untracked-files=normal", "--", "."});
  return changes && changes->empty() ? out : out + "+";
}

Result<Selector> parse_selector(const std::string& text) {
  std::map<std::string, std::vector<std::string>> alternative;
  std::string_view rest = text;
  while (!rest.empty()) {
    const auto comma = std::min(rest.find(','), rest.size());
    const std::string_view word = rest.substr(0, comma);
    rest.remove_prefix(std::min(comma + 1, rest.size()));
    const auto equals = std::min(word.find('='), word.size());
    const std::string_view value = word.substr(std::min(equals + 1, word.size()));
    if (!is_valid_id(word.substr(0, equals)) || !is_valid_id(value)) {
      return Error{.name = "usage",
                   .detail = fmt::format("`{}` is no LABEL=VALUE", word),
                   .next = "write --selector role=web,zone=a"};
    }
    alternative[std::string(word.substr(0, equals))].emplace_back(value);
  }
  if (alternative.empty()) return Selector{};
  return Selector{std::move(alternative)};
}

}  // namespace reeve::cli
