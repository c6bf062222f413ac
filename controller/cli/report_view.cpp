#include "controller/cli/report_view.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/text.h"
#include "controller/cli/json.h"
#include "controller/cli/terminal.h"
#include "controller/cli/times.h"

namespace reeve::cli {
namespace {

Colour colour_for(Standing standing) {
  switch (standing) {
    case Standing::compliant:
      return Colour::green;
    case Standing::deviating:
      return Colour::red;
    default:
      return Colour::yellow;
  }
}

bool is_a_period(const Report& report) { return report.since_wall_ns < report.at_wall_ns; }

std::string what_was_read(const Report& report) {
  std::string out = fmt::format("{} read and verified here", counted(report.records, "record"));
  if (report.unproven > 0) out += fmt::format("; {} not proven and not counted", report.unproven);
  if (report.withheld > 0)
    out += fmt::format("; {} without a body any more, and not counted", report.withheld);
  if (report.unread_policies > 0)
    out += fmt::format("; {} in force that the controller does not have any more",
                       counted(report.unread_policies, "policy file"));
  return out;
}

std::string line_of(const ControlStanding& one, std::size_t control_width, bool period) {
  std::string out = fmt::format(
      "{} {} {} {:>5}", padded(printable(one.control), control_width), fit(printable(one.node), 16),
      coloured(padded(name_of(one.standing), 11), colour_for(one.standing)), one.rules.size());
  if (period)
    out += fmt::format(" {:>9} {:>9}", one.exposures.size(),
                       one.exposed_ns > 0 ? duration_text(one.exposed_ns) : std::string("-"));
  return out + "\n";
}

std::string rule_lines(const ControlStanding& one) {
  std::string out;
  for (const RuleStanding& rule : one.rules) {
    if (rule.standing() == Standing::compliant) continue;
    out += fmt::format("    {} {}: {}{}, {}\n", printable(rule.policy), printable(rule.rule),
                       name_of(rule.state), rule.has_open_incident ? ", an incident is open" : "",
                       printable(rule.owner));
  }
  return out;
}

std::string doubt_lines(const Report& report) {
  std::string out;
  for (const auto& [host, doubt] : report.doubts)
    out += fmt::format("{}: not known: {}\n", printable(host), doubt);
  return out;
}

std::string no_controls(const Report& report) {
  std::string out = doubt_lines(report);
  for (const auto& [host, evidence] : report.hosts)
    if (!evidence) out += fmt::format("{}: no evidence\n", printable(host));
  return out + "No rule that is known to be in force names a control.\n";
}

std::size_t widest_control(const Report& report) {
  std::size_t width = 12;
  for (const ControlStanding& one : report.controls)
    width = std::max(width, width_of(printable(one.control)));
  return width;
}

std::string quoted(std::string_view text) {
  // A cell that begins so would be a formula to a spreadsheet.
  const bool is_formula =
      !text.empty() && std::string_view("=+-@\t\r").find(text.front()) != std::string_view::npos;
  std::string out = is_formula ? "\"'" : "\"";
  for (const char c : text) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + "\"";
}

std::string csv_line(const std::vector<std::string>& cells) {
  std::string out;
  for (const std::string& cell : cells) out += (out.empty() ? "" : ",") + quoted(cell);
  return out + "\r\n";
}

std::string time_cell(std::int64_t wall_ns) {
  return wall_ns == 0 ? std::string() : moment_text(wall_ns);
}

JsonObject rule_json(const RuleStanding& rule) {
  JsonObject out;
  out.text("policy", rule.policy)
      .text("rule", rule.rule)
      .text("title", rule.title)
      .text("owner", rule.owner)
      .text("severity", name_of(rule.severity))
      .text("state", name_of(rule.state))
      .claim("incident_open", rule.has_open_incident);
  return out;
}

std::string control_json(const ControlStanding& one, const Report& report) {
  std::string rules;
  for (const RuleStanding& rule : one.rules)
    rules += (rules.empty() ? "" : ",") + rule_json(rule).object();
  JsonObject out;
  out.text("type", "control")
      .text("control", one.control)
      .text("node", one.node)
      .text("standing", name_of(one.standing))
      .raw("rules", "[" + rules + "]")
      .natural("incidents", one.exposures.size())
      .number("exposed_ns", one.exposed_ns);
  if (const auto doubt = report.doubts.find(one.node); doubt != report.doubts.end())
    out.text("doubt", doubt->second);
  if (const auto& evidence = report.hosts.at(one.node)) {
    out.text("evidence", evidence->record);
    add_time(out, "sealed", evidence->sealed_wall_ns);
    out.natural("policy_version", evidence->version)
        .text("manifest", hex(evidence->manifest.view()));
  } else {
    out.null("evidence");
  }
  return out.line();
}

std::string exposure_json(const Exposure& one) {
  JsonObject out;
  out.text("type", "incident")
      .text("node", one.node)
      .text("policy", one.policy)
      .text("rule", one.rule)
      .text("object", one.object)
      .text("owner", one.owner)
      .text("severity", name_of(one.severity))
      .text("outcome", one.outcome)
      .text("program", one.program)
      .text("record", one.record);
  add_time(out, "from", one.from_wall_ns);
  add_time(out, "until", one.until_wall_ns);
  return out.line();
}

}  // namespace

Standing worst_of(const Report& report) {
  Standing worst = Standing::compliant;
  for (const ControlStanding& one : report.controls) worst = std::max(worst, one.standing);
  for (const auto& [host, evidence] : report.hosts)
    if (!evidence) worst = Standing::no_evidence;
  if (!report.doubts.empty() || report.unread_policies > 0)
    worst = std::max(worst, Standing::unknown);
  return report.controls.empty() ? std::max(worst, Standing::not_covered) : worst;
}

std::string report_text(const ReportHead& head, const Report& report) {
  const bool period = is_a_period(report);
  std::string out =
      fmt::format("Controls of {} at {}\n", printable(head.fleet), moment_text(report.at_wall_ns));
  if (period) out += fmt::format("incidents since {}\n", moment_text(report.since_wall_ns));
  out += fmt::format("{}; ledger of {} leaves\n\n", what_was_read(report), head.tree_size);
  if (report.controls.empty()) return out + no_controls(report);
  const std::size_t width = widest_control(report);
  out += fmt::format("{} {:<16} {:<11} RULES{}\n", padded("CONTROL", width), "HOST", "STANDING",
                     period ? " INCIDENTS   EXPOSED" : "");
  for (const ControlStanding& one : report.controls)
    out += line_of(one, width, period) + rule_lines(one);
  if (!report.doubts.empty()) out += "\n" + doubt_lines(report);
  if (!head.proofs.empty())
    out += fmt::format("\nproofs: reeve ledger verify {}/HOST.proof\n", printable(head.proofs));
  return out;
}

std::string report_csv(const Report& report) {
  std::string out = csv_line({"control", "host", "standing", "policy", "rule", "state", "severity",
                              "owner", "incident_open", "incidents", "exposed_seconds", "evidence",
                              "sealed", "policy_version"});
  for (const ControlStanding& one : report.controls) {
    const auto& evidence = report.hosts.at(one.node);
    const std::vector<std::string> rest{
        fmt::format("{}", one.exposures.size()),
        fmt::format("{:.3f}", static_cast<double>(one.exposed_ns) / 1e9),
        evidence ? evidence->record : std::string(),
        evidence ? time_cell(evidence->sealed_wall_ns) : std::string(),
        evidence ? fmt::format("{}", evidence->version) : std::string()};
    std::vector<RuleStanding> rules = one.rules;
    if (rules.empty()) rules.emplace_back();
    for (const RuleStanding& rule : rules) {
      const bool is_any = !one.rules.empty();
      std::vector<std::string> cells{one.control,
                                     one.node,
                                     std::string(name_of(one.standing)),
                                     rule.policy,
                                     rule.rule,
                                     is_any ? std::string(name_of(rule.state)) : "",
                                     is_any ? std::string(name_of(rule.severity)) : "",
                                     rule.owner,
                                     is_any && rule.has_open_incident ? "yes" : ""};
      cells.insert(cells.end(), rest.begin(), rest.end());
      out += csv_line(cells);
    }
  }
  return out;
}

std::string report_json(const ReportHead& head, const Report& report) {
  JsonObject first;
  first.text("type", "report").text("fleet", head.fleet);
  add_time(first, "made", head.made_wall_ns);
  add_time(first, "at", report.at_wall_ns);
  add_time(first, "since", is_a_period(report) ? report.since_wall_ns : 0);
  first.text("standing", name_of(worst_of(report)))
      .natural("records", report.records)
      .natural("unproven", report.unproven)
      .natural("withheld", report.withheld)
      .natural("tree_size", head.tree_size)
      .text("tree_root", hex(head.tree_root.view()));
  std::string out = first.line();
  for (const ControlStanding& one : report.controls) out += control_json(one, report);
  for (const Exposure& one : report.exposures) out += exposure_json(one);
  return out;
}

}  // namespace reeve::cli
