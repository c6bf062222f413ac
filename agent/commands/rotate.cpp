// reeve-agent rotate: asks the agent on this host for a new transport key.
#include "agent/commands/commands.h"
#include "agent/control.h"

namespace reeve {

int rotate_key(const Options& options) {
  const auto answer = ask_agent(options.state, "rotate");
  if (!answer.ok()) return tell_error(answer.error());
  print("The agent has a new transport key; it is in use once the controller has it.\n");
  return 0;
}

}  // namespace reeve
