// How a report looks: as text, as one page of HTML that prints well and needs nothing else, as CSV
// (RFC 4180) and as one JSON object a line. Whatever came from elsewhere is made safe here.
#pragma once

#include "controller/cli/report_facts.h"

namespace reeve::cli {

// What stands above a report: whose it is and what it rests on.
struct ReportHead {
  std::string fleet;  // the root's origin
  std::int64_t made_wall_ns = 0;
  std::uint64_t tree_size = 0;  // of the checkpoint that the ledger was seen at
  Digest tree_root;
  std::string proofs;  // the directory that holds a proof of each host's record, or empty
};

std::string report_text(const ReportHead& head, const Report& report);
std::string report_html(const ReportHead& head, const Report& report);
std::string report_csv(const Report& report);
std::string report_json(const ReportHead& head, const Report& report);

// The worst standing of all: of every control, and of every host without evidence.
Standing worst_of(const Report& report);

}  // namespace reeve::cli
