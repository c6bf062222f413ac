// reeve ledger witnesses: who cosigns the ledger's checkpoints; an administering operator's word.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "common/limits.h"
#include "common/text.h"
#include "controller/cli/consent.h"
#include "controller/cli/json.h"
#include "controller/cli/node_list.h"
#include "controller/cli/terminal.h"
#include "controller/cli/times.h"
#include "controller/cli/witness_view.h"

namespace reeve::cli {
namespace {

CommandSpec witnesses_spec() {
  return {.name = "ledger witnesses",
          .usage = "[--propose | --set NODE...] [--k N] [--yes] [--json]",
          .details =
              "Shows the nodes that cosign the ledger's checkpoints, and how many of them must,\n"
              "so that no controller can show two ledgers without one of them lying.\n\n"
              "With --set, NODEs are to be those; with --propose, 15 of the fleet's nodes, chosen\n"
              "by hash. --k is how many make a checkpoint believed: more than half of them, which\n"
              "is also the default. The set is signed with your operator's key, which needs the\n"
              "right to administer, stands in the ledger, and replaces the one before it.",
          .options = {{"propose", "", "choose 15 nodes by hash"},
                      {"set", "", "the nodes that are named"},
                      {"k", "N", "how many of them must cosign; else a majority"},
                      yes_option(),
                      json_option(),
                      fleet_option()},
          .operands_min = 0,
          .operands_max = limits::witnesses_max};
}

Error usage_error(std::string detail) {
  return Error{
      .name = "usage", .detail = std::move(detail), .next = "reeve ledger witnesses --help"};
}

std::string name_of_node(const NodeId& id, const std::vector<SeenNode>& nodes) {
  for (const SeenNode& node : nodes) {
    if (node.certificate && node.certificate->node == id) return printable(node.certificate->name);
  }
  return hex(id.view());
}

std::string set_page(const WitnessSet& set, const std::vector<SeenNode>& nodes) {
  std::string out = fmt::format("witness set version {}: {} of {} must cosign\n", set.version,
                                set.need, counted(set.nodes.size(), "node"));
  for (const NodeId& id : set.nodes) out += fmt::format("  {}\n", name_of_node(id, nodes));
  return out;
}

std::string set_json(const VerifiedWitnessSet& set, const std::vector<SeenNode>& nodes) {
  std::vector<std::string> names;
  std::vector<std::string> ids;
  for (const NodeId& id : set.set.nodes) {
    names.push_back(name_of_node(id, nodes));
    ids.push_back(hex(id.view()));
  }
  JsonObject out;
  out.natural("version", set.set.version).natural("need", set.set.need).text("operator", set.who);
  add_time(out, "issued", set.set.issued_s * 1'000'000'000);
  return out.texts("nodes", names).texts("ids", ids).line();
}

Result<std::vector<NodeId>> named_nodes(const std::vector<SeenNode>& nodes,
                                        const std::vector<std::string>& names) {
  std::vector<NodeId> ids;
  for (const std::string& name : names) {
    const SeenNode* node = meant_node(nodes, name);
    if (node == nullptr || node->ended)
      return Error{.name = "unknown_node",
                   .detail = fmt::format("`{}` is no node of this fleet", printable(name)),
                   .next = "reeve node list"};
    ids.push_back(node->certificate->node);
  }
  std::ranges::sort(ids);
  return ids;
}

std::vector<NodeId> proposed_nodes(const std::vector<SeenNode>& nodes, const FleetId& fleet) {
  std::vector<NodeId> ids;
  for (const SeenNode& node : nodes)
    if (node.certificate && !node.ended) ids.push_back(node.certificate->node);
  return choose_witnesses(std::move(ids), fleet, witnesses_by_default);
}

Result<std::uint64_t> need_of(const Arguments& arguments, std::size_t nodes) {
  const auto text = arguments.value("k");
  if (!text) return majority_of(nodes);
  std::uint64_t need = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), need);
  const bool is_number = error == std::errc() && end == text->data() + text->size();
  if (is_number && need >= majority_of(nodes) && need <= nodes) return need;
  return usage_error(fmt::format("--k takes a number from {} to {}, more than half of the nodes",
                                 majority_of(nodes), nodes));
}

// Signed here, judged as everybody will, and submitted.
Status submit(Session& session, const WitnessSet& set) {
  const Bytes object =
      seal_object(ObjectType::witness_set, encode_witness_set(set), session.operator_key());
  if (auto verified = verify_witness_set(object, session.fleet().root); !verified.ok())
    return verified.error();
  const auto done = session.controller().request("set_witnesses", {{"witnesses", object}});
  if (!done.ok()) return done.error();
  const auto shown = ask_witnesses(session);
  return shown.ok() ? Status{} : Status(shown.error());
}

Status set_witnesses(Session& session, const Arguments& arguments,
                     const std::vector<SeenNode>& nodes, std::uint64_t version_before) {
  WitnessSet set;
  set.fleet = session.fleet().root.fleet;
  set.version = version_before + 1;
  set.issued_s = session.now_wall_ns() / 1'000'000'000;
  auto chosen = arguments.has("propose") ? Result(proposed_nodes(nodes, session.fleet().root.fleet))
                                         : named_nodes(nodes, arguments.operands());
  if (!chosen.ok()) return chosen.error();
  set.nodes = *std::move(chosen);
  if (set.nodes.empty()) return usage_error("there is no node to cosign anything");
  const auto need = need_of(arguments, set.nodes.size());
  if (!need.ok()) return need.error();
  set.need = *need;
  const std::string plan = set_page(set, nodes);
  arguments.has("json") ? print_err(plan) : print_out(plan);
  REEVE_TRY(ask_consent(arguments, "Sign that, and have them cosign?"));
  REEVE_TRY(submit(session, set));
  if (arguments.has("json")) print_out(set_json({set, {}, {}}, nodes));
  return {};
}

// Of what the controller shows, whoever has signed it: the set of an operator who has left is
// replaced like any other.
Result<std::uint64_t> version_shown(Session& session) {
  const auto items = session.controller().request("witnesses", {});
  if (!items.ok()) return items.error();
  const Value* object = items->empty() ? nullptr : items->front().find("witnesses");
  if (object == nullptr || object->binary() == nullptr) return std::uint64_t{0};
  const auto opened = parse_signed_object(*object->binary(), ObjectType::witness_set);
  if (!opened.ok()) return opened.error();
  const auto set = decode_witness_set(opened->payload);
  if (!set.ok()) return set.error();
  return set->version;
}

bool has_left(const Error& error) {
  return error.name == "not_an_operator" || error.name == "not_permitted";
}

Status show_or_set(Session& session, const Arguments& arguments) {
  REEVE_TRY(session.take_up_roots());
  const auto nodes = ask_nodes(session);
  if (!nodes.ok()) return nodes.error();
  const auto now = ask_witnesses(session);
  if (arguments.has("propose") || arguments.has("set")) {
    if (!now.ok() && !has_left(now.error())) return now.error();
    const auto version = version_shown(session);
    return version.ok() ? set_witnesses(session, arguments, *nodes, *version)
                        : Status(version.error());
  }
  if (!now.ok()) return now.error();
  if (!*now) {
    if (!arguments.has("json")) print_out("nobody cosigns; reeve ledger witnesses --propose\n");
    return {};
  }
  print_out(arguments.has("json") ? set_json(**now, *nodes) : set_page((**now).set, *nodes));
  return {};
}

int witnesses_command(const Environment& environment, const Arguments& arguments) {
  const bool names = !arguments.operands().empty();
  if ((arguments.has("set") && arguments.has("propose")) || arguments.has("set") != names)
    return print_error(usage_error("--set takes NODEs, --propose none"));
  const auto session = Session::open(environment, arguments);
  if (!session.ok()) return print_error(session.error());
  const auto done = show_or_set(**session, arguments);
  return done.ok() ? exit_code::done : print_error(done.error());
}

}  // namespace

int run_ledger_witnesses(const Environment& environment, CommandArguments arguments) {
  return with_arguments(witnesses_spec(), arguments, [&](const Arguments& parsed) {
    return witnesses_command(environment, parsed);
  });
}

}  // namespace reeve::cli
