// reeve node forget: this machine no longer expects a node in the controller's listing.
#include <fmt/format.h>

#include <algorithm>

#include "common/paths.h"
#include "common/text.h"
#include "controller/cli/commands.h"
#include "controller/cli/files.h"
#include "controller/cli/fleet.h"
#include "controller/cli/known_nodes.h"
#include "controller/cli/terminal.h"

namespace reeve::cli {
namespace {

CommandSpec forget_spec() {
  return {.name = "node forget",
          .usage = "NODE",
          .details =
              "Makes this machine forget what it has verified of a node: the controller may\n"
              "then leave it out of listings unnoticed. For nodes that are gone on purpose and\n"
              "that the controller no longer tells of. Nothing changes at the controller.",
          .options = {fleet_option()},
          .operands_min = 1,
          .operands_max = 1};
}

int forget(const Arguments& arguments) {
  const std::string& name = arguments.operands()[0];
  const auto fleet = open_fleet(arguments);
  if (!fleet.ok()) return print_error(fleet.error());
  const std::string path = fleet->path(paths::fleet_known_nodes);
  auto known = load_known_nodes(path);
  if (!known.ok()) return print_error(known.error());
  const auto count =
      std::erase_if(*known, [&](const auto& entry) { return entry.second.name == name; });
  if (count == 0) {
    return print_error({.name = "node_unknown",
                        .detail = fmt::format("this machine knows no node called `{}`", name),
                        .next = "reeve node list"});
  }
  if (auto kept = write_file(path, encode_known_nodes(*known)); !kept.ok()) {
    return print_error(kept.error());
  }
  print_out(fmt::format("{} is forgotten here\n", printable(name)));
  return exit_code::done;
}

}  // namespace

int run_node_forget(CommandArguments arguments) {
  return with_arguments(forget_spec(), arguments, forget);
}

}  // namespace reeve::cli
