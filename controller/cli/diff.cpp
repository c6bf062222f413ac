// reeve diff: what a new policy changes, rule by rule. Takes bundles and source alike.
#include <fmt/format.h>

#include "common/limits.h"
#include "common/text.h"
#include "controller/cli/commands.h"
#include "controller/cli/files.h"
#include "controller/cli/options.h"
#include "controller/cli/policy_files.h"
#include "controller/cli/terminal.h"
#include "controller/policy/bundle_diff.h"

namespace reeve::cli {
namespace {

constexpr std::string_view bundle_magic = "RVBN";

CommandSpec spec() {
  return {.name = "diff",
          .usage = "OLD NEW",
          .details =
              "Shows the rules that NEW adds, changes and removes, field by field. Each side\n"
              "is a bundle or a file of policy source. Exit: 0 whether or not they differ,\n"
              "1 when one of them cannot be read.",
          .options = {{"json", "", "one object a rule and line"}},
          .operands_min = 2,
          .operands_max = 2};
}

// Absent when it cannot be had; the reason has been told then.
std::optional<Bundle> load(const std::string& path) {
  const auto bytes = read_file(path, limits::bundle_bytes_max);
  if (!bytes.ok()) {
    print_error(bytes.error());
    return std::nullopt;
  }
  if (!text_of(*bytes).starts_with(bundle_magic))
    return compile_files({&path, 1}, Kinds::not_asked);
  auto bundle = decode_bundle(*bytes);
  if (bundle.ok()) return std::move(bundle).value();
  Error error = bundle.error();
  error.detail = fmt::format("{}: {}", path, error.detail);
  print_error(error);
  return std::nullopt;
}

std::string field_value(const std::string& text) {
  return text.empty() ? "(none)" : printable(shortened(text, 60));
}

std::string text_of_change(const RuleChange& change) {
  const bool added = change.kind == RuleChangeKind::added;
  const bool removed = change.kind == RuleChangeKind::removed;
  const Colour colour = added ? Colour::green : removed ? Colour::red : Colour::yellow;
  const std::string head = fmt::format("{} {}", added ? "+" : removed ? "-" : "~", change.rule);
  std::string out = coloured(printable(head), colour) + "  " + printable(change.title) + "\n";
  for (const FieldChange& field : change.fields) {
    out += fmt::format("    {}: {} -> {}\n", printable(field.field), field_value(field.before),
                       field_value(field.after));
  }
  return out;
}

std::string json_of_change(const RuleChange& change) {
  std::string fields;
  for (const FieldChange& field : change.fields) {
    fields +=
        fmt::format("{}{{\"field\":{},\"old\":{},\"new\":{}}}", fields.empty() ? "" : ",",
                    json_quote(field.field), json_quote(field.before), json_quote(field.after));
  }
  return fmt::format("{{\"change\":\"{}\",\"rule\":{},\"title\":{},\"fields\":[{}]}}\n",
                     name_of(change.kind), json_quote(change.rule), json_quote(change.title),
                     fields);
}

std::size_t count_of(const BundleDiff& diff, RuleChangeKind kind) {
  std::size_t count = 0;
  for (const RuleChange& change : diff.rules) count += change.kind == kind ? 1 : 0;
  return count;
}

void print_text(const BundleDiff& diff) {
  if (diff.policy_before != diff.policy_after) {
    print_out(fmt::format("policy: {} -> {}\n", diff.policy_before, diff.policy_after));
  }
  for (const RuleChange& change : diff.rules) print_out(text_of_change(change));
  print_out(fmt::format("{} added, {} changed, {} removed, {} unchanged\n",
                        count_of(diff, RuleChangeKind::added),
                        count_of(diff, RuleChangeKind::changed),
                        count_of(diff, RuleChangeKind::removed), diff.unchanged));
}

int show_diff(const Arguments& arguments) {
  const auto before = load(arguments.operands()[0]);
  const auto after = load(arguments.operands()[1]);
  if (!before || !after) return exit_code::failed;
  const BundleDiff diff = diff_bundles(*before, *after);
  if (!arguments.has("json")) {
    print_text(diff);
    return exit_code::done;
  }
  for (const RuleChange& change : diff.rules) print_out(json_of_change(change));
  return exit_code::done;
}

}  // namespace

int run_diff(std::span<const std::string> arguments) {
  return with_arguments(spec(), arguments, show_diff);
}

}  // namespace reeve::cli
