// One page that needs nothing else: no script, no font, no link to anywhere. On paper it has its
// own rules. Every text passes through escaped().
#include <fmt/format.h>

#include "common/text.h"
#include "controller/cli/report_view.h"
#include "controller/cli/terminal.h"
#include "controller/cli/times.h"

namespace reeve::cli {
namespace {

constexpr std::string_view style = R"(
body { font: 14px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem;
  padding: 0 1rem; color: #1b1f24; }
h1 { font-size: 1.5rem; margin-bottom: .2rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
p.head { color: #57606a; margin-top: 0; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid #d0d7de;
  vertical-align: top; }
th { background: #f6f8fa; } td.n { text-align: right; }
code { font-size: 12px; overflow-wrap: anywhere; }
.compliant { color: #116329; } .deviating { color: #a40e26; font-weight: 600; }
.unknown, .no_evidence, .not_covered { color: #7d4e00; font-weight: 600; }
.rule { color: #57606a; font-size: 13px; }
@media print {
  body { margin: 0; max-width: none; font-size: 11px; }
  thead { display: table-header-group; } tr { break-inside: avoid; }
}
)";

// Printable first, so that no byte is left that a reader would not show.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : printable(text)) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string standing_cell(Standing standing) {
  return fmt::format("<td class=\"{0}\">{1}</td>", name_of(standing),
                     standing == Standing::no_evidence   ? "no evidence"
                     : standing == Standing::not_covered ? "no rule"
                                                         : name_of(standing));
}

std::string rules_cell(const ControlStanding& one) {
  std::string out;
  for (const RuleStanding& rule : one.rules)
    out += fmt::format(
        "<div><code>{}</code> <span class=\"{}\">{}{}</span> <span "
        "class=\"rule\">{}{}</span></div>",
        escaped(rule.policy + " " + rule.rule), name_of(rule.standing()), name_of(rule.state),
        rule.has_open_incident ? ", an incident is open" : "",
        escaped(rule.title.empty() ? rule.owner : rule.title + "; "),
        rule.title.empty() ? std::string() : escaped(rule.owner));
  return "<td>" + out + "</td>";
}

std::string controls_table(const Report& report) {
  std::string out =
      "<h2>Controls</h2>\n<table><thead><tr><th>Control<th>Host<th>Standing<th>Rules"
      "<th>Incidents<th>Exposed</tr></thead>\n<tbody>\n";
  for (const ControlStanding& one : report.controls)
    out += fmt::format(
        "<tr><td>{}</td><td>{}</td>{}{}<td class=\"n\">{}</td><td "
        "class=\"n\">{}</td></tr>\n",
        escaped(one.control), escaped(one.node), standing_cell(one.standing), rules_cell(one),
        one.exposures.size(),
        one.exposed_ns > 0 ? duration_text(one.exposed_ns) : std::string("-"));
  return out + "</tbody></table>\n";
}

std::string incidents_table(const Report& report) {
  if (report.exposures.empty()) return "<h2>Incidents</h2>\n<p>None.</p>\n";
  std::string out =
      "<h2>Incidents</h2>\n<table><thead><tr><th>From<th>Exposed<th>Host<th>Rule<th>Object"
      "<th>Outcome<th>Done by<th>Answers for it<th>Record</tr></thead>\n<tbody>\n";
  for (const Exposure& one : report.exposures)
    out += fmt::format(
        "<tr><td>{}</td><td class=\"n\">{}</td><td>{}</td><td><code>{}</code></td>"
        "<td><code>{}</code></td><td>{}</td><td>{}</td><td>{}</td><td><code>{}</code></td></tr>\n",
        moment_text(one.from_wall_ns),
        one.until_wall_ns == 0 ? std::string("open")
                               : duration_text(one.until_wall_ns - one.from_wall_ns),
        escaped(one.node), escaped(one.policy + " " + one.rule), escaped(one.object),
        escaped(one.outcome), escaped(one.program), escaped(one.owner), escaped(one.record));
  return out + "</tbody></table>\n";
}

std::string evidence_words(const Report& report, const std::string& node,
                           const std::string& record) {
  const auto doubt = report.doubts.find(node);
  if (doubt == report.doubts.end()) return escaped(record);
  return escaped(record) + "</code><div class=\"unknown\">" + escaped(doubt->second) +
         "</div><code>";
}

std::string evidence_table(const ReportHead& head, const Report& report) {
  std::string out =
      "<h2>Evidence</h2>\n<p>What each host itself signed last before that instant, and which "
      "policy it spoke of.</p>\n<table><thead><tr><th>Host<th>Record<th>Sealed<th>Policy"
      "<th>Manifest</tr></thead>\n<tbody>\n";
  for (const auto& [node, evidence] : report.hosts) {
    if (!evidence) {
      out += fmt::format(
          "<tr><td>{}</td><td colspan=\"4\" class=\"no_evidence\">none within two "
          "hours before</td></tr>\n",
          escaped(node));
      continue;
    }
    out += fmt::format(
        "<tr><td>{}</td><td><code>{}</code></td><td>{}</td><td class=\"n\">{}</td>"
        "<td><code>{}</code></td></tr>\n",
        escaped(node), evidence_words(report, node, evidence->record),
        moment_text(evidence->sealed_wall_ns), evidence->version, hex(evidence->manifest.view()));
  }
  out += "</tbody></table>\n<h2>How to check this</h2>\n";
  if (!head.proofs.empty())
    out += fmt::format(
        "<p>Each record above has a proof in <code>{0}</code>: <code>reeve ledger verify "
        "{0}/HOST.proof</code> needs nothing but that file and the fleet&#39;s root.</p>\n",
        escaped(head.proofs));
  else
    out +=
        "<p><code>reeve show RECORD</code> and <code>reeve ledger prove RECORD -o FILE</code> "
        "give each record and its proof.</p>\n";
  return out;
}

}  // namespace

std::string report_html(const ReportHead& head, const Report& report) {
  const std::string title = "Controls of " + escaped(head.fleet);
  std::string out = "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n<title>" +
                    title + "</title>\n<style>" + std::string(style) + "</style></head><body>\n";
  out += fmt::format("<h1>{}</h1>\n<p class=\"head\">at {}{}; made {}</p>\n", title,
                     moment_text(report.at_wall_ns),
                     report.since_wall_ns < report.at_wall_ns
                         ? ", incidents since " + moment_text(report.since_wall_ns)
                         : std::string(),
                     moment_text(head.made_wall_ns));
  out += fmt::format(
      "<p>{} read from the ledger and verified; {} not proven and {} without a body were not "
      "counted. Ledger of {} leaves, root <code>{}</code>.</p>\n",
      counted(report.records, "record"), report.unproven, report.withheld, head.tree_size,
      hex(head.tree_root.view()));
  out += controls_table(report) + incidents_table(report) + evidence_table(head, report);
  return out + "</body></html>\n";
}

}  // namespace reeve::cli
