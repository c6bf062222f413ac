#include "agent/attribution/witness.h"

#include "agent/attribution/words.h"

namespace reeve {
namespace {

Cause only_number(std::uint64_t pid) {
  Cause cause;
  cause.pid = pid;
  return cause;
}

}  // namespace

void ExecWitness::before_read() {
  if (is_emptied_) waited_since_ns_ = read_began_ns_;
  read_began_ns_ = clock_.monotonic_ns();
}

void ExecWitness::after_read(Backlog left) { is_emptied_ = left == Backlog::none; }

Cause ExecWitness::who(std::uint64_t pid) {
  if (!table_) return from_life(pid);
  const auto number = static_cast<std::uint32_t>(pid);
  const auto exec = table_->find(number);
  if (!exec.ok()) return only_number(pid);
  if (*exec) return from_table(number, **exec).value_or(only_number(pid));
  Cause cause = from_life(pid);
  // Had it execed since the event, the table would have it by now.
  const auto since = table_->find(number);
  return since.ok() && !*since ? cause : only_number(pid);
}

// An exec while or after we read, or before which something by that number may have waited, says
// nothing of what that number had been before.
std::optional<Cause> ExecWitness::from_table(std::uint32_t pid, const reeve_exec& exec) const {
  const bool is_before = static_cast<std::int64_t>(exec.time_ns) < read_began_ns_;
  if (!is_before || (exec.flags & reeve_flag_pending) != 0) return std::nullopt;
  return cause_of(pid, exec);
}

Cause ExecWitness::from_life(std::uint64_t pid) {
  auto live = live_.look(pid);
  if (!live || live->began_before_ns >= waited_since_ns_) return only_number(pid);
  // A process can make the link to its program lead where it likes (prctl(2), PR_SET_MM; a mount
  // namespace of its own): what proc shows of it is its own word.
  live->cause.confidence = Confidence::likely;
  return std::move(live->cause);
}

}  // namespace reeve
