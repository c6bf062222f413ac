#include "agent/retention.h"

#include <algorithm>

#include "agent/agent_limits.h"

namespace reeve {
namespace {

// What is acknowledged now is kept until then.
std::int64_t until(std::int64_t now_s) {
  const std::int64_t end = now_s + limits::acknowledged_kept_s;
  return (end / limits::acknowledged_mark_s + 1) * limits::acknowledged_mark_s;
}

}  // namespace

void Retention::acknowledged(std::uint32_t before, std::int64_t now_s) {
  if (!marks_.empty() && before <= marks_.back().before) return;
  const std::int64_t last = marks_.empty() ? 0 : marks_.back().until_s;
  const Mark mark{before, std::max(until(now_s), last)};
  const bool is_full = marks_.size() >= limits::acknowledged_marks_max;
  if (is_full || (!marks_.empty() && mark.until_s == last)) {
    marks_.back() = mark;
  } else {
    marks_.push_back(mark);
  }
}

std::uint32_t Retention::expired_before(std::int64_t now_s) {
  for (Mark& mark : marks_) mark.until_s = std::min(mark.until_s, until(now_s));
  while (!marks_.empty() && now_s >= marks_.front().until_s) {
    expired_before_ = marks_.front().before;
    marks_.pop_front();
  }
  return expired_before_;
}

void Retention::restore(std::deque<Mark> marks) {
  const bool is_ascending = std::ranges::is_sorted(marks, {}, &Mark::before) &&
                            std::ranges::is_sorted(marks, {}, &Mark::until_s);
  if (is_ascending) marks_ = std::move(marks);
}

}  // namespace reeve
