// reeve init: a new fleet. Makes the keys of every role with thresholds of 1, the signed root, and
// the directory that goes to the controller's server; nothing is left when it fails.
#include <fmt/format.h>

#include <cstdlib>

#include "common/limits.h"
#include "common/paths.h"
#include "common/text.h"
#include "controller/cli/cli_limits.h"
#include "controller/cli/commands.h"
#include "controller/cli/files.h"
#include "controller/cli/fleet.h"
#include "controller/cli/terminal.h"
#include "controller/cli/times.h"

namespace reeve::cli {
namespace {

constexpr std::uint32_t port_default = 7117;

CommandSpec init_spec() {
  return {.name = "init",
          .usage = "DIR [--name FLEET] [--controller HOST] [--port PORT] [--no-passphrase]",
          .details =
              "Makes a fleet directory. DIR must not exist or be empty.\n\n"
              "  DIR/keys        the security team's keys: never on the controller\n"
              "  DIR/public      the signed root and the controller's address and key\n"
              "  DIR/controller  all that goes to the server\n\n"
              "The keys in DIR/keys are sealed under one passphrase, which is asked for at the\n"
              "terminal or read from --passphrase-file. The controller's have none: nobody is\n"
              "there to type it when it starts.\n"
              "The first operator is named after USER and has every right.",
          .options = {{"name", "FLEET", "the fleet's name; else DIR's last part"},
                      {"controller", "HOST", "where the controller will be; else 127.0.0.1"},
                      {"port", "PORT", "for nodes; else 7117"},
                      {"operators-port", "PORT", "for operators; else one more than --port"},
                      {"enroll-port", "PORT", "for hosts that enroll; else two more than --port"},
                      passphrase_option(),
                      no_passphrase_option()},
          .operands_min = 1,
          .operands_max = 1};
}

struct Plan {
  std::string directory;
  std::string fleet;
  std::string operator_name;
  std::string nodes_address;
  std::string operators_address;
  std::string enroll_address;
  std::string listening;  // the same for the controller's command line
};

// Every key of a new fleet, in memory only.
struct Keys {
  SigningKey root = SigningKey::generate();
  SigningKey policy = SigningKey::generate();
  SigningKey ledger = SigningKey::generate();
  SigningKey operators = SigningKey::generate();
  TransportKeyPair operator_transport = generate_transport_keys();
  TransportKeyPair controller_transport = generate_transport_keys();
};

Error usage_error(std::string detail) {
  return Error{.name = "usage", .detail = std::move(detail), .next = "reeve init --help"};
}

Result<std::uint32_t> parse_port(const std::optional<std::string>& text, std::uint32_t otherwise) {
  if (!text) return otherwise;
  std::uint32_t port = 0;
  for (const char digit : *text) {
    if (digit < '0' || digit > '9' || port > 65'535) port = 65'536;
    port = port > 65'535 ? port : port * 10 + static_cast<std::uint32_t>(digit - '0');
  }
  if (port == 0 || port > 65'535) {
    return usage_error(fmt::format("`{}` is no port; expected 1 to 65535", *text));
  }
  return port;
}

bool is_host(std::string_view host) {
  const auto odd =
      host.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:%_");
  return !host.empty() && host.size() <= limits::name_bytes_max && odd == std::string_view::npos;
}

std::string address_of(const std::string& host, std::uint32_t port) {
  const bool v6 = host.find(':') != std::string::npos;
  return v6 ? fmt::format("tcp://[{}]:{}", host, port) : fmt::format("tcp://{}:{}", host, port);
}

std::string last_part(std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return path.substr(path.rfind('/') + 1);
}

std::string user_name() {
  const char* user = std::getenv("USER");
  return user != nullptr && is_valid_id(user) ? user : "operator";
}

Result<Plan> plan_of(const Arguments& arguments) {
  Plan plan{.directory = arguments.operands()[0],
            .fleet = last_part(arguments.operands()[0]),
            .operator_name = user_name(),
            .nodes_address = {},
            .operators_address = {},
            .enroll_address = {},
            .listening = {}};
  if (!is_valid_id(plan.fleet)) plan.fleet = "fleet";
  if (const auto name = arguments.value("name")) plan.fleet = *name;
  if (!is_valid_id(plan.fleet)) {
    return usage_error(
        fmt::format("`{}` is no fleet name; expected letters, digits and ._:-, "
                    "beginning with a letter or digit",
                    plan.fleet));
  }
  const std::string host = arguments.value("controller").value_or("127.0.0.1");
  if (!is_host(host)) {
    return usage_error(fmt::format("`{}` is no host; expected a name or an address", host));
  }
  const auto port = parse_port(arguments.value("port"), port_default);
  if (!port.ok()) return port.error();
  const auto operators_port = parse_port(arguments.value("operators-port"), *port + 1);
  if (!operators_port.ok()) return operators_port.error();
  const auto enroll_port = parse_port(arguments.value("enroll-port"), *port + 2);
  if (!enroll_port.ok()) return enroll_port.error();
  const bool all_differ =
      *operators_port != *port && *enroll_port != *port && *enroll_port != *operators_port;
  if (!all_differ || *operators_port > 65'535 || *enroll_port > 65'535) {
    return usage_error("nodes, operators and hosts that enroll need a port each; name all three");
  }
  plan.nodes_address = address_of(host, *port);
  plan.operators_address = address_of(host, *operators_port);
  plan.enroll_address = address_of(host, *enroll_port);
  const std::string here = host == "127.0.0.1" || host == "::1" ? host : "0.0.0.0";
  plan.listening = fmt::format("--listen {} \\\n        --operators {} \\\n        --enroll {}",
                               address_of(here, *port), address_of(here, *operators_port),
                               address_of(here, *enroll_port));
  return plan;
}

Root root_of(const Plan& plan, const Keys& keys, std::int64_t now_s) {
  Root root;
  root.fleet = random_bytes<16>();
  root.expires_s = now_s + limits::root_lifetime_s;
  root.origin = plan.fleet;
  root.root.keys = {keys.root.public_key()};
  root.policy.keys = {keys.policy.public_key()};
  root.ledger.keys = {keys.ledger.public_key()};
  root.operators = {
      {.name = plan.operator_name,
       .key = keys.operators.public_key(),
       .transport_key = keys.operator_transport.public_key,
       .rights = {Right::view, Right::operate, Right::publish, Right::enroll, Right::administer}}};
  return root;
}

// Absent: the keys are not protected.
using OptionalPassphrase = std::optional<Passphrase>;

Status write_key(NewTree& tree, std::string_view name, KeyKind kind,
                 const FixedBytes<32>& public_key, const Secret& secret,
                 const OptionalPassphrase& passphrase) {
  if (!passphrase) return tree.file(name, encode_key_file(kind, public_key, secret), 0600);
  const auto bytes = encode_key_file(kind, public_key, secret, *passphrase, fresh_protection());
  return bytes.ok() ? tree.file(name, *bytes, 0600) : Status(bytes.error());
}

Status write_signing_key(NewTree& tree, std::string_view name, const SigningKey& key,
                         const OptionalPassphrase& passphrase) {
  return write_key(tree, name, KeyKind::ed25519, key.public_key(), key.seed(), passphrase);
}

Status write_transport_key(NewTree& tree, std::string_view name, const TransportKeyPair& pair,
                           const OptionalPassphrase& passphrase) {
  return write_key(tree, name, KeyKind::x25519, pair.public_key, pair.secret, passphrase);
}

std::string in_controller(std::string_view name) {
  return fmt::format("{}/{}", paths::fleet_controller, name);
}

Status fill(NewTree& tree, const Plan& plan, const Keys& keys, std::int64_t now_s,
            const OptionalPassphrase& passphrase) {
  const Bytes root =
      seal_object(ObjectType::root, encode_root(root_of(plan, keys, now_s)), keys.root);
  // Never hand out a root that agents would refuse.
  if (auto holds = verify_first_root(root); !holds.ok()) return holds.error();
  const std::string contact = encode_contact({.nodes_address = plan.nodes_address,
                                              .operators_address = plan.operators_address,
                                              .key = keys.controller_transport.public_key,
                                              .enroll_address = plan.enroll_address});
  REEVE_TRY(tree.directory(paths::fleet_keys, 0700));
  REEVE_TRY(write_signing_key(tree, paths::fleet_root_key, keys.root, passphrase));
  REEVE_TRY(write_signing_key(tree, paths::fleet_policy_key, keys.policy, passphrase));
  REEVE_TRY(write_signing_key(tree, paths::fleet_operator_key, keys.operators, passphrase));
  REEVE_TRY(write_transport_key(tree, paths::fleet_operator_transport_key, keys.operator_transport,
                                passphrase));
  REEVE_TRY(tree.directory(paths::fleet_public, 0755));
  REEVE_TRY(tree.file(paths::fleet_root, root, 0644));
  REEVE_TRY(tree.file(paths::fleet_contact, view_of(contact), 0644));
  REEVE_TRY(tree.directory(paths::fleet_controller, 0700));
  REEVE_TRY(write_signing_key(tree, in_controller(paths::ledger_key), keys.ledger, {}));
  REEVE_TRY(write_transport_key(tree, in_controller(paths::controller_transport_key),
                                keys.controller_transport, {}));
  return tree.file(in_controller(paths::controller_root), root, 0600);
}

std::string told(const Plan& plan, std::int64_t now_s) {
  const std::string directory = printable(plan.directory);
  return fmt::format(
      "Fleet {} is made in {}\n\n"
      "  {}/keys        root, policy and operator keys: keep them off the controller\n"
      "  {}/public      the signed root and the controller's address\n"
      "  {}/controller  carry this to the server, and nothing else\n\n"
      "Operator {} has every right. The root expires on {}.\n"
      "Nodes will connect to {}, operators to {}.\n\n"
      "next: reeve-controller run --state {}/controller \\\n"
      "        {}\n"
      "then: reeve token create --fleet {}, and on each host: reeve-agent join TOKEN\n",
      plan.fleet, directory, directory, directory, directory, plan.operator_name,
      moment_text((now_s + limits::root_lifetime_s) * 1'000'000'000).substr(0, 10),
      plan.nodes_address, plan.operators_address, directory, plan.listening, directory);
}

Result<OptionalPassphrase> passphrase_for(const Arguments& arguments) {
  if (arguments.has("no-passphrase")) return OptionalPassphrase{};
  auto chosen = PassphraseSource(arguments).choose("the fleet's keys");
  if (chosen.ok()) return OptionalPassphrase(*std::move(chosen));
  Error error = chosen.error();
  if (error.name == "passphrase_needed")
    error.next = "give --passphrase-file FILE, or --no-passphrase for a trial";
  return error;
}

int init_fleet(const Environment& environment, const Arguments& arguments) {
  const auto plan = plan_of(arguments);
  if (!plan.ok()) return print_error(plan.error());
  const std::int64_t now_s = environment.clock.wall_ns() / 1'000'000'000;
  auto tree = NewTree::create(plan->directory);
  if (!tree.ok()) return print_error(tree.error());
  const auto passphrase = passphrase_for(arguments);
  if (!passphrase.ok()) return print_error(passphrase.error());
  const Keys keys;
  if (auto filled = fill(*tree, *plan, keys, now_s, *passphrase); !filled.ok())
    return print_error(filled.error());
  if (auto kept = tree->keep(); !kept.ok()) return print_error(kept.error());
  print_out(told(*plan, now_s));
  return exit_code::done;
}

}  // namespace

int run_init(const Environment& environment, CommandArguments arguments) {
  return with_arguments(init_spec(), arguments,
                        [&](const Arguments& parsed) { return init_fleet(environment, parsed); });
}

}  // namespace reeve::cli
