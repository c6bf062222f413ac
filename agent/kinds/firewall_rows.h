// Rows of `inbound` and `forbid` as values, and the table body that each becomes. The same rows
// give the same text, whatever their order within a list: ports and networks are merged and sorted,
// so that nft never meets overlapping intervals. Pure functions.
#pragma once

#include "common/network_text.h"
#include "common/policy.h"

namespace reeve {

struct TrafficRow {
  std::string protocol;          // one of the choices in firewall.cpp
  std::vector<PortRange> ports;  // none: every port
  std::vector<Network> from;     // none: from anywhere
  std::string interface;         // empty: any; may end in "*"
};

// Rows that passed the table's checks of types. Errors: `invalid_rule` with the field's name.
Result<std::vector<TrafficRow>> read_rows(const Rule& rule, std::string_view field);

// nft's syntax, between the braces of one table of family inet.
std::string inbound_body(const std::vector<TrafficRow>& rows);
std::string forbid_body(const std::vector<TrafficRow>& rows);

}  // namespace reeve
