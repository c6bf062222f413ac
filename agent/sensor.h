// Sensors say only "look again (and who)": they decide nothing. A sensor owns one descriptor that
// the loop polls; it may wake for more than was asked and must not miss what it said it watches
// without saying that it overflowed.
#pragma once

#include "agent/kind.h"
#include "common/record.h"

namespace reeve {

using WatchId = std::uint32_t;  // the loop's number of a rule

struct Wake {
  WatchId rule = 0;
  std::optional<std::string> object;  // absent: look at everything the rule covers
  Cause cause;
};

struct SensorReport {
  std::vector<Wake> wakes;
  bool overflowed = false;  // events were lost: renew(), sweep, record the blind period
  std::vector<std::string> blind_spots;  // what could no longer be watched since watch()
};

class Sensor {
 public:
  virtual ~Sensor() = default;
  virtual std::string_view name() const = 0;
  virtual int fd() const = 0;  // readable when drain() has something to say; -1: only polled
  // Replaces all that is watched. Answers what cannot be watched, for the blind spots. Nothing is
  // missed from the return on: whoever calls this checks every rule once afterwards.
  virtual std::vector<std::string> watch(const std::vector<std::pair<WatchId, Watch>>& all) = 0;
  virtual SensorReport drain() = 0;
  // After events were lost: finds anew what there is to watch, and answers as watch() does. It may
  // take long, so that whoever calls this decides how often. Sensors without such a book have none.
  virtual std::vector<std::string> renew() { return {}; }
};

}  // namespace reeve
