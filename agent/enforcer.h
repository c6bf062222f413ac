// From sensors and timers to due rules: it keeps the policy in force, hears its sensors, sweeps,
// and runs the cycle. It never waits: a sweep is done in slices, so that wakes come between. Owned
// by the Agent, which lends everything else.
#pragma once

#include <deque>

#include "agent/blind_periods.h"
#include "agent/cycle.h"
#include "agent/kept_fixes.h"
#include "agent/notes.h"
#include "agent/receipt_budget.h"
#include "agent/record.h"
#include "agent/sensor.h"
#include "agent/withdrawals.h"

namespace reeve {

// What the host's owner wants left as it is: a rule, or one object of it.
struct LetBe {
  std::string policy;
  std::string rule;
  std::string object;  // empty: all of the rule
};

// A receipt as the host's owner is told of it.
struct ToldReceipt {
  std::string policy;
  std::string rule;
  std::string object;  // shortened
  std::string outcome;
  FixedBytes<16> incident;
  std::int64_t wall_ns = 0;
};

class Enforcer {
 public:
  struct Parts {
    const Eyes& eyes;
    Hands* hands;
    const Clock& clock;
    Recorder& recorder;
    Incidents& incidents;
    std::vector<Sensor*> sensors;
    Notes& notes;
    std::uint64_t jitter_seed = 0;
    KeptFixes* kept = nullptr;  // null: nothing can be undone
  };
  explicit Enforcer(Parts parts);

  // Replaces the policy in force: sensors watch it and a sweep begins, with `via` as its cause.
  void adopt(ActivePolicy policy, std::string_view via);
  // Pauses all fixes, or goes on with them: everything is looked at again. The same again: nothing.
  void set_fixing(Fixing fixing);
  // All that is to be let be from now on: what that changes is looked at again.
  void let_be(const std::vector<LetBe>& all);
  // A sensor's descriptor is readable.
  // Answers whether it had anything to say.
  bool hear(std::size_t sensor);
  // Due rechecks, and of a sweep as much as fits into one slice.
  void work();
  // Everything is looked at again, soon, with `via` as the cause.
  void sweep(std::string_view via) {
    if (!policy_.rules.empty()) begin_sweep(via);
  }
  // What is not on record yet and would be lost with this process.
  void stop();
  // When work() has something to do by the clock alone; the past while a sweep goes on.
  std::int64_t next_due() const;

  const ActivePolicy& policy() const { return policy_; }
  std::array<std::uint32_t, rule_states> counts() const;
  // How many state records there have been: a heartbeat follows each.
  std::uint64_t state_records() const { return state_records_; }
  // Who fights over a contested object, where that is known.
  std::optional<Cause> rival_of(const Receipt& receipt) const { return breaker_.rival_of(receipt); }
  const std::vector<std::string>& blind_spots() const { return blind_spots_; }
  std::vector<std::string> sensor_names() const;
  // The newest last.
  const std::deque<ToldReceipt>& last_receipts() const { return teller_.last(); }

 private:
  // Tells the owner of the host what is being accounted for, and keeps each rule to its share.
  class Teller final : public Accounts {
   public:
    Teller(Accounts& accounts, Notes& notes, const Clock& clock, KeptFixes* kept)
        : accounts_(accounts), notes_(notes), clock_(clock), kept_(kept) {}
    void intend(const Receipt& receipt, Intent intent) override;
    void record(const Receipt& receipt) override;
    void record(const Contention& contention) override;
    void keep(const Receipt& receipt, const Kept& kept) override {
      if (kept_ != nullptr) kept_->add(receipt, kept);
    }
    void count_only(const Receipt& receipt) override { accounts_.count_only(receipt); }
    ReceiptBudget& budget() { return budget_; }
    const ReceiptBudget& budget() const { return budget_; }
    const std::deque<ToldReceipt>& last() const { return last_; }

   private:
    Accounts& accounts_;
    Notes& notes_;
    const Clock& clock_;
    KeptFixes* kept_;
    ReceiptBudget budget_;
    std::deque<ToldReceipt> last_;
  };

  void run(std::size_t rule, const Scope& scope, const Cause& cause);
  void hear(const Wake& wake);
  void look_again(std::size_t rule, const Recheck& recheck);
  void renew_due();
  void begin_sweep(std::string_view via);
  void sweep_slice();
  void end_sweep();
  void recheck_due();
  void add_blind_spots(const std::vector<std::string>& spots);
  void record_blind(const std::vector<BlindPeriods::Period>& periods);
  void record_gaps(const std::vector<ReceiptBudget::Gap>& gaps);
  void rest_if_due();
  void record_state_if_due();
  void record_state();
  std::int64_t jittered_sweep_interval();

  Parts parts_;
  Teller teller_;
  CircuitBreaker breaker_;
  Cycle cycle_;
  Fixing fixing_ = Fixing::on;
  ActivePolicy policy_;
  Withdrawals withdrawals_;
  std::vector<std::string> blind_spots_;
  std::vector<std::int64_t> heard_wall_ns_;  // by sensor: when it was last heard
  BlindPeriods blind_;
  struct Renewal {
    bool is_owed = false;
    std::int64_t at_ns = 0;  // not before
  };
  std::vector<Renewal> renewals_;        // by sensor
  std::optional<std::size_t> sweep_at_;  // the next rule of the sweep that goes on
  std::size_t sweep_left_ = 0;           // how many rules until it is done
  std::string sweep_via_;
  std::int64_t next_sweep_ = 0;
  std::optional<std::int64_t> rest_at_;  // absent: nothing has deviated since the last rest
  // Rule and object, or none for the whole of it: due.
  std::map<std::pair<std::size_t, std::string>, std::int64_t> rechecks_;
  std::size_t objects_due_ = 0;  // how many of them name an object
  // Rule and object whose look took long: not for a sensor before.
  std::map<std::pair<std::size_t, std::string>, std::int64_t> resting_;
  bool is_state_new_ = false;   // since the last state record
  bool is_state_owed_ = false;  // at the end of the first sweep of a policy
  std::int64_t state_recorded_at_ = 0;
  std::uint64_t state_records_ = 0;
};

}  // namespace reeve
