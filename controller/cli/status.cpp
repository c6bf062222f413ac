// reeve status: how the fleet stands, by heartbeats that nodes signed and this machine verified.
#include <fmt/format.h>

#include <algorithm>

#include "common/text.h"
#include "controller/cli/node_list.h"
#include "controller/cli/node_view.h"
#include "controller/cli/terminal.h"
#include "controller/cli/times.h"

namespace reeve::cli {
namespace {

CommandSpec status_spec() {
  return {.name = "status",
          .usage = "[--json]",
          .details =
              "Shows every node by its last heartbeat, verified on this machine.\n\n"
              "  compliant  every rule is as it should be\n"
              "  deviating  some rules are not\n"
              "  refused    it keeps an older policy because it refused the newest it was shown\n"
              "  stale      its manifest has expired; it goes on enforcing it\n"
              "  silent     no heartbeat in three intervals\n"
              "  unproven   something did not verify, its clock is wrong, the controller does\n"
              "             not tell of it, or rules have not been looked at yet\n\n"
              "LINK is what the controller says. A node is behind while it has not adopted the\n"
              "newest manifest. Exit: 0 all compliant and none behind, 2 otherwise, 1 could not\n"
              "ask.",
          .options = {json_option(), fleet_option()}};
}

// What the fleet is measured against.
struct Norm {
  std::optional<VerifiedManifest> manifest;
  std::optional<Error> doubt;  // why the controller's manifest is not the norm
};

Result<Norm> norm_of(Session& session) {
  auto manifest = ask_manifest(session);
  if (manifest.ok()) return Norm{*std::move(manifest), std::nullopt};
  // An answer that does not verify is itself news about the controller; silence is not an answer.
  const std::string& name = manifest.error().name;
  if (name == "controller_unreachable" || name == "interrupted") return manifest.error();
  auto known = newest_manifest(session.fleet());
  if (!known.ok()) return known.error();
  return Norm{*std::move(known), manifest.error()};
}

std::string summary(const std::vector<SeenNode>& nodes, const Norm& norm, std::int64_t now_ns) {
  std::string out = counted(nodes.size(), "host");
  std::string_view before = ": ";
  for (const NodeState state : all_node_states) {
    const auto count = std::count_if(nodes.begin(), nodes.end(), [&](const SeenNode& node) {
      return state_of(node, now_ns) == state;
    });
    if (count == 0) continue;
    out += fmt::format("{}{} {}", before, count, name_of(state));
    before = ", ";
  }
  const auto behind = std::count_if(nodes.begin(), nodes.end(), [&](const SeenNode& node) {
    return is_behind(node, norm.manifest);
  });
  if (behind > 0) out += fmt::format("{}{} behind", before, behind);
  if (!norm.manifest) return out + "; no policy was pushed yet\n";
  const Manifest& manifest = norm.manifest->manifest;
  const std::int64_t expires_ns = manifest.expires_s * 1'000'000'000;
  return out + fmt::format("; policy version {}{}\n", manifest.version,
                           expires_ns > now_ns ? "" : " EXPIRED");
}

int show_status(const Environment& environment, const Arguments& arguments) {
  const auto opened = Session::open(environment, arguments);
  if (!opened.ok()) return print_error(opened.error());
  if (auto taken = (*opened)->take_up_roots(); !taken.ok()) return print_error(taken.error());
  Session& session = **opened;
  const auto nodes = ask_expected_nodes(session);
  if (!nodes.ok()) return print_error(nodes.error());
  const auto norm = norm_of(session);
  if (!norm.ok()) return print_error(norm.error());
  const std::int64_t now_ns = session.now_wall_ns();
  const bool json = arguments.has("json");
  if (!json && !nodes->empty()) print_out(node_heading());
  bool well = true;
  for (const SeenNode& node : *nodes) {
    print_out(json ? node_json(node, norm->manifest, now_ns)
                   : node_line(node, norm->manifest, now_ns));
    well = well && state_of(node, now_ns) == NodeState::compliant &&
           !is_behind(node, norm->manifest) && !is_ahead(node, norm->manifest) &&
           (!node.heartbeat || node.heartbeat->ledger.error.empty());
  }
  if (!json) print_out(summary(*nodes, *norm, now_ns));
  if (norm->doubt) print_error(*norm->doubt);
  return well && !norm->doubt ? exit_code::done : exit_code::deviations;
}

}  // namespace

int run_status(const Environment& environment, CommandArguments arguments) {
  return with_arguments(status_spec(), arguments,
                        [&](const Arguments& parsed) { return show_status(environment, parsed); });
}

}  // namespace reeve::cli
