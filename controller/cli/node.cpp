// reeve node list and reeve node show: the fleet's nodes and one of them in full.
#include <fmt/format.h>

#include <algorithm>

#include "common/text.h"
#include "controller/cli/node_list.h"
#include "controller/cli/node_view.h"
#include "controller/cli/terminal.h"

namespace reeve::cli {
namespace {

constexpr std::size_t name_width = 20;
constexpr std::size_t id_width = 16;
constexpr std::size_t id_digits_min = 8;

CommandSpec list_spec() {
  return {.name = "node list",
          .usage = "[--json]",
          .details =
              "Lists the nodes whose certificates verify, with what their labels are, and\n"
              "those whose certificates do not.",
          .options = {json_option(), fleet_option()}};
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
  while (out.ends_with(' ')) out.pop_back();
  return out + "\n";
}

int list_nodes(const Environment& environment, const Arguments& arguments) {
  const auto session = Session::open(environment, arguments);
  if (!session.ok()) return print_error(session.error());
  const auto nodes = ask_nodes(**session);
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

bool is_meant(const SeenNode& node, std::string_view asked) {
  if (!node.certificate) return false;
  return node.certificate->name == asked ||
         (asked.size() >= id_digits_min && hex(node.certificate->node.view()).starts_with(asked));
}

int show_node(const Environment& environment, const Arguments& arguments) {
  const std::string& asked = arguments.operands()[0];
  const auto opened = Session::open(environment, arguments);
  if (!opened.ok()) return print_error(opened.error());
  Session& session = **opened;
  const auto nodes = ask_nodes(session);
  if (!nodes.ok()) return print_error(nodes.error());
  const auto newest = ask_manifest(session);
  if (!newest.ok()) return print_error(newest.error());
  const auto found = std::find_if(nodes->begin(), nodes->end(),
                                  [&](const SeenNode& node) { return is_meant(node, asked); });
  if (found == nodes->end()) {
    return print_error({.name = "node_unknown",
                        .detail = fmt::format("no verified node is called `{}`", asked),
                        .next = "reeve node list"});
  }
  const std::int64_t now_ns = session.now_wall_ns();
  print_out(arguments.has("json") ? node_json(*found, *newest, now_ns)
                                  : node_page(*found, *newest, now_ns));
  const bool well = state_of(*found, now_ns) == NodeState::compliant && !is_behind(*found, *newest);
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
