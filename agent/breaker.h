// The circuit breaker: whether a deviation may be fixed now, and if not, when. It holds back what
// somebody breaks again as often as it is put right, what keeps failing, and what would use more
// than its share of the agent (docs/architecture.md section 5); each is one answer, a time. An
// object beyond its figures is contested: of severity high or critical it is fixed at the ceiling
// rate, else it waits longer and longer. Owned by the Enforcer; without clock, disk or records. At
// an agent's start histories are empty: figures are counted anew, contentions go on.
#pragma once

#include "agent/fix_history.h"

namespace reeve {

class CircuitBreaker {
 public:
  // Whose turn it is.
  struct Turn {
    std::int64_t at_ns = 0;        // CLOCK_MONOTONIC: no fix before
    std::string_view reason = {};  // why it waits: "breaker", "retry", "budget"; empty: its turn
    std::uint32_t rung = 0;        // steps up the ladder of the object's kind
    bool waits() const { return !reason.empty(); }
  };

  // For each deviation that could be fixed, every time it is seen. `actor` is who caused it this
  // time, as far as is known.
  Turn turn(const Rule& rule, const Receipt& receipt, const Cause& actor, std::int64_t now_ns);
  // After each fix, with the receipt as the second look judged it.
  void tried(const Rule& rule, const Receipt& receipt, const Cause& actor, std::int64_t now_ns);

  // When it is to be asked again for one that is known to deviate and waits; absent where it is
  // now.
  std::optional<std::int64_t> waits_until(const Rule& rule, const std::string& policy,
                                          const std::string& object, std::int64_t now_ns) const;

  // Where no fix may be tried: the object was seen to deviate; its incident was closed because it
  // holds again. By the same figures one that comes back again and again is contested.
  void seen(const Rule& rule, const Receipt& receipt, const Cause& actor, std::int64_t now_ns);
  void closed(const Receipt& receipt, std::int64_t now_ns);

  bool is_contested(const Receipt& receipt) const;
  // The object was seen to deviate where no fix may be tried.
  void deviates(const Receipt& receipt);
  // The object was seen to hold. When its contention will be over if it goes on to, or is; absent
  // where there is none.
  std::optional<std::int64_t> calm_at(const Receipt& receipt, std::int64_t now_ns);
  // When an act of ours last made a contested object right, if that was what did.
  std::optional<std::int64_t> put_right_at(const Receipt& receipt) const;
  // Who broke a contested object most often, where that is known.
  std::optional<Cause> rival_of(const Receipt& receipt) const;
  // For the record of a contested object's contention; of one that is not remembered, as far as
  // the receipt tells.
  Contention contention(const Receipt& receipt, Phase phase, Moment now) const;

  // A contention that a start found open.
  void resume(const Receipt& receipt);
  void forget(const Receipt& receipt);
  // Frees what is too old to matter.
  void expire(std::int64_t now_ns);
  std::size_t size() const { return histories_.size(); }

 private:
  void begin_minute(std::int64_t now_ns);
  bool is_in_budget(const Rule& rule, const Receipt& receipt, const FixHistory* history) const;

  FixHistories histories_;
  std::int64_t minute_ns_ = 0;  // when the budget's minute began
  std::uint64_t used_ = 0;      // in it, by all rules
  std::map<std::pair<std::string, std::string>, std::uint64_t> used_by_;  // policy and rule
};

}  // namespace reeve
