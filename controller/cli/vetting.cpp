#include "controller/cli/vetting.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <utility>

#include "common/fd.h"
#include "common/text.h"
#include "controller/cli/child.h"
#include "controller/cli/files.h"
#include "controller/cli/terminal.h"

namespace reeve::cli {
namespace {

// A file in the temporary directory that is gone when this is.
class TemporaryFile {
 public:
  static Result<TemporaryFile> create(ByteView content) {
    const char* directory = std::getenv("TMPDIR");
    std::string path =
        fmt::format("{}/reeve-vet.XXXXXX", directory != nullptr && *directory ? directory : "/tmp");
    const Fd fd(::mkostemp(path.data(), O_CLOEXEC));
    if (!fd.is_open()) return os_error("file_unwritable", "create", path, errno);
    TemporaryFile file(std::move(path));
    REEVE_TRY(write_file(file.path_, content));
    return file;
  }
  TemporaryFile(TemporaryFile&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  TemporaryFile& operator=(TemporaryFile&&) = delete;
  ~TemporaryFile() {
    if (!path_.empty()) ::unlink(path_.c_str());
  }
  const std::string& path() const { return path_; }

 private:
  explicit TemporaryFile(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

// One note for all rules that this machine cannot try: they fail for the same reason.
void note_untried(const std::string& policy, const std::vector<Verdict>& verdicts) {
  const auto is_untried = [](const Verdict& verdict) { return !verdict.refused; };
  const auto count = std::ranges::count_if(verdicts, is_untried);
  if (count == 0) return;
  const Verdict& first = *std::ranges::find_if(verdicts, is_untried);
  print_err(printable(fmt::format("reeve: note: policy {}: {} could not be tried here and may "
                                  "still be refused by hosts: {} [{}]",
                                  policy, counted(static_cast<std::size_t>(count), "rule"),
                                  first.detail, first.name)) +
            "\n");
}

// The verdicts of a program that ended as it should: 0 without refused rules, 1 with.
Result<std::vector<Verdict>> verdicts_of(const ChildOutcome& outcome) {
  auto verdicts = parse_verdicts(outcome.output);
  if (!verdicts.ok()) return verdicts;
  const bool any_refused = std::ranges::any_of(*verdicts, &Verdict::refused);
  if (outcome.exit_code == (any_refused ? 1 : 0)) return verdicts;
  return Error{.name = "vet_failed",
               .detail = fmt::format("reeve-agent vet ended with {}", outcome.exit_code),
               .next = "what it said stands above; are reeve and reeve-agent of one version?"};
}

// The files of each policy that have no error yet, as indices.
std::map<std::string, std::vector<std::size_t>> clean_files(const std::vector<LintedFile>& files) {
  std::map<std::string, std::vector<std::size_t>> out;
  for (std::size_t i = 0; i < files.size(); ++i) {
    if (files[i].errors.empty()) out[files[i].policy].push_back(i);
  }
  return out;
}

}  // namespace

Result<std::vector<Verdict>> refused_rules(const std::string& policy, ByteView bundle) {
  const std::string agent = sibling_program("reeve-agent");
  if (agent.empty()) {
    print_err("reeve: note: reeve-agent is not beside this program; kinds were not asked\n");
    return std::vector<Verdict>{};
  }
  const auto file = TemporaryFile::create(bundle);
  if (!file.ok()) return file.error();
  const auto outcome = run_child({agent, "vet", "--json", file->path()}, Errors::shown);
  if (!outcome.ok()) return outcome.error();
  auto verdicts = verdicts_of(*outcome);
  if (!verdicts.ok()) return verdicts;
  note_untried(policy, *verdicts);
  std::erase_if(*verdicts, [](const Verdict& verdict) { return !verdict.refused; });
  return verdicts;
}

Result<std::vector<LintedFile>> lint_and_vet(const std::vector<SourceFile>& files) {
  auto linted = lint_policies(files);
  for (const auto& [policy, indices] : clean_files(linted)) {
    std::vector<SourceFile> clean;
    for (const std::size_t i : indices) clean.push_back(files[i]);
    const CompileOutcome outcome = compile_policy(clean);
    if (!outcome.bundle) continue;  // too much for one bundle: told by whoever makes one
    const auto refused = refused_rules(policy, encode_bundle(*outcome.bundle));
    if (!refused.ok()) return refused.error();
    const auto errors = errors_of_verdicts(clean, outcome, *refused);
    for (std::size_t i = 0; i < indices.size(); ++i) linted[indices[i]].errors = errors[i];
  }
  return linted;
}

}  // namespace reeve::cli
