// reeve, the security team's command. This file is the table of commands and the only place where
// the real clock and the real link are made.
#include <fmt/format.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>

#include "common/revision.h"
#include "common/text.h"
#include "controller/cli/commands.h"
#include "controller/cli/options.h"
#include "controller/cli/terminal.h"

namespace {

using namespace reeve;
using namespace reeve::cli;

struct Command {
  std::string name;  // one or two words
  std::string summary;
  std::function<int(const Environment&, CommandArguments)> run;
};

// Commands that need nothing but files do without the environment.
template <int (*run)(CommandArguments)>
int on_files(const Environment& /*environment*/, CommandArguments arguments) {
  return run(arguments);
}

std::vector<Command> command_table() {
  return {
      {"init", "make a fleet: keys, signed root, the controller's directory", run_init},
      {"lint", "every error of policy source, with its position", on_files<run_lint>},
      {"compile", "policy source to the bundle that agents take", on_files<run_compile>},
      {"diff", "rules added, changed and removed; hosts that a draft speaks to", run_diff},
      {"push", "lint, compile, sign, publish, and show hosts adopting it", run_push},
      {"sign", "add your signature to a draft, seen in words first", on_files<run_sign>},
      {"policy log", "who signed which policy, when and from what", run_policy_log},
      {"pause", "stop fixing for a while: an operator's signed act", run_pause},
      {"status", "how every host stands, by its own signed heartbeat", run_status},
      {"records", "what nodes found and put right, from the ledger", run_records},
      {"explain", "what a name means and what to do, or a rule in force", run_explain},
      {"show", "one record in full, and whether its proof holds", run_show},
      {"export", "records as they come: to a file, syslog or a webhook", run_export},
      {"report", "how controls stand or stood on each host, for auditors", run_report},
      {"redact", "take one record's body away: an operator's signed act", run_redact},
      {"ledger checkpoint", "the ledger's head, verified, for other tools too",
       run_ledger_checkpoint},
      {"ledger recover", "go on with a ledger that was put back from a backup", run_ledger_recover},
      {"ledger prove", "one record with all that proves it, in one file", run_ledger_prove},
      {"ledger verify", "a proof file, or a whole ledger, judged offline", run_ledger_verify},
      {"ledger compare", "whether two checkpoints or proofs are of one ledger",
       on_files<run_ledger_compare>},
      {"ledger witnesses", "which nodes cosign the ledger's checkpoints", run_ledger_witnesses},
      {"token create", "make a token with which new hosts enroll by themselves", run_token_create},
      {"token list", "tokens, how often they were used and until when", run_token_list},
      {"token revoke", "let nobody enroll with a token any more", run_token_revoke},
      {"node enroll", "make a new node's state directory and register it", run_node_enroll},
      {"node approve", "sign the certificate of a node that waits for it", run_node_approve},
      {"node label", "change what selectors of policies match", run_node_label},
      {"node retire", "the orderly end of a node", run_node_retire},
      {"node revoke", "end a node whose keys are not to be trusted", run_node_revoke},
      {"node forget", "expect a node no longer in listings", on_files<run_node_forget>},
      {"node list", "the fleet's nodes and their labels", run_node_list},
      {"node show", "one node in full", run_node_show},
      {"root show", "who may sign what, and until when", run_root_show},
      {"root rotate", "renew the root", run_root_rotate},
      {"root add-key", "give a role another key", run_root_add_key},
      {"root remove-key", "take a key away from a role", run_root_remove_key},
      {"root set-threshold", "how many keys of a role must sign", run_root_set_threshold},
      {"root add-operator", "an operator, or other keys and rights for one", run_root_add_operator},
      {"root remove-operator", "take an operator's rights away", run_root_remove_operator},
      {"root sign", "the same as sign", on_files<run_sign>},
      {"root submit", "publish a root that enough people have signed", run_root_submit},
      {"key new", "make a key under a passphrase", on_files<run_key_new>},
      {"key show", "the public half of a key file", on_files<run_key_show>},
      {"key passphrase", "put keys under another passphrase", on_files<run_key_passphrase>},
  };
}

std::string help(const std::vector<Command>& commands) {
  std::vector<std::pair<std::string, std::string>> lines;
  for (const Command& command : commands) lines.emplace_back(command.name, command.summary);
  return "usage: reeve COMMAND [ARGUMENT...]\n\n"
         "Writes, signs and distributes host policy, and answers from the ledger of what\n"
         "was found, put right and proven.\n\n" +
         two_columns(lines) +
         "\n  --help, --version\n"
         "\n`reeve COMMAND --help` explains one command. The fleet directory is --fleet DIR,\n"
         "else REEVE_FLEET, else ~/.config/reeve. Exit codes: 0 done and compliant, 1 could\n"
         "not do it, 2 deviations remain, hosts refused or are late, a proof fails.\n";
}

Error unknown_command(const std::vector<Command>& commands, CommandArguments arguments) {
  std::vector<std::string> names;
  for (const Command& command : commands) names.push_back(command.name);
  std::string near = closest(arguments[0], names);
  if (near.empty() && arguments.size() > 1) {
    near = closest(arguments[0] + " " + arguments[1], names);
  }
  std::string detail = fmt::format("there is no command `{}`", arguments[0]);
  if (!near.empty()) detail += fmt::format("; did you mean `reeve {}`?", near);
  return Error{.name = "usage", .detail = std::move(detail), .next = "reeve --help"};
}

// How many of the arguments are this command's name; 0 where it is not meant.
std::size_t words_of(const Command& command, CommandArguments arguments) {
  if (!arguments.empty() && arguments[0] == command.name) return 1;
  if (arguments.size() > 1 && arguments[0] + " " + arguments[1] == command.name) return 2;
  return 0;
}

// The commands of one first word, such as `node`; empty where there are none.
std::string family_help(const std::vector<Command>& commands, const std::string& word) {
  std::vector<std::pair<std::string, std::string>> lines;
  for (const Command& command : commands) {
    if (command.name.starts_with(word + " ")) lines.emplace_back(command.name, command.summary);
  }
  if (lines.empty()) return {};
  return fmt::format("usage: reeve {} COMMAND\n\n", word) + two_columns(lines);
}

int dispatch(const Environment& environment, CommandArguments arguments) {
  const auto commands = command_table();
  if (arguments.empty() || arguments[0] == "--help" || arguments[0] == "-h" ||
      arguments[0] == "help") {
    print_out(help(commands));
    return arguments.empty() ? exit_code::failed : exit_code::done;
  }
  if (arguments[0] == "--version") {
    print_out(version_line("reeve"));
    return exit_code::done;
  }
  for (const Command& command : commands) {
    const std::size_t words = words_of(command, arguments);
    if (words > 0) return command.run(environment, arguments.subspan(words));
  }
  const bool asks = arguments.size() == 1 || arguments[1] == "--help" || arguments[1] == "-h";
  const std::string family = asks ? family_help(commands, arguments[0]) : std::string();
  if (family.empty()) return print_error(unknown_command(commands, arguments));
  print_out(family);
  return arguments.size() == 1 ? exit_code::failed : exit_code::done;
}

// A reader that has left, such as `head`, is no news to anybody: the shell learns it as of any
// other program. Everything of the command's own has been undone or committed by now.
int end_without_output(const OutputLost& lost) {
  if (lost.os_errno == EPIPE) {
    std::signal(SIGPIPE, SIG_DFL);
    std::raise(SIGPIPE);
    return exit_code::failed;
  }
  auto error = os_error("output_lost", "write", "standard output", lost.os_errno);
  error.next = "see to the place where the output goes, then ask again";
  return print_error(error);
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  if (auto ready = init_crypto(); !ready.ok()) return print_error(ready.error());
  const SystemClock clock;
  const Environment environment{
      clock, [](const ControllerContact& contact, const TransportKey& own, const Secret& secret) {
        return ZmqClient::connect(contact.operators_address, contact.key, own, secret);
      }};
  try {
    return dispatch(environment, std::vector<std::string>(argv + 1, argv + argc));
  } catch (const OutputLost& lost) {
    return end_without_output(lost);
  }
}
