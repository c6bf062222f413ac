// What a push is to do, from its command line: bundles and for whom, stages, how long to wait.
#pragma once

#include "controller/cli/options.h"
#include "controller/cli/push_sources.h"

namespace reeve::cli {

struct TargetedBundle {
  BuiltBundle bundle;
  Selector selector;
};

struct Order {
  std::vector<TargetedBundle> bundles;  // sorted by policy
  std::string source_revision;
  std::vector<Stage> stages;
};

// "FILE" or "FILE@LABEL=VALUE,...": a file of that whole name is meant first. Error `usage`.
struct Target {
  std::string path;
  Selector selector;
};
Result<Target> parse_target(const std::string& operand, const Selector& otherwise);
// "5%", "5%@now,10%@+1h", "10%@2026-01-01T00:00:00Z", in ascending order. Errors: `usage`,
// `promotion_needed` (more than a tenth, and not at once).
Result<std::vector<Stage>> parse_stages(std::string_view text, std::int64_t now_s);
// What --wait says, else a minute.
Result<std::int64_t> wait_of(const Arguments& arguments);

// Reads, lints and compiles. What is wrong in policy has been told when `policy_refused` comes
// back; errors: that, `usage`, `promotion_needed`.
Result<Order> order_of(const Arguments& arguments, std::int64_t now_s);
// The manifest of it, with neither version nor fleet.
Manifest manifest_of(const Order& order, std::int64_t now_s);
// The same bundles for a larger share of the nodes, as the next version. Error
// `nothing_to_promote`.
Result<Manifest> promoted(const Manifest& in_force, const std::vector<Stage>& stages,
                          std::int64_t now_s);

}  // namespace reeve::cli
