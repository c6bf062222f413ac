// Who did it, from the kernel's table of execs, else from /proc. What makes an answer certain is
// order: an exec that was over before the read began, at which no event by that number waited yet,
// is the one behind what was read. A process that has not execed since the table was begun is
// looked at in /proc, and is certain if it is older than anything that could have waited. All else
// is unknown, with the number alone. Without a table nothing is certain.
#pragma once

#include <memory>

#include "agent/actors.h"
#include "agent/attribution/exec_table.h"
#include "common/clock.h"

namespace reeve {

// One process as it is now.
struct LiveProcess {
  std::int64_t began_before_ns = 0;  // CLOCK_MONOTONIC: it began before this
  Cause cause;                       // without confidence
};

class LiveProcesses {
 public:
  virtual ~LiveProcesses() = default;
  virtual std::optional<LiveProcess> look(std::uint64_t pid) = 0;
};

class ExecWitness final : public Actors {
 public:
  // `table` may be null. The others are borrowed.
  ExecWitness(std::unique_ptr<ExecTable> table, LiveProcesses& live, const Clock& clock)
      : table_(std::move(table)),
        live_(live),
        clock_(clock),
        read_began_ns_(clock.monotonic_ns()) {}

  void before_read() override;
  void after_read(Backlog left) override;
  Cause who(std::uint64_t pid) override;

 private:
  std::optional<Cause> from_table(std::uint32_t pid, const reeve_exec& exec) const;
  Cause from_life(std::uint64_t pid);

  std::unique_ptr<ExecTable> table_;
  LiveProcesses& live_;
  const Clock& clock_;
  std::int64_t read_began_ns_;        // the last one
  bool is_emptied_ = true;            // by the last read
  std::int64_t waited_since_ns_ = 0;  // nothing of the last read was done before
};

}  // namespace reeve
