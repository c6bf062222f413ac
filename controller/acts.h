// Operators' acts as the controller hands them to nodes: those that still count, in memory and in
// the store. Agents verify each of them again; an honest controller just does not spread what they
// would refuse. Borrows nothing but for the time of a call.
#pragma once

#include "common/act.h"
#include "common/clock.h"
#include "common/record.h"
#include "controller/store/store.h"

namespace reeve {

class Acts {
 public:
  // Errors: the store's. What cannot be read, is over, or is a pause by somebody who may no more,
  // is left out. The end of a pause counts until its time whatever the root says of its signer.
  Status load(const Store& store, const Root& root, std::int64_t now_s);
  // The same for what is kept here, by a root that has come since.
  void judge_again(const Root& root);
  void forget_over(std::int64_t now_s);

  // An act that may be entered beside all that is kept. Errors: verify_act()'s,
  // require_current()'s, `unknown_act` (an end of a pause that is not here), `act_ended` (a pause
  // that was ended, or another of its id), `too_many_acts`.
  Result<VerifiedAct> check(ByteView object, const Root& root, std::int64_t now_s) const;
  bool holds(ByteView object) const;
  // Once that is durable: an end takes the place of its pause.
  void adopt(VerifiedAct act, Bytes object);

  // What a node that reports these pauses lacks, as whole messages.
  std::vector<Bytes> messages_for(const Heartbeat& heartbeat, const Labels& labels,
                                  std::int64_t now_s) const;
  // Signed objects of those that count now.
  std::vector<Bytes> objects(std::int64_t now_s) const;

 private:
  struct Kept {
    VerifiedAct verified;
    Bytes object;
  };
  const Kept* find(const ActId& id) const;

  std::vector<Kept> kept_;
};

}  // namespace reeve
