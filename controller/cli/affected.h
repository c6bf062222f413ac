// Which hosts a manifest speaks to, by its selectors and the labels of certificates that the root
// vouches for. Pure functions.
#pragma once

#include "controller/cli/verify.h"

namespace reeve::cli {

// A line a policy: "  baseline: 12 of 14 hosts: db1 db2 ...", names cut short beyond `columns`.
std::string affected_text(const Manifest& manifest, const std::vector<SeenNode>& nodes,
                          std::size_t columns);
// The names of proven nodes whose labels match.
std::vector<std::string> matching_names(const Selector& selector,
                                        const std::vector<SeenNode>& nodes);

}  // namespace reeve::cli
