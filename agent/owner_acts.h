// What the owner of the host lets be for a while: a rule that is paused, an object that is held
// after its fix was undone. On the disk until its time is over, as operators' pauses are
// (pauses.h), and remembered for a day, because policy bounds how much of any 24 hours it may be.
// It knows no policy: the Agent asks which acts still fit it. Owned by the Agent; borrows disk,
// clock and time.
#pragma once

#include <string>
#include <vector>

#include "agent/asker.h"
#include "agent/trusted_time.h"
#include "common/act.h"

namespace reeve {

struct OwnerAct {
  ActId id;
  std::string policy;
  std::string rule;
  std::string object;  // any bytes, of a hold; empty: the whole rule is paused
  std::string reason;
  Asker who;
  std::int64_t until_s = 0;  // wall
  bool is_hold() const { return !object.empty(); }
  bool operator==(const OwnerAct&) const = default;
};

class OwnerActs {
 public:
  struct Parts {
    const Clock& clock;
    Disk& disk;
    TrustedTime& time;
  };
  explicit OwnerActs(const Parts& parts) : parts_(parts) {}

  // What was begun before the last stop. What cannot be read pauses nothing.
  void load();
  // For so many seconds, of at most `allowed_s` in any 24 hours for this rule and object. On the
  // disk when this returns; it takes the place of one that counts already. Errors:
  // `pause_not_allowed`, `too_many_pauses`, the disk's.
  Result<OwnerAct> begin(OwnerAct act, std::int64_t span_s, std::int64_t allowed_s);
  // It counts no more, whatever the disk says.
  void end(const ActId& id);
  // Lets go of what is over, and writes down how much is left.
  void expire();
  // When expire() has something to do by the clock alone (CLOCK_MONOTONIC); absent: never.
  std::optional<std::int64_t> next_due() const;

  // What counts now.
  std::vector<OwnerAct> counting() const;
  // How long it goes on; 0 where it does not count.
  std::int64_t left_s(const ActId& id) const;

 private:
  struct Held {
    OwnerAct act;
    std::int64_t began_boot_ns = 0;
    std::int64_t until_boot_ns = 0;
    bool is_over = false;  // and expire() has said so
  };
  static bool is_of(const OwnerAct& one, const OwnerAct& other);
  bool counts(const Held& held) const { return held.until_boot_ns > parts_.clock.boottime_ns(); }
  std::int64_t spent_s(const OwnerAct& of) const;
  std::int64_t span_s(const Held& held) const;
  Bytes written() const;
  Status write_down();

  Parts parts_;
  std::vector<Held> held_;
  std::int64_t written_boot_ns_ = 0;
};

}  // namespace reeve
