// reeve node approve, revoke, retire and label: an operator's acts on one node, each signed.
#include <fmt/format.h>

#include <algorithm>

#include "common/limits.h"
#include "common/text.h"
#include "common/token.h"
#include "controller/cli/consent.h"
#include "controller/cli/labels.h"
#include "controller/cli/node_list.h"
#include "controller/cli/node_view.h"
#include "controller/cli/terminal.h"

namespace reeve::cli {
namespace {

constexpr std::int64_t ns_per_s = 1'000'000'000;

OptionSpec why_option() { return {"why", "TEXT", "the reason, kept in the ledger"}; }

CommandSpec approve_spec() {
  return {.name = "node approve",
          .usage = "NODE [--id DIGITS]",
          .details =
              "Signs the certificate of a node that waits for it, as `reeve node list --pending`\n"
              "shows, under the id that `reeve-agent join` shows on the host: another host may\n"
              "wait under the same name. Without --id you are asked whether it is this one.\n"
              "For a node that is enrolled it issues a new certificate, which then stands on\n"
              "your signature and on no token or former operator.",
          .options = {{"id", "DIGITS", "the first 8 or more digits that its id must have"},
                      fleet_option()},
          .operands_min = 1,
          .operands_max = 1};
}

CommandSpec revoke_spec() {
  return {.name = "node revoke",
          .usage = "NODE [--why TEXT]",
          .details =
              "Ends a node whose keys are not to be trusted any more: it is refused at its\n"
              "next message, its session is closed, and it never comes back. Its records\n"
              "stay. The host enrolls anew by reeve-agent join.",
          .options = {why_option(), fleet_option()},
          .operands_min = 1,
          .operands_max = 1};
}

CommandSpec retire_spec() {
  return {.name = "node retire",
          .usage = "NODE [--why TEXT]",
          .details =
              "The orderly end of a node: a host that is gone, or was installed anew and\n"
              "enrolls again under the same name. Its records stay; it is not expected any\n"
              "more and its keys are refused.",
          .options = {why_option(), fleet_option()},
          .operands_min = 1,
          .operands_max = 1};
}

CommandSpec label_spec() {
  return {.name = "node label",
          .usage = "NODE [KEY=VALUE]... [--remove KEY]...",
          .details =
              "Changes labels by a new certificate, which the node takes over at once: what\n"
              "selects it by labels then applies or stops applying.",
          .options = {{"remove", "KEY", "a label that it has no more; may be repeated"},
                      fleet_option()},
          .operands_min = 1,
          .operands_max = 1 + limits::labels_max};
}

Error unknown_node(const std::string& asked) {
  return {.name = "node_unknown",
          .detail = fmt::format("no verified node is called `{}`", printable(asked)),
          .next = "reeve node list"};
}

Result<SeenNode> find_node(Session& session, const std::string& asked) {
  auto nodes = ask_nodes(session);
  if (!nodes.ok()) return nodes.error();
  const SeenNode* found = meant_node(*nodes, asked);
  if (found == nullptr) return unknown_node(asked);
  return *found;
}

int end_node(const Environment& environment, const Arguments& arguments,
             const std::string& operation, std::string_view done) {
  const auto session = Session::open(environment, arguments);
  if (!session.ok()) return print_error(session.error());
  const auto node = find_node(**session, arguments.operands()[0]);
  if (!node.ok()) return print_error(node.error());
  const auto answer = (*session)->controller().request(
      operation, {{"node", node->certificate->node}, {"why", arguments.value("why").value_or("")}});
  if (!answer.ok()) return print_error(answer.error());
  print_out(fmt::format("Node {} is {}\n", printable(node->name()), done));
  return exit_code::done;
}

// Signs and registers the certificate that follows this one. The record key stays; whoever names
// another one would make a new node.
Status issue(Session& session, NodeCertificate certificate) {
  ++certificate.version;
  certificate.issued_s = session.now_wall_ns() / ns_per_s;
  const Bytes object = seal_object(ObjectType::node_certificate, encode_certificate(certificate),
                                   session.operator_key());
  if (auto holds = verify_certificate(object, session.fleet().root); !holds.ok()) {
    return holds.error();
  }
  const auto answer = session.controller().request("enroll", {{"certificate", object}});
  if (!answer.ok()) return answer.error();
  return {};
}

int label_node(const Environment& environment, const Arguments& arguments) {
  const auto& operands = arguments.operands();
  const auto set = parse_labels({operands.begin() + 1, operands.end()}, "node label");
  if (!set.ok()) return print_error(set.error());
  const auto session = Session::open(environment, arguments);
  if (!session.ok()) return print_error(session.error());
  const auto node = find_node(**session, operands[0]);
  if (!node.ok()) return print_error(node.error());
  NodeCertificate certificate = *node->certificate;
  for (const auto& [key, value] : *set) certificate.labels[key] = value;
  for (const auto& key : arguments.values("remove")) certificate.labels.erase(key);
  if (certificate.labels != node->certificate->labels) {
    if (auto done = issue(**session, certificate); !done.ok()) return print_error(done.error());
  }
  print_out(fmt::format(
      "Node {} has {}\n", printable(node->name()),
      certificate.labels.empty() ? std::string("no labels") : labels_text(certificate.labels)));
  return exit_code::done;
}

bool id_fits(const NodeCertificate& certificate, const Arguments& arguments) {
  constexpr std::size_t id_digits_min = 8;
  const auto digits = arguments.value("id");
  if (!digits) return true;
  return digits->size() >= id_digits_min && hex(certificate.node.view()).starts_with(*digits);
}

Error wrong_id(const NodeCertificate& certificate) {
  return {.name = "node_id_mismatch",
          .detail = fmt::format("the node that calls itself {} has the id {}",
                                printable(certificate.name), hex(certificate.node.view())),
          .next =
              "compare it with what reeve-agent join shows on the host; where it is another "
              "one, revoke the token"};
}

// A name is whatever a host calls itself; the id is its key's.
Status ask_for_id(const NodeCertificate& certificate, const Arguments& arguments) {
  if (arguments.value("id")) {
    return id_fits(certificate, arguments) ? Status{} : Status(wrong_id(certificate));
  }
  const std::string id = hex(certificate.node.view());
  print_out(fmt::format("{} waits\n  id      {}\n  labels  {}\n", printable(certificate.name), id,
                        labels_text(certificate.labels)));
  auto asked = ask_consent(arguments, "Does the host show this id?");
  if (asked.ok() || asked.error().name != "consent_needed") return asked;
  return Error{.name = "consent_needed",
               .detail = "there is no terminal to ask whether the host shows this id",
               .next = "compare it, then give it: reeve node approve NAME --id DIGITS"};
}

int approve_waiting(Session& session, const WaitingNode& waiting, const Arguments& arguments) {
  const NodeCertificate& certificate = waiting.certificate;
  if (auto meant = ask_for_id(certificate, arguments); !meant.ok()) {
    return print_error(meant.error());
  }
  const auto object = countersign_enrollment(waiting.enrollment, session.operator_key());
  if (!object.ok()) return print_error(object.error());
  if (auto holds = verify_certificate(*object, session.fleet().root); !holds.ok()) {
    return print_error(holds.error());
  }
  const auto answer = session.controller().request("enroll", {{"certificate", *object}});
  if (!answer.ok()) return print_error(answer.error());
  print_out(fmt::format("Node {} is approved\n  id      {}\n  labels  {}\n",
                        printable(certificate.name), hex(certificate.node.view()),
                        labels_text(certificate.labels)));
  return exit_code::done;
}

int approve_node(const Environment& environment, const Arguments& arguments) {
  const std::string& asked = arguments.operands()[0];
  const auto session = Session::open(environment, arguments);
  if (!session.ok()) return print_error(session.error());
  const auto waiting = ask_waiting(**session);
  if (!waiting.ok()) return print_error(waiting.error());
  for (const WaitingNode& one : *waiting) {
    if (one.certificate.name == asked) return approve_waiting(**session, one, arguments);
  }
  const auto node = find_node(**session, asked);
  if (!node.ok()) return print_error(node.error());
  if (!id_fits(*node->certificate, arguments)) return print_error(wrong_id(*node->certificate));
  if (auto done = issue(**session, *node->certificate); !done.ok()) {
    return print_error(done.error());
  }
  print_out(fmt::format("Node {} has a certificate of yours\n", printable(node->name())));
  return exit_code::done;
}

}  // namespace

int run_node_approve(const Environment& environment, CommandArguments arguments) {
  return with_arguments(approve_spec(), arguments,
                        [&](const Arguments& parsed) { return approve_node(environment, parsed); });
}

int run_node_revoke(const Environment& environment, CommandArguments arguments) {
  return with_arguments(revoke_spec(), arguments, [&](const Arguments& parsed) {
    return end_node(environment, parsed, "revoke", "revoked; the host can enroll anew");
  });
}

int run_node_retire(const Environment& environment, CommandArguments arguments) {
  return with_arguments(retire_spec(), arguments, [&](const Arguments& parsed) {
    return end_node(environment, parsed, "retire", "retired; its name is free again");
  });
}

int run_node_label(const Environment& environment, CommandArguments arguments) {
  return with_arguments(label_spec(), arguments,
                        [&](const Arguments& parsed) { return label_node(environment, parsed); });
}

}  // namespace reeve::cli
