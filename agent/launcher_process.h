// What the launcher is made of: the constructor-level seam by which a test gives it programs and
// times of its own. The product calls launch(), which passes the compile-time table and limits.h.
#pragma once

#include <cstdint>

#include "agent/agent_limits.h"
#include "agent/launcher.h"
#include "agent/programs.h"

namespace reeve {

struct LaunchTimes {
  std::int64_t restart_min_ns = limits::restart_delay_min_ns;
  std::int64_t restart_max_ns = limits::restart_delay_max_ns;
  std::int64_t silence_max_ns = limits::agent_silence_max_ns;
  std::int64_t stop_grace_ns = limits::stop_grace_ns;
};

Result<int> launch_with(const LaunchPlan& plan, const Programs& programs, const LaunchTimes& times);

// How long to wait before the next start of a child: doubling, and forgotten once a child has
// lived for limits::restart_forgotten_ns.
class Backoff {
 public:
  Backoff(std::int64_t min_ns, std::int64_t max_ns)
      : min_ns_(min_ns), max_ns_(max_ns), delay_ns_(min_ns) {}
  std::int64_t after(std::int64_t lived_ns);

 private:
  std::int64_t min_ns_;
  std::int64_t max_ns_;
  std::int64_t delay_ns_;
};

// The launcher's side of a channel.
struct Reports {
  bool is_alive = false;       // the deciding process has said so
  bool wants_scratch = false;  // it waits for a scratch child
  bool wants_courier = false;  // the one that it has is stuck
};
Reports take_reports(int channel);
bool send_courier(int channel, const Fd& end);  // false when it could not be delivered
bool send_scratch(int channel, const Fd& end);
void send_stop(int channel, const StopRequest& request);

}  // namespace reeve
