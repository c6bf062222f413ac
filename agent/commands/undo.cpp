// reeve-agent undo: the host's owner takes a fix back, and it is left so for a while.
#include <fmt/format.h>

#include "agent/agent_limits.h"
#include "agent/commands/commands.h"
#include "agent/control.h"
#include "common/text.h"

namespace reeve {

int undo_fix(const Options& options) {
  const std::int64_t span_s = options.for_s > 0 ? options.for_s : limits::undo_span_s;
  const auto answer =
      ask_agent(options.state, "undo",
                {{"record", options.record}, {"for", span_s}, {"reason", options.reason}});
  if (!answer.ok()) return tell_error(answer.error());
  if (options.is_json) {
    print(json_of(*answer) + "\n");
    return 0;
  }
  const std::string rule = printable(text_at(*answer, "rule"));
  print(
      fmt::format("{}: {} again, and held until {} UTC; `reeve-agent pause {} --end` ends that.\n",
                  printable(text_at(*answer, "object")), printable(text_at(*answer, "left")),
                  until_text(*answer), rule));
  if (text_at(*answer, "exact") == "no")
    print("It is not exactly as it was found before the fix; the record says how.\n");
  return 0;
}

}  // namespace reeve
