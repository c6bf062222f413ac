// reeve report: how controls stand on each host at an instant, and what deviated before it, from
// the ledger alone. Each record is verified on this machine; what is not proven counts for nothing.
#include <fmt/format.h>

#include <algorithm>

#include "common/text.h"
#include "controller/cli/bundle_fetch.h"
#include "controller/cli/cli_limits.h"
#include "controller/cli/files.h"
#include "controller/cli/ledger_view.h"
#include "controller/cli/node_list.h"
#include "controller/cli/options.h"
#include "controller/cli/record_stream.h"
#include "controller/cli/report_view.h"
#include "controller/cli/terminal.h"
#include "controller/cli/times.h"

namespace reeve::cli {
namespace {

CommandSpec report_spec() {
  return {.name = "report",
          .usage = "[--control ID]... [--node NODE] [--at TIME] [--since TIME] [--format FORMAT]",
          .details =
              "Shows how each control stood on each host at an instant, from what the hosts\n"
              "themselves signed: the newest record of how their rules stand, and incidents\n"
              "that were open then. With --since also what deviated in between, for how long,\n"
              "and who answers for it. Each record is verified on this machine. A host that\n"
              "signed nothing within two hours before the instant has no evidence.\n"
              "Exit: 0 all are compliant, 2 some are not or not known, 1 could not ask.",
          .options = {{"control", "ID", "only this one, as rules name it; may be repeated"},
                      {"node", "NODE", "only this host"},
                      {"at", "TIME", "the instant, by the hosts' clocks; else now"},
                      {"since", "TIME", "30m, 7d, or a time: incidents from then on"},
                      {"format", "FORMAT", "text, html, csv or json; else text"},
                      {"out,o", "FILE", "where to write it; else standard output"},
                      json_option(),
                      fleet_option()}};
}

Error usage_error(std::string detail) {
  return Error{.name = "usage", .detail = std::move(detail), .next = "reeve report --help"};
}

struct Wishes {
  std::vector<std::string> controls;
  std::string node;
  std::int64_t at_wall_ns = 0;
  std::int64_t since_wall_ns = 0;
  std::string format;
  bool is_past = false;  // another instant than now was asked for
};

Result<Wishes> read_wishes(const Arguments& arguments, std::int64_t now_wall_ns) {
  Wishes out;
  out.controls = arguments.values("control");
  out.node = arguments.value("node").value_or("");
  out.at_wall_ns = now_wall_ns;
  if (const auto at = arguments.value("at")) {
    const auto moment = parse_since(*at, now_wall_ns);
    if (!moment.ok()) return moment.error();
    out.at_wall_ns = std::min(*moment, now_wall_ns);
    out.is_past = true;
  }
  out.since_wall_ns = out.at_wall_ns;
  if (const auto since = arguments.value("since")) {
    const auto moment = parse_since(*since, now_wall_ns);
    if (!moment.ok()) return moment.error();
    out.since_wall_ns = *moment;
  }
  if (out.since_wall_ns > out.at_wall_ns) return usage_error("--since is after --at");
  out.format = arguments.value("format").value_or(arguments.has("json") ? "json" : "text");
  const bool is_known =
      out.format == "text" || out.format == "html" || out.format == "csv" || out.format == "json";
  if (!is_known) return usage_error(fmt::format("`{}` is no format", printable(out.format)));
  return out;
}

Result<std::vector<ReportHost>> ask_hosts(Session& session, const Wishes& wishes) {
  const auto nodes = ask_expected_nodes(session);
  if (!nodes.ok()) return nodes.error();
  std::vector<ReportHost> out;
  const bool is_now = !wishes.is_past;
  const auto add = [&](const SeenNode& node) {
    ReportHost host{node.certificate ? node.certificate->node : NodeId{}, node.name(), {}, is_now};
    const bool is_fresh_now =
        node.heartbeat && node.unproven.empty() && is_fresh(*node.heartbeat, session.now_wall_ns());
    if (is_fresh_now) host.deviating = sum_rules(*node.heartbeat).deviating;
    out.push_back(std::move(host));
  };
  if (wishes.node.empty()) {
    for (const SeenNode& node : *nodes) add(node);
    return out;
  }
  const SeenNode* meant = meant_node(*nodes, wishes.node);
  if (meant == nullptr)
    return Error{.name = "unknown_node",
                 .detail = fmt::format("no node is called {}", printable(wishes.node)),
                 .next = "see reeve status for the nodes that are enrolled"};
  add(*meant);
  return out;
}

// What was stored since is at least what was sealed since, and what came late.
Result<ReportFacts> gather(Session& session, const Wishes& wishes,
                           const std::vector<ReportHost>& hosts) {
  Value::Map filter;
  if (!wishes.node.empty()) filter.emplace_back("node", hosts.front().name);
  const std::int64_t from = wishes.since_wall_ns - limits::report_evidence_ns;
  if (from > 0) filter.emplace_back("since", from);
  ReportFacts facts(wishes.since_wall_ns, wishes.at_wall_ns);
  RecordStream stream(session, std::move(filter));
  REEVE_TRY(stream.catch_up([&](const SeenRecord& seen) { facts.take(seen); }));
  return facts;
}

// What the controller does not have any more is left out.
Result<std::map<Digest, Bundle>> ask_bundles(Session& session, const ReportFacts& facts) {
  std::map<Digest, Bundle> out;
  for (const Digest& digest : facts.bundles()) {
    const auto bytes = fetch_bundle(session, digest);
    if (!bytes.ok() && bytes.error().name == "unknown_bundle") continue;
    if (!bytes.ok()) return bytes.error();
    auto bundle = decode_bundle(*bytes);
    if (!bundle.ok()) return bundle.error();
    out.emplace(digest, *std::move(bundle));
  }
  return out;
}

// What a host signed counts where it stands in the ledger whose head is shown.
Status prove_evidence(Session& session, const SeenLedger& ledger, ReportFacts& facts) {
  for (const auto& [host, evidence] : facts.evidence()) {
    const auto items = session.controller().request("show", {{"record", evidence.record}});
    if (!items.ok()) return items.error();
    if (items->size() != 2)
      return Error{.name = "malformed", .detail = "not a record and its place"};
    Fields fields((*items)[1], "place in the ledger");
    const std::string note = fields.text("checkpoint");
    const auto path = read_path(fields, "inclusion");
    if (!path.ok()) return path.error();
    REEVE_TRY(fields.finish(UnknownFields::keep));
    const auto place =
        judge_inclusion(note, evidence.leaf_hash, evidence.leaf, *path, session.fleet().root);
    if (!place.ok()) {
      print_err(error_text(place.error()));
      facts.refute(host);
    } else if (place->tree != ledger.checkpoint.tree) {
      REEVE_TRY(require_in_ledger(session, place->tree));
    }
  }
  return {};
}

std::string shown_as(const std::string& format, const ReportHead& head, const Report& report) {
  if (format == "html") return report_html(head, report);
  if (format == "csv") return report_csv(report);
  return format == "json" ? report_json(head, report) : report_text(head, report);
}

Result<int> make_report(Session& session, const Arguments& arguments) {
  const auto wishes = read_wishes(arguments, session.now_wall_ns());
  if (!wishes.ok()) return wishes.error();
  REEVE_TRY(session.take_up_roots());
  const auto hosts = ask_hosts(session, *wishes);
  if (!hosts.ok()) return hosts.error();
  auto facts = gather(session, *wishes, *hosts);
  if (!facts.ok()) return facts.error();
  const auto ledger = ask_ledger(session);
  if (!ledger.ok()) return ledger.error();
  const auto bundles = ask_bundles(session, *facts);
  if (!bundles.ok()) return bundles.error();
  REEVE_TRY(prove_evidence(session, *ledger, *facts));
  const Report report = facts->report(*hosts, *bundles, wishes->controls);
  const ReportHead head{session.fleet().root.origin,
                        session.now_wall_ns(),
                        ledger->checkpoint.tree.size,
                        ledger->checkpoint.tree.root,
                        {}};
  const std::string text = shown_as(wishes->format, head, report);
  const auto file = arguments.value("out");
  if (!file) print_out(text);
  if (file) REEVE_TRY(write_file(*file, view_of(text)));
  const bool is_proven = report.unproven == 0;
  return worst_of(report) == Standing::compliant && is_proven ? exit_code::done
                                                              : exit_code::deviations;
}

int run(const Environment& environment, const Arguments& arguments) {
  const auto session = Session::open(environment, arguments);
  if (!session.ok()) return print_error(session.error());
  const auto done = make_report(**session, arguments);
  return done.ok() ? *done : print_error(done.error());
}

}  // namespace

int run_report(const Environment& environment, CommandArguments arguments) {
  return with_arguments(report_spec(), arguments,
                        [&](const Arguments& parsed) { return run(environment, parsed); });
}

}  // namespace reeve::cli
