// reeve node enroll: a new node, provisioned offline. Makes the agent's state directory with keys
// of its own and a certificate signed by the operator, and registers the certificate with the
// controller; nothing is left here when that fails, but where nobody knows whether it has.
#include <fmt/format.h>

#include "common/limits.h"
#include "common/paths.h"
#include "common/text.h"
#include "controller/cli/files.h"
#include "controller/cli/labels.h"
#include "controller/cli/session.h"
#include "controller/cli/terminal.h"
#include "controller/cli/verify.h"

namespace reeve::cli {
namespace {

CommandSpec enroll_spec() {
  return {.name = "node enroll",
          .usage = "NAME --out DIR [--label KEY=VALUE]...",
          .details =
              "Makes the state directory of a new node's agent in DIR, which must not exist or\n"
              "be empty, and registers its certificate with the controller. DIR holds the\n"
              "node's secret keys: carry it to the host and leave no copy behind.",
          .options = {{"out", "DIR", "where to make the state directory"},
                      {"label", "KEY=VALUE", "what selectors of policies match; may be repeated"},
                      fleet_option()},
          .operands_min = 1,
          .operands_max = 1};
}

Error usage_error(std::string detail) {
  return Error{.name = "usage", .detail = std::move(detail), .next = "reeve node enroll --help"};
}

// A node's secrets and what the operator says of it.
struct NewNode {
  SigningKey record = SigningKey::generate();
  TransportKeyPair transport = generate_transport_keys();
  Bytes certificate;  // signed object
};

Result<NewNode> new_node(const std::string& name, Labels labels, const Session& session) {
  NewNode node;
  const NodeCertificate certificate{.node = node.record.hash(),
                                    .name = name,
                                    .labels = std::move(labels),
                                    .record_key = node.record.public_key(),
                                    .transport_key = node.transport.public_key,
                                    .version = 1,
                                    .issued_s = session.now_wall_ns() / 1'000'000'000,
                                    .fleet = session.fleet().root.fleet};
  node.certificate = seal_object(ObjectType::node_certificate, encode_certificate(certificate),
                                 session.operator_key());
  // The same look that agents and controller take: an operator without the right learns it here.
  if (auto holds = verify_certificate(node.certificate, session.fleet().root); !holds.ok()) {
    return holds.error();
  }
  return node;
}

Status fill(NewTree& tree, const NewNode& node, const Fleet& fleet) {
  REEVE_TRY(tree.directory("identity", 0700));
  REEVE_TRY(tree.file(
      paths::record_key,
      encode_key_file(KeyKind::ed25519, node.record.public_key(), node.record.seed()), 0600));
  REEVE_TRY(tree.file(
      paths::transport_key,
      encode_key_file(KeyKind::x25519, node.transport.public_key, node.transport.secret), 0600));
  REEVE_TRY(tree.file(paths::certificate, node.certificate, 0600));
  REEVE_TRY(tree.file(paths::certificate_root, fleet.root_object, 0600));
  REEVE_TRY(tree.directory("trust", 0700));
  REEVE_TRY(tree.file(paths::trusted_root, fleet.root_object, 0600));
  REEVE_TRY(tree.file(paths::controller_contact, view_of(encode_contact(fleet.contact)), 0600));
  REEVE_TRY(tree.directory(paths::bundle_directory, 0700));
  REEVE_TRY(tree.directory(paths::journal_directory, 0700));
  return tree.directory(paths::courier_root, 0700);
}

// Where the controller may have registered the node without our hearing of it, the directory is the
// only copy of keys that are the node's by now.
bool may_be_registered(Session& session, const Error& error) {
  return session.controller().was_sent() &&
         (error.name == "controller_unreachable" || error.name == "interrupted");
}

int registration_failed(Session& session, NewTree& tree, const std::string& name,
                        const std::string& out, Error error) {
  if (!may_be_registered(session, error)) return print_error(error);
  if (auto kept = tree.keep(); !kept.ok()) return print_error(kept.error());
  error.detail += fmt::format("; {} may be registered all the same, so {} is kept", name, out);
  error.next = fmt::format(
      "reeve node show {}: use {} if the controller knows that node, else remove it", name, out);
  return print_error(error);
}

void remember_enrolled(Session& session, const NewNode& node) {
  SeenNode seen;
  if (auto certificate = verify_certificate(node.certificate, session.fleet().root);
      certificate.ok()) {
    seen.certificate = *std::move(certificate);
  }
  remember(session.known_nodes(), seen, nullptr, 0);
  if (auto kept = session.keep_known_nodes(); !kept.ok()) print_error(kept.error());
}

int enroll(const Environment& environment, const Arguments& arguments) {
  const std::string& name = arguments.operands()[0];
  const auto out = arguments.value("out");
  if (!out) return print_error(usage_error("--out DIR is missing"));
  if (!is_valid_id(name)) {
    return print_error(usage_error(
        fmt::format("`{}` is no node name; expected 1 to 128 of letters, digits and ._:-", name)));
  }
  auto labels = parse_labels(arguments.values("label"), "node enroll");
  if (!labels.ok()) return print_error(labels.error());
  const auto session = Session::open(environment, arguments);
  if (!session.ok()) return print_error(session.error());
  const auto node = new_node(name, *std::move(labels), **session);
  if (!node.ok()) return print_error(node.error());
  auto tree = NewTree::create(*out);
  if (!tree.ok()) return print_error(tree.error());
  if (auto filled = fill(*tree, *node, (*session)->fleet()); !filled.ok()) {
    return print_error(filled.error());
  }
  const auto answer =
      (*session)->controller().request("enroll", {{"certificate", node->certificate}});
  if (!answer.ok()) return registration_failed(**session, *tree, name, *out, answer.error());
  if (auto kept = tree->keep(); !kept.ok()) return print_error(kept.error());
  // From here on a controller that leaves it out is noticed.
  remember_enrolled(**session, *node);
  const std::string where = printable(*out);
  print_out(
      fmt::format("Node {} is enrolled; its agent's state is in {}\n\n"
                  "next: carry it to the host, and there: reeve-agent run --state {}\n",
                  name, where, where));
  return exit_code::done;
}

}  // namespace

int run_node_enroll(const Environment& environment, CommandArguments arguments) {
  return with_arguments(enroll_spec(), arguments,
                        [&](const Arguments& parsed) { return enroll(environment, parsed); });
}

}  // namespace reeve::cli
