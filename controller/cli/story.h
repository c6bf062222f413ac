// The story of an incident in words: who did what to which object, from where, whether it was put
// right and how fast. Everything that came from elsewhere is made printable here.
#pragma once

#include "controller/cli/verify.h"

namespace reeve::cli {

std::string story_of(const SeenRecord& seen, const Receipt& receipt);

// "/usr/bin/puppet, process 4242, uid 0 (certain, seen by fanotify)": on one line.
std::string actor_text(const Cause& cause);
// What else is known of it, as lines of fields.
std::string actor_lines(const Cause& cause);

// Whether the object has deviated again since: `later` are the rule's records on that node that
// were sealed after this one, as far as they were sent; `is_all` says that no more were held back
// by a bound of ours.
struct Since {
  std::vector<SeenRecord> later;
  bool is_all = false;
};
std::string held_since(const SeenRecord& seen, const Receipt& receipt, const Since& since);

}  // namespace reeve::cli
