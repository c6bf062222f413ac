// The sensor of listening sockets: looks at all of them four times a second (less often where there
// are very many, limits.h) and wakes the rules for every object whose sockets came, went, or were
// seen to be gone in between by somebody else's look. It cannot see what listens for less than its
// interval, nor that a socket passed to another process; the sweep finds the latter. Without a rule
// that asks, its clock stands still. A sensor that the kernel tells of new sockets takes its place
// behind the same interface.
#pragma once

#include <memory>

#include "agent/host_sockets.h"
#include "agent/sensor.h"
#include "common/fd.h"

namespace reeve {

// What is different between two looks, whoever says when to look.
class ListenerChanges {
 public:
  // The objects that differ from the look before, sorted, each once. A look is sorted, too.
  std::vector<std::string> since_last(const std::vector<Listener>& now);
  void forget() { last_.clear(); }

 private:
  std::vector<Listener> last_;  // sorted
};

class ListenerSensor final : public Sensor {
 public:
  // The eyes are borrowed for its life. Errors: `sensor_failed`.
  static Result<std::unique_ptr<ListenerSensor>> open(const SocketEyes& eyes);

  ListenerSensor(const SocketEyes& eyes, Fd timer) : eyes_(eyes), timer_(std::move(timer)) {}
  ListenerSensor(const ListenerSensor&) = delete;

  std::string_view name() const override { return "sock_diag"; }
  int fd() const override { return timer_.get(); }
  std::vector<std::string> watch(const std::vector<std::pair<WatchId, Watch>>& all) override;
  // Looks, whether or not its clock has told it to. A look that fails is told as a loss of events
  // once, until one succeeds.
  SensorReport drain() override;

 private:
  Status set_timer(std::int64_t interval_ns);
  Status keep_pace(std::size_t listeners);
  std::vector<Wake> wakes_for(const std::vector<std::string>& objects) const;

  const SocketEyes& eyes_;
  Fd timer_;
  std::vector<WatchId> rules_;          // sorted, each once
  std::optional<Transport> transport_;  // that all of them ask for; absent: both
  ListenerChanges changes_;
  std::int64_t interval_ns_ = 0;
  bool is_blind_ = false;
};

}  // namespace reeve
