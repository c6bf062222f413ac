// reeve-agent why: which rules in force speak about a path or a port, and what each would do.
#include <fmt/format.h>

#include "agent/commands/commands.h"
#include "agent/control.h"
#include "common/text.h"

namespace reeve {
namespace {

std::string course_words(const Value& told) {
  const std::string would = text_at(told, "would");
  const std::string because = text_at(told, "because");
  const std::string words = would == "put_right" ? "is put right"
                            : would == "wait"    ? "waits"
                                                 : "is reported only";
  return because.empty() ? words : fmt::format("{} ({})", words, printable(because));
}

void print_rule(const Value& rule) {
  print(fmt::format("{}/{}  {}\n", printable(text_at(rule, "policy")),
                    printable(text_at(rule, "rule")), printable(text_at(rule, "title"))));
  print(
      fmt::format("  wants    {} {}\n", text_at(rule, "kind"), printable(text_at(rule, "wants"))));
  print(fmt::format("  state    {}, mode {}, severity {}, owner {}\n", text_at(rule, "state"),
                    text_at(rule, "mode"), text_at(rule, "severity"),
                    printable(text_at(rule, "owner"))));
  if (const std::string error = text_at(rule, "error"); !error.empty())
    print(fmt::format("  unseen   {}: {}\n", printable(error), printable(text_at(rule, "detail"))));
  for (const Value& one : items_at(rule, "deviations"))
    print(fmt::format("  now      {}: found {}, wanted {}; it {}\n",
                      printable(text_at(one, "object")), printable(text_at(one, "found")),
                      printable(text_at(one, "desired")), course_words(one)));
  if (items_at(rule, "deviations").empty() && text_at(rule, "error").empty())
    print(fmt::format("  now      it holds; what deviates {}\n", course_words(rule)));
}

}  // namespace

int show_why(const Options& options) {
  const auto answer = ask_agent(options.state, "why", {{"subject", Value::name(options.subject)}});
  if (!answer.ok()) return tell_error(answer.error());
  bool holds = true;
  for (const Value& rule : items_at(*answer, "rules")) {
    holds = holds && items_at(rule, "deviations").empty();
    if (options.is_json)
      print(json_of(rule) + "\n");
    else
      print_rule(rule);
  }
  const std::string more = text_at(*answer, "more");
  if (!options.is_json && items_at(*answer, "rules").empty())
    print(fmt::format("No rule in force here speaks about {}.\n", printable(options.subject)));
  if (!options.is_json && more != "0")
    print(fmt::format("{} more rules speak about it and were not looked at.\n", more));
  return holds ? 0 : 2;
}

}  // namespace reeve
