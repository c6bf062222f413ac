// What operators' acts pause on this host (docs/architecture.md section 4): every act that was
// accepted, on the disk until its time is over, so that no restart prolongs a pause and none begins
// twice. It decides nothing about policy: the Agent asks which of them count. Owned by the Agent;
// borrows disk, clock and time.
#pragma once

#include <deque>

#include "agent/trusted_time.h"
#include "common/act.h"

namespace reeve {

class Pauses {
 public:
  struct Parts {
    const Clock& clock;
    Disk& disk;
    TrustedTime& time;
    const Labels& labels;
  };
  explicit Pauses(const Parts& parts) : parts_(parts) {}

  // What was accepted before the last stop and still counts under this root. What cannot be read
  // pauses nothing.
  void load(const Root& root);

  // The first time that this object was refused for this reason; empty also for what is known.
  // Errors: verify_act()'s, require_current()'s, `not_for_this_node`, `too_many_acts`, the disk's.
  std::optional<Error> offer(ByteView object, const Root& root);
  // Lets go of what is over, and of pauses that a new root's operators have not signed or whose
  // selector no longer matches. An end stays until its time is over, whoever signed it: the pause
  // that it ended must not come again.
  void expire(const Root& root);
  // When expire() has something to do by the clock alone, or the disk is to be told how much time
  // is left (CLOCK_MONOTONIC); absent when nothing is held.
  std::optional<std::int64_t> next_due() const;

  // The pauses of this version of the policy that count now.
  std::vector<VerifiedAct> of_version(std::uint64_t version) const;
  // Every pause that is held, of whatever version.
  std::vector<ActId> ids() const;
  // The act that ended this pause before its time; null for none.
  const VerifiedAct* ended_by(const ActId& id) const;

 private:
  // An act and how long it counts. One that ends a pause stands in for it, so that the pause cannot
  // come again.
  struct Held {
    VerifiedAct verified;
    Bytes object;
    std::int64_t until_boot_ns = 0;
  };
  Result<Held> judge(ByteView object, const Root& root) const;
  Result<Held> recall(ByteView object, const Root& root) const;
  Held counting(VerifiedAct verified, ByteView object) const;
  bool is_held(const ActId& id) const;
  Status keep(Held held);
  Status write_down();
  std::int64_t left_s(const Held& held) const;
  std::optional<Error> refuse(ByteView object, const Error& error);

  Parts parts_;
  std::vector<Held> held_;
  std::uint64_t root_version_ = 0;    // under which all of them were judged
  std::int64_t written_boot_ns_ = 0;  // when the disk was last told what is left
  std::deque<std::pair<Digest, std::string>> refused_;
};

}  // namespace reeve
