#include "controller/cli/ledger_check.h"

#include <fmt/format.h>

#include "common/ledger_recovery.h"
#include "common/limits.h"
#include "common/paths.h"
#include "common/text.h"
#include "controller/audit/stored_ledger.h"
#include "controller/cli/commands.h"
#include "controller/cli/files.h"
#include "controller/cli/fleet.h"
#include "controller/cli/proof_view.h"
#include "controller/cli/terminal.h"

namespace reeve::cli {
namespace {

// What this machine has believed of the ledger before, where there is a fleet directory.
std::vector<Checkpoint> seen_before(const Arguments& arguments, const std::vector<Root>& roots) {
  const auto fleet = open_fleet_offline(arguments);
  if (!fleet.ok()) return {};
  const auto note = read_file(fleet->path(paths::fleet_checkpoint), limits::checkpoint_bytes_max);
  if (!note.ok()) return {};
  for (const Root& root : roots) {
    const auto seen = verify_ledger_checkpoint(text_of(*note), root);
    if (seen.ok()) return {*seen};
  }
  return {};
}

Result<LedgerAudit> audit(const Arguments& arguments, const std::string& path) {
  auto roots = roots_to_trust(arguments);
  if (!roots.ok()) return roots.error();
  const auto ledger = StoredLedger::open(path, arguments.value("log").value_or(""));
  if (!ledger.ok()) return ledger.error();
  AuditTrust trust{*std::move(roots), {}};
  trust.seen = seen_before(arguments, trust.roots);
  const bool shows_progress = out_is_terminal() && !arguments.has("json");
  auto outcome =
      audit_ledger((*ledger)->store(), (*ledger)->published(), trust, [&](std::uint64_t leaf) {
        if (shows_progress) print_err(fmt::format("\rleaf {}", leaf));
      });
  if (shows_progress) print_err("\r                         \r");
  REEVE_TRY((*ledger)->require_unchanged());
  return outcome;
}

std::string fault_text(const LedgerFault& fault) {
  return fault.until - fault.leaf <= 1
             ? fmt::format("leaf {}: {}", fault.leaf, fault.error.detail)
             : fmt::format("leaves {} to {}: {}", fault.leaf, fault.until - 1, fault.error.detail);
}

int print_fault(const LedgerFault& fault, const Arguments& arguments) {
  if (arguments.has("json")) {
    print_out(JsonObject()
                  .claim("holds", false)
                  .natural("first_bad", fault.leaf)
                  .natural("until", fault.until)
                  .text("error", fault.error.name)
                  .text("detail", fault.error.detail)
                  .line());
  }
  Error error = fault.error;
  error.detail = fault_text(fault);
  if (error.next.empty())
    error.next = "keep this copy as evidence, and compare it with a backup and with what was seen";
  print_error(error);
  return exit_code::deviations;
}

std::string audit_page(const LedgerAudit& audit) {
  std::string out = fmt::format("{}: everything that is stored holds\n",
                                audit.origin.empty() ? "the empty ledger" : audit.origin);
  out += field_lines("leaves", fmt::format("{}, of them {} batches with {} records of {}",
                                           audit.tree.size, audit.counts.batches,
                                           audit.counts.records, counted(audit.nodes, "node")));
  if (audit.counts.withheld > 0) {
    out +=
        field_lines("bodies", fmt::format("body withheld: {} of {} batches, the first is leaf {}",
                                          audit.counts.withheld_records, audit.counts.withheld,
                                          *audit.counts.first_withheld));
  }
  out += field_lines("tree", hex(audit.tree.root.view()));
  out += field_lines("published", audit.published ? fmt::format("{} leaves, in tiles and entries",
                                                                *audit.published)
                                                  : "nothing here");
  return out + field_lines("root", fmt::format("version {}", audit.root_version));
}

std::string audit_json(const LedgerAudit& audit) {
  JsonObject out;
  out.claim("holds", true)
      .text("origin", audit.origin)
      .natural("size", audit.tree.size)
      .text("root", hex(audit.tree.root.view()))
      .natural("batches", audit.counts.batches)
      .natural("records", audit.counts.records)
      .natural("nodes", audit.nodes)
      .natural("withheld", audit.counts.withheld)
      .natural("withheld_records", audit.counts.withheld_records)
      .natural("root_version", audit.root_version);
  if (audit.counts.first_withheld) out.natural("first_withheld", *audit.counts.first_withheld);
  if (audit.published) out.natural("published", *audit.published);
  return out.text("note", audit.checkpoint).line();
}

}  // namespace

int verify_all(const Arguments& arguments, const std::string& path) {
  const auto outcome = audit(arguments, path);
  if (!outcome.ok()) {
    // What SQLite itself finds broken was changed as well; only which leaf nobody can say.
    if (outcome.error().name == "store_damaged") return print_refuted(outcome.error(), arguments);
    return print_error(outcome.error());
  }
  if (outcome->fault) return print_fault(*outcome->fault, arguments);
  print_out(arguments.has("json") ? audit_json(*outcome) : audit_page(*outcome));
  return exit_code::done;
}

}  // namespace reeve::cli
