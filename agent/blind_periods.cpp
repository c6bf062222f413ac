#include "agent/blind_periods.h"

#include <algorithm>
#include <utility>

#include "agent/agent_limits.h"

namespace reeve {

void BlindPeriods::add(std::size_t sensor, std::int64_t since_ns, std::int64_t until_ns) {
  std::optional<Period>& waiting = sensors_[sensor].waiting;
  if (!waiting) waiting = Period{sensor, since_ns, until_ns, 0};
  waiting->since_ns = std::min(waiting->since_ns, since_ns);
  waiting->until_ns = std::max(waiting->until_ns, until_ns);
  ++waiting->count;
}

std::vector<BlindPeriods::Period> BlindPeriods::take_due(std::int64_t now_ns) {
  std::vector<Period> out;
  for (OfSensor& of : sensors_) {
    if (!of.waiting || now_ns < of.due_ns) continue;
    out.push_back(*std::exchange(of.waiting, std::nullopt));
    of.due_ns = now_ns + limits::blind_record_ns;
  }
  return out;
}

std::vector<BlindPeriods::Period> BlindPeriods::take_all() {
  for (OfSensor& of : sensors_) of.due_ns = 0;
  return take_due(0);
}

std::optional<std::int64_t> BlindPeriods::next_due() const {
  std::optional<std::int64_t> due;
  for (const OfSensor& of : sensors_)
    if (of.waiting) due = std::min(due.value_or(of.due_ns), of.due_ns);
  return due;
}

}  // namespace reeve
