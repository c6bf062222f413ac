// reeve node list and reeve node show: the fleet's nodes and one of them in full.
#include <fmt/format.h>

#include <algorithm>

#include "common/text.h"
#include "controller/cli/json.h"
#include "controller/cli/node_list.h"
#include "controller/cli/node_view.h"
#include "controller/cli/terminal.h"
#include "controller/cli/times.h"

namespace reeve::cli {
namespace {

constexpr std::size_t name_width = 20;
constexpr std::size_t id_width = 16;

CommandSpec list_spec() {
  return {.name = "node list",
          .usage = "[--all] [--pending] [--json]",
          .details =
              "Lists the nodes whose certificates verify, with what their labels are, and\n"
              "those whose certificates do not.",
          .options = {{"all", "", "revoked and retired ones too"},
                      {"pending", "", "those that wait for `reeve node approve` instead"},
                      json_option(),
                      fleet_option()}};
}

CommandSpec show_spec() {
  return {.name = "node show",
          .usage = "NODE [--json]",
          .details =
              "Shows one node, by its name or the first 8 or more digits of its id, as its\n"
              "certificate and last heartbeat describe it.\n"
              "Exit: 0 compliant and not behind, 2 otherwise, 1 could not ask.",
          .options = {json_option(), fleet_option()},
          .operands_min = 1,
          .operands_max = 1};
}

std::string list_line(const SeenNode& node) {
  if (!node.certificate) {
    return fmt::format("{} unproven: {}\n", padded(node.name(), name_width),
                       printable(node.unproven));
  }
  std::string out = fmt::format("{} {} {}", fit(printable(node.name()), name_width),
                                hex(node.certificate->node.view()).substr(0, id_width),
                                labels_text(node.certificate->labels));
  if (node.ended) out += fmt::format(" ({})", node.ended->how);
  while (out.ends_with(' ')) out.pop_back();
  return out + "\n";
}

int list_waiting(Session& session, const Arguments& arguments) {
  const auto waiting = ask_waiting(session);
  if (!waiting.ok()) return print_error(waiting.error());
  for (const WaitingNode& one : *waiting) {
    const NodeCertificate& certificate = one.certificate;
    const std::string id = hex(certificate.node.view());
    if (arguments.has("json")) {
      print_out(JsonObject()
                    .text("node", certificate.name)
                    .text("node_id", id)
                    .text("labels", labels_text(certificate.labels))
                    .line());
    } else {
      print_out(fmt::format("{} {}\n  id {}\n", printable(certificate.name),
                            labels_text(certificate.labels), id));
    }
  }
  if (!arguments.has("json")) print_out(counted(waiting->size(), "node") + " waiting\n");
  return exit_code::done;
}

int list_nodes(const Environment& environment, const Arguments& arguments) {
  const auto session = Session::open(environment, arguments);
  if (!session.ok()) return print_error(session.error());
  if (arguments.has("pending")) return list_waiting(**session, arguments);
  const auto nodes = arguments.has("all") ? ask_nodes(**session) : ask_expected_nodes(**session);
  if (!nodes.ok()) return print_error(nodes.error());
  const bool json = arguments.has("json");
  if (!json && !nodes->empty()) {
    print_out(fmt::format("{} {} LABELS\n", padded("NODE", name_width), padded("ID", id_width)));
  }
  for (const SeenNode& node : *nodes) {
    print_out(json ? node_json(node, std::nullopt, (*session)->now_wall_ns()) : list_line(node));
  }
  if (!json) print_out(counted(nodes->size(), "node") + "\n");
  const bool proven = std::all_of(nodes->begin(), nodes->end(), [](const SeenNode& node) {
    return node.certificate.has_value();
  });
  return proven ? exit_code::done : exit_code::deviations;
}

// What to do about what is held against a node, in the order of urgency.
std::string advice(const SeenNode& node) {
  const std::string name = printable(node.name());
  const auto has_flag = [&](std::string_view flag) {
    return std::find(node.flags.begin(), node.flags.end(), flag) != node.flags.end();
  };
  std::string out;
  if (node.ended) {
    out += field_lines(
        "ended", fmt::format("{} by {} at {}{}{}", node.ended->how, printable(node.ended->who),
                             moment_text(node.ended->wall_ns), node.ended->why.empty() ? "" : ": ",
                             printable(node.ended->why)));
    return out;
  }
  if (has_flag("fork") || has_flag("key_fork") || has_flag("equivocation")) {
    out += field_lines(
        "what to do",
        fmt::format("two machines have this node's keys, or one was put back to an older "
                    "snapshot. If you know which and why, keep one: `reeve node revoke {0}`, then "
                    "a new token for the one that stays. If you do not, its keys are stolen: the "
                    "same, and look at both hosts first.",
                    name));
  }
  if (node.unproven == "token_overused") {
    out += field_lines("what to do",
                       fmt::format("more nodes stand on its token than may: `reeve node list` "
                                   "shows them. `reeve node approve {0}` if you know this host, "
                                   "`reeve node revoke {0}` if not.",
                                   name));
  }
  return out;
}

int show_node(const Environment& environment, const Arguments& arguments) {
  const std::string& asked = arguments.operands()[0];
  const auto opened = Session::open(environment, arguments);
  if (!opened.ok()) return print_error(opened.error());
  Session& session = **opened;
  const auto nodes = ask_nodes(session);
  if (!nodes.ok()) return print_error(nodes.error());
  const auto shown = ask_manifest(session);
  const auto newest = shown.ok() ? shown : newest_manifest(session.fleet());
  if (!newest.ok()) return print_error(newest.error());
  const SeenNode* found = meant_node(*nodes, asked);
  if (found == nullptr) {
    return print_error({.name = "node_unknown",
                        .detail = fmt::format("no verified node is called `{}`", asked),
                        .next = "reeve node list"});
  }
  const std::int64_t now_ns = session.now_wall_ns();
  print_out(arguments.has("json") ? node_json(*found, *newest, now_ns)
                                  : node_page(*found, *newest, now_ns) + advice(*found));
  if (!shown.ok()) print_error(shown.error());
  const bool well = shown.ok() && state_of(*found, now_ns) == NodeState::compliant &&
                    !is_behind(*found, *newest) && !is_ahead(*found, *newest) && !found->ended;
  return well ? exit_code::done : exit_code::deviations;
}

}  // namespace

int run_node_list(const Environment& environment, CommandArguments arguments) {
  return with_arguments(list_spec(), arguments,
                        [&](const Arguments& parsed) { return list_nodes(environment, parsed); });
}

int run_node_show(const Environment& environment, CommandArguments arguments) {
  return with_arguments(show_spec(), arguments,
                        [&](const Arguments& parsed) { return show_node(environment, parsed); });
}

}  // namespace reeve::cli
