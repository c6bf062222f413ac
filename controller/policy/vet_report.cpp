#include "controller/policy/vet_report.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "controller/policy/source_text.h"

namespace reeve {
namespace {

using nlohmann::json;

Verdict read_verdict(std::string_view line) {
  const json object = json::parse(line);
  return {.rule = object.at("rule").get<std::string>(),
          .refused = object.at("verdict").get<std::string>() == "refused",
          .name = object.at("error").get<std::string>(),
          .detail = object.at("detail").get<std::string>()};
}

}  // namespace

Result<std::vector<Verdict>> parse_verdicts(std::string_view lines) {
  std::vector<Verdict> out;
  try {
    while (!lines.empty()) {
      const auto end = std::min(lines.find('\n'), lines.size());
      out.push_back(read_verdict(lines.substr(0, end)));
      lines.remove_prefix(std::min(end + 1, lines.size()));
    }
  } catch (const std::exception& error) {
    return Error{.name = "vet_failed", .detail = error.what()};
  }
  return out;
}

std::vector<std::vector<SourceError>> errors_of_verdicts(const std::vector<SourceFile>& files,
                                                         const CompileOutcome& outcome,
                                                         const std::vector<Verdict>& verdicts) {
  std::vector<Report> reports;
  for (const SourceFile& file : files) reports.emplace_back(file.name);
  const auto& rules = outcome.bundle->rules;
  for (const Verdict& verdict : verdicts) {
    const auto rule = std::ranges::find(rules, verdict.rule, &Rule::id);
    if (!verdict.refused || rule == rules.end()) continue;
    const RulePlace& place = outcome.places[static_cast<std::size_t>(rule - rules.begin())];
    reports[place.file].add(place.at, {.name = verdict.name,
                                       .found = verdict.detail,
                                       .expected = "a rule that its kind accepts"});
  }
  std::vector<std::vector<SourceError>> out;
  for (std::size_t i = 0; i < files.size(); ++i) {
    out.push_back(reports[i].finish(without_byte_order_mark(files[i].content)));
  }
  return out;
}

}  // namespace reeve
