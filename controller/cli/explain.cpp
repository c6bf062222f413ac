// reeve explain: what a name means and what to do about it, from the page that the program carries;
// or a rule of the policy in force, from the controller.
#include <fmt/format.h>

#include <algorithm>

#include "common/text.h"
#include "controller/cli/bundle_fetch.h"
#include "controller/cli/json.h"
#include "controller/cli/names_page.h"
#include "controller/cli/node_list.h"
#include "controller/cli/terminal.h"
#include "controller/policy/bundle_diff.h"

namespace reeve::cli {
namespace {

CommandSpec explain_spec() {
  return {.name = "explain",
          .usage = "NAME|RULE",
          .details =
              "Explains a name that a command, a record or a page shows: an error, an outcome, a\n"
              "state of a rule, a type of record. Needs no controller. What is no such name is\n"
              "taken for a rule and looked for in the policy that is published.",
          .options = {json_option(), fleet_option()},
          .operands_min = 1,
          .operands_max = 1};
}

std::string name_text(const NameSection& section) {
  std::string out = fmt::format("{} ({})\n\n", section.name, section.group);
  out += field_lines("cause", section.cause);
  return out + field_lines("next", section.next);
}

std::string name_json(const NameSection& section) {
  JsonObject out;
  return out.text("name", section.name)
      .text("group", section.group)
      .text("cause", section.cause)
      .text("next", section.next)
      .line();
}

// A rule and the policy that it is in.
struct FoundRule {
  std::string policy;
  std::uint64_t version = 0;
  Rule rule;
};

Result<std::vector<FoundRule>> find_rule(Session& session, const std::string& id) {
  std::vector<FoundRule> out;
  const auto manifest = ask_manifest(session);
  if (!manifest.ok()) return manifest.error();
  if (!*manifest) return out;
  for (const ManifestBundle& named : (*manifest)->manifest.bundles) {
    const auto bytes = fetch_bundle(session, named.digest);
    if (!bytes.ok()) return bytes.error();
    const auto bundle = decode_bundle(*bytes);
    if (!bundle.ok()) return bundle.error();
    for (const Rule& rule : bundle->rules)
      if (rule.id == id) out.push_back({named.policy, (*manifest)->manifest.version, rule});
  }
  return out;
}

std::string rule_text(const FoundRule& found) {
  std::string out = fmt::format("{}/{}, in the policy of version {}\n\n", printable(found.policy),
                                printable(found.rule.id), found.version);
  for (const auto& [name, text] : texts_of(found.rule))
    if (!text.empty()) out += field_lines(name, printable(text));
  return out;
}

std::string rule_json(const FoundRule& found) {
  JsonObject out;
  out.text("policy", found.policy).natural("version", found.version).text("rule", found.rule.id);
  for (const auto& [name, text] : texts_of(found.rule)) out.text(name, text);
  return out.line();
}

Error nothing_found(const std::string& asked, const std::vector<NameSection>& names) {
  std::vector<std::string> words;
  for (const NameSection& section : names) words.push_back(section.name);
  const std::string near = closest(asked, words);
  return {.name = "no_such_rule",
          .detail = fmt::format("neither a name nor a rule in force is called {}",
                                shortened(printable(asked), 128)),
          .next = near.empty() ? "docs/errors.md has all names"
                               : fmt::format("did you mean `{}`?", near)};
}

int explain(const Environment& environment, const Arguments& arguments) {
  const std::string& asked = arguments.operands()[0];
  const bool is_json = arguments.has("json");
  const auto names = names_page();
  const auto known = std::ranges::find(names, asked, &NameSection::name);
  if (known != names.end()) {
    print_out(is_json ? name_json(*known) : name_text(*known));
    return exit_code::done;
  }
  const auto session = Session::open(environment, arguments);
  if (!session.ok()) {
    print_error(nothing_found(asked, names));
    return print_error(session.error());
  }
  const auto rules = find_rule(**session, asked);
  if (!rules.ok()) return print_error(rules.error());
  if (rules->empty()) return print_error(nothing_found(asked, names));
  for (const FoundRule& found : *rules) print_out(is_json ? rule_json(found) : rule_text(found));
  return exit_code::done;
}

}  // namespace

int run_explain(const Environment& environment, CommandArguments arguments) {
  return with_arguments(explain_spec(), arguments,
                        [&](const Arguments& parsed) { return explain(environment, parsed); });
}

}  // namespace reeve::cli
