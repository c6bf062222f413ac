// Words about what changes: between two bundles, and from the manifest in force to a draft. Pure
// functions, but for colour where a terminal wants it.
#pragma once

#include "controller/cli/draft.h"
#include "controller/policy/bundle_diff.h"

namespace reeve::cli {

std::string diff_text(const BundleDiff& diff);
std::string diff_json(const BundleDiff& diff);  // one object a rule and line

// "every host", "hosts with role=web or db and zone=a", alternatives with " or ".
std::string selector_text(const Selector& selector);
// "at once", "5.00 % from 2026-01-01 00:00:00 UTC, then 10.00 % from ...".
std::string stages_text(const std::vector<Stage>& stages);

// All that somebody should see before signing: version, source, expiry, signatures so far, and
// policy by policy for whom and what changes.
std::string draft_text(const ReadDraft& draft, const Root& root);

}  // namespace reeve::cli
