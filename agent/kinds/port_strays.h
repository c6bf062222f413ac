// What listens against a rule: judges every socket that the rule speaks of, by its rows, its owner
// and the files that its holders run. A process that nobody is seen to hold matches no row with a
// program. Looks only; one pass over the processes a check, and none where no socket needs it.
#pragma once

#include "agent/kinds/port_rule.h"

namespace reeve {

// An object on which at least one socket may not listen.
struct Stray {
  std::string object;
  std::vector<Listener> sockets;                          // those that may not
  std::vector<std::pair<std::uint64_t, Holder>> holders;  // of these sockets, by inode
  // A program of a row cannot be told for sure: reported, and nothing is done.
  std::optional<Error> doubt;
};

struct StraySearch {
  std::vector<Stray> strays;  // sorted by object
  std::uint64_t objects = 0;  // that the rule speaks of
};

// Whose holders are looked for: those of every stray, to name and to end them, or only of sockets
// that cannot be judged without.
enum class HoldersWanted : std::uint8_t { of_strays, for_judgement };

// Where there are too many descriptors to search, what cannot be judged without its holders is in
// doubt, and of the rest nobody is known to hold it. Errors: `check_failed`, `too_many_objects`.
Result<StraySearch> find_strays(const PortRule& rule, const Eyes& eyes, const Scope& scope,
                                HoldersWanted wanted);

// "/usr/bin/nc (pid 7, user bob)", for people; of several the first, and how many.
std::string words_for_holders(const Stray& stray, const Eyes& eyes);
// Who is behind it: certain for one holder, likely for several, absent for none.
std::optional<Cause> culprit_of(const Stray& stray);

}  // namespace reeve
