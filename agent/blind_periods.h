// When sensors were blind: a sensor that loses events again and again, because somebody makes it,
// costs one record in limits::blind_record_ns, which covers all its periods since the one before.
// Owned by the Enforcer.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/agent_limits.h"
#include "agent/moment.h"

namespace reeve {

class BlindPeriods {
 public:
  // One sensor's, to be recorded. Wall times in nanoseconds.
  struct Period {
    std::size_t sensor = 0;
    std::int64_t since_ns = 0;
    std::int64_t until_ns = 0;
    std::uint64_t count = 0;  // how often events were lost
  };
  explicit BlindPeriods(std::size_t sensors) : sensors_(sensors) {}

  // Events were lost between these wall times.
  void add(std::size_t sensor, std::int64_t since_ns, std::int64_t until_ns);
  // What may be recorded at this monotonic time; it is then nobody's but the caller's.
  std::vector<Period> take_due(std::int64_t now_ns);
  // All of it, before a stop.
  std::vector<Period> take_all();
  // When take_due() has something, on the monotonic clock.
  std::optional<std::int64_t> next_due() const;

 private:
  struct OfSensor {
    std::optional<Period> waiting;
    std::int64_t due_ns = 0;
  };
  std::vector<OfSensor> sensors_;
};

}  // namespace reeve
