// reeve-agent pause: the host's owner lets a rule be for a while, within what signed policy allows;
// the agent records who asked.
#include <fmt/format.h>

#include "agent/commands/commands.h"
#include "agent/control.h"
#include "common/text.h"

namespace reeve {
namespace {

Result<Value> ask(const Options& options) {
  if (options.is_end) return ask_agent(options.state, "end_pause", {{"rule", options.rule}});
  return ask_agent(options.state, "pause",
                   {{"rule", options.rule}, {"for", options.for_s}, {"reason", options.reason}});
}

std::string sentence(const Options& options, const Value& answer) {
  const std::string rule = printable(text_at(answer, "rule"));
  if (options.is_end) return fmt::format("{} is enforced as policy says again.\n", rule);
  std::string out =
      fmt::format("{} is paused until {} UTC; `reeve-agent pause {} --end` ends it before.\n", rule,
                  until_text(answer), rule);
  if (text_at(answer, "enforced") == "no") out += "It is in mode audit and fixes nothing anyway.\n";
  return out;
}

}  // namespace

int pause_rule(const Options& options) {
  const auto answer = ask(options);
  if (!answer.ok()) return tell_error(answer.error());
  print(options.is_json ? json_of(*answer) + "\n" : sentence(options, *answer));
  return 0;
}

}  // namespace reeve
