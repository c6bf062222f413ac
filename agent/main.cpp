// reeve-agent: the table of its commands.
#include <fmt/format.h>

#include <cstdio>
#include <span>

#include "agent/commands/commands.h"
#include "common/revision.h"
#include "common/seal.h"
#include "common/text.h"

namespace {

using namespace reeve;

struct Command {
  Usage usage;
  std::string_view summary;
  int (*run)(const Options&);
};

constexpr Command commands[] = {
    {{.command = "run",
      .takes_root = true,
      .takes_state = true,
      .takes_courier_user = true,
      .takes_journal_max = true},
     "watch this host and put deviations right",
     run_agent},
    {{.command = "join", .takes_token = true, .takes_state = true, .takes_courier_user = true},
     "enroll this host by a token of `reeve token create`",
     join_fleet},
    {{.command = "check", .takes_bundle = true, .takes_root = true, .takes_json = true},
     "look once and change nothing",
     check_bundle},
    {{.command = "fix", .takes_bundle = true, .takes_root = true, .takes_json = true},
     "put right once; receipts are unsealed",
     fix_bundle},
    {{.command = "status", .takes_state = true, .takes_json = true},
     "what the agent on this host says of itself",
     show_status},
    {{.command = "why", .takes_state = true, .takes_json = true, .takes_subject = true},
     "which rules speak about a path or a port, and what each would do",
     show_why},
    {{.command = "pause", .takes_state = true, .takes_json = true, .takes_pause = true},
     "let a rule be for a while, within what policy allows",
     pause_rule},
    {{.command = "undo", .takes_state = true, .takes_json = true, .takes_undo = true},
     "take a fix back, and leave it so for a while",
     undo_fix},
    {{.command = "rotate", .takes_state = true},
     "a new transport key for the agent on this host",
     rotate_key},
    {{.command = "vet", .takes_bundle = true, .takes_json = true},
     "what the kinds think of a bundle",
     vet_bundle},
    {{.command = "explain", .takes_bundle = true, .takes_json = true},
     "a bundle's rules in words",
     explain_bundle},
    {{.command = "plan", .takes_bundle = true, .takes_root = true, .takes_json = true},
     "what a fix would do",
     plan_bundle},
};

std::string help() {
  std::string out =
      "usage: reeve-agent COMMAND [OPTION...]\n\n"
      "Keeps this host as signed policy wants it, and accounts for every act.\n\n";
  for (const Command& command : commands)
    out += fmt::format("  {:<8} {}\n", command.usage.command, command.summary);
  return out +
         "\n  --help, --version\n"
         "\n`reeve-agent COMMAND --help` explains one command. Exit: 0 compliant or done,\n"
         "1 could not do it, 2 deviations remain.\n";
}

Error unknown_command(const std::string& word) {
  std::vector<std::string> names;
  for (const Command& command : commands) names.emplace_back(command.usage.command);
  const std::string near = closest(word, names);
  return {"usage", fmt::format("there is no command `{}`", printable(word)),
          near.empty() ? "reeve-agent --help" : fmt::format("did you mean `{}`?", near)};
}

int run_command(const Command& command, std::span<const std::string> words) {
  const auto options = parse_options(command.usage, words);
  if (!options.ok()) return tell_error(options.error());
  if (!options->asks_for_help) return command.run(*options);
  print(help_for(command.usage));
  return 0;
}

int run(const std::vector<std::string>& words) {
  if (words.empty()) return tell_error({"usage", "a command is needed", "reeve-agent --help"});
  if (words[0] == "--help" || words[0] == "-h") return print(help()), 0;
  if (words[0] == "--version") return print(version_line("reeve-agent")), 0;
  for (const Command& command : commands)
    if (command.usage.command == words[0]) return run_command(command, std::span(words).subspan(1));
  return tell_error(unknown_command(words[0]));
}

}  // namespace

int main(int argc, char** argv) {
  if (auto ready = init_crypto(); !ready.ok()) return tell_error(ready.error());
  try {
    return run({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    return tell_error({"failed", error.what()});
  }
}
