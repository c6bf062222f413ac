#include "agent/enforcer.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "agent/agent_limits.h"
#include "common/limits.h"
#include "common/text.h"

namespace reeve {

Enforcer::Enforcer(Parts parts)
    : parts_(std::move(parts)),
      teller_(parts_.recorder, parts_.notes, parts_.clock, parts_.kept),
      cycle_({parts_.eyes, parts_.hands, parts_.clock, teller_, parts_.incidents, breaker_}),
      heard_wall_ns_(parts_.sensors.size(), parts_.clock.wall_ns()),
      blind_(parts_.sensors.size()),
      renewals_(parts_.sensors.size()),
      next_sweep_(INT64_MAX) {
  for (const Receipt& receipt : parts_.incidents.contested()) breaker_.resume(receipt);
}

// What will be counted only has no intent to be looked up by a start either.
void Enforcer::Teller::intend(const Receipt& receipt, Intent intent) {
  const bool is_durable = intent == Intent::durable;
  if (is_durable || budget_.has_room(receipt, clock_.monotonic_ns()))
    accounts_.intend(receipt, intent);
}

void Enforcer::Teller::record(const Receipt& receipt) {
  if (!budget_.take(receipt, moment_of(clock_))) return;
  notes_.note(fmt::format("{} {}: {}: {}{}{}", receipt.rule, printable(receipt.object),
                          receipt.outcome, printable(receipt.found),
                          receipt.desired.empty() ? "" : " -> ", printable(receipt.desired)));
  accounts_.record(receipt);
  last_.push_back({receipt.policy.name, receipt.rule, shortened(receipt.object, 256),
                   receipt.outcome, receipt.incident, clock_.wall_ns()});
  if (last_.size() > limits::status_receipts_max) last_.pop_front();
}

void Enforcer::Teller::record(const Contention& contention) {
  const std::string rival = contention.rival ? contention.rival->program : "";
  notes_.note(fmt::format("{} {}: {}, fixes: {}{}{}", contention.rule, printable(contention.object),
                          contention.phase == Phase::open ? "contested" : "contested no more",
                          contention.fixes, rival.empty() ? "" : ", rival: ", printable(rival)));
  accounts_.record(contention);
}

void Enforcer::adopt(ActivePolicy policy, std::string_view via) {
  withdrawals_.depart(std::exchange(policy_, std::move(policy)), policy_);
  rechecks_.clear();
  objects_due_ = 0;
  resting_.clear();
  blind_spots_.clear();
  cycle_.withdraw_others(policy_);
  std::vector<std::pair<WatchId, Watch>> watches;
  for (std::size_t i = 0; i < policy_.rules.size(); ++i)
    for (Watch& watch : policy_.rules[i].resource->watches())
      watches.emplace_back(static_cast<WatchId>(i), std::move(watch));
  for (Sensor* sensor : parts_.sensors) add_blind_spots(sensor->watch(watches));
  for (Renewal& renewal : renewals_) renewal.is_owed = false;
  is_state_owed_ = true;
  sweep_at_.reset();
  begin_sweep(via);
}

void Enforcer::set_fixing(Fixing fixing) {
  if (std::exchange(fixing_, fixing) == fixing) return;
  cycle_.set_fixing(fixing);
  for (ActiveRule& active : policy_.rules)
    if (active.state == RuleState::paused) active.state = RuleState::unknown;
  is_state_owed_ = true;
  begin_sweep(fixing == Fixing::paused ? "pause" : "resume");
}

void Enforcer::let_be(const std::vector<LetBe>& all) {
  for (std::size_t i = 0; i < policy_.rules.size(); ++i) {
    ActiveRule& active = policy_.rules[i];
    const std::string& policy = policy_.reference_of(active).name;
    bool is_paused = false;
    std::set<std::string> held;
    for (const LetBe& one : all) {
      if (one.rule != active.rule.id || one.policy != policy) continue;
      is_paused = is_paused || one.object.empty();
      if (!one.object.empty()) held.insert(one.object);
    }
    if (is_paused == active.is_paused && held == active.held) continue;
    active.is_paused = is_paused;
    active.held = std::move(held);
    // What was said of it before does not hold any more; the look follows at once.
    if (active.state == RuleState::paused || active.state == RuleState::held)
      active.state = RuleState::unknown;
    is_state_new_ = true;
    look_again(i, {"", parts_.clock.monotonic_ns()});
  }
}

bool Enforcer::hear(std::size_t index) {
  SensorReport report = parts_.sensors[index]->drain();
  add_blind_spots(report.blind_spots);
  const std::int64_t until = parts_.clock.monotonic_ns() + limits::work_slice_ns;
  std::set<std::pair<std::size_t, std::string>> heard;
  for (const Wake& wake : report.wakes) {
    if (wake.rule >= policy_.rules.size()) continue;
    if (wake.object && !heard.emplace(wake.rule, *wake.object).second) continue;
    const std::int64_t now = parts_.clock.monotonic_ns();
    if (now < until)
      hear(wake);
    else
      look_again(wake.rule, {wake.object.value_or(""), now});
  }
  if (report.overflowed) {
    blind_.add(index, heard_wall_ns_[index], parts_.clock.wall_ns());
    record_blind(blind_.take_due(parts_.clock.monotonic_ns()));
    renewals_[index].is_owed = true;
    begin_sweep("sweep");
  }
  heard_wall_ns_[index] = parts_.clock.wall_ns();
  return !report.wakes.empty() || report.overflowed || !report.blind_spots.empty();
}

void Enforcer::hear(const Wake& wake) {
  const std::pair what(std::size_t{wake.rule}, wake.object.value_or(""));
  const auto resting = wake.object ? resting_.find(what) : resting_.end();
  const auto due = rechecks_.find(what);
  const std::int64_t now = parts_.clock.monotonic_ns();
  if (resting == resting_.end() || resting->second <= now) {
    // This look is the one that was due as well.
    if (wake.object && due != rechecks_.end() && due->second <= now) {
      rechecks_.erase(due);
      --objects_due_;
    }
    return run(wake.rule, Scope{wake.object}, wake.cause);
  }
  if (due == rechecks_.end() || due->second > resting->second)
    look_again(wake.rule, {*wake.object, resting->second});
}

void Enforcer::run(std::size_t rule, const Scope& scope, const Cause& cause) {
  const std::int64_t began = parts_.clock.monotonic_ns();
  const CycleResult result = cycle_.run(policy_, rule, scope, cause);
  const std::int64_t now = parts_.clock.monotonic_ns();
  if (scope.object && now - began > limits::long_look_ns) {
    std::erase_if(resting_, [now](const auto& one) { return one.second <= now; });
    resting_[{rule, *scope.object}] = now + (now - began) * limits::long_look_share;
  }
  is_state_new_ = is_state_new_ || result.has_changed;
  if (result.has_deviated) rest_at_ = parts_.clock.monotonic_ns() + limits::rest_after_ns;
  if (parts_.recorder.is_crowded()) parts_.recorder.commit();
  // In the next step and not here: a rival that breaks as fast as we repair must not keep us from
  // everything else. One a rule at most, whatever else waits.
  if (result.is_cut_short && !scope.object) look_again(rule, {"", parts_.clock.monotonic_ns()});
  for (const Recheck& recheck : result.rechecks) look_again(rule, recheck);
}

// Of an object the newest word counts; a whole rule is looked at when the first of its reasons
// asks.
void Enforcer::look_again(std::size_t rule, const Recheck& recheck) {
  const std::pair what(rule, recheck.object);
  if (!recheck.object.empty() &&
      (rechecks_.contains(what) || objects_due_ < limits::rechecks_max)) {
    objects_due_ += rechecks_.insert_or_assign(what, recheck.at_ns).second ? 1 : 0;
    return;
  }
  const auto [known, is_new] = rechecks_.try_emplace({rule, ""}, recheck.at_ns);
  if (!is_new) known->second = std::min(known->second, recheck.at_ns);
}

void Enforcer::work() {
  renew_due();
  recheck_due();
  record_blind(blind_.take_due(parts_.clock.monotonic_ns()));
  record_gaps(teller_.budget().take_due(parts_.clock.monotonic_ns()));
  if (!sweep_at_ && parts_.clock.monotonic_ns() >= next_sweep_) begin_sweep("sweep");
  if (sweep_at_) sweep_slice();
  record_state_if_due();
  rest_if_due();
}

void Enforcer::rest_if_due() {
  if (sweep_at_ || !rest_at_ || parts_.clock.monotonic_ns() < *rest_at_) return;
  rest_at_.reset();
  if (parts_.hands != nullptr) parts_.hands->rest();
}

// Watches first, then the look: what changes in between is told of or seen.
void Enforcer::renew_due() {
  for (std::size_t i = 0; i < renewals_.size(); ++i) {
    const std::int64_t began = parts_.clock.monotonic_ns();
    if (!renewals_[i].is_owed || began < renewals_[i].at_ns) continue;
    add_blind_spots(parts_.sensors[i]->renew());
    const std::int64_t now = parts_.clock.monotonic_ns();
    const std::int64_t rest = (now - began) * limits::sensor_renewal_share;
    renewals_[i] = {false, now + std::max(rest, limits::sensor_renewal_ns)};
    begin_sweep("sweep");
  }
}

void Enforcer::recheck_due() {
  const std::int64_t now = parts_.clock.monotonic_ns();
  std::vector<std::pair<std::size_t, std::string>> due;
  for (const auto& [what, at] : rechecks_)
    if (at <= now) due.push_back(what);
  Cause cause;
  cause.via = "retry";
  for (const auto& what : due) {
    if (parts_.clock.monotonic_ns() >= now + limits::work_slice_ns) return;
    rechecks_.erase(what);
    Scope scope;
    if (!what.second.empty()) {
      scope.object = what.second;
      --objects_due_;
    }
    run(what.first, scope, cause);
  }
}

void Enforcer::begin_sweep(std::string_view via) {
  // One that is under way goes on from where it is, once round: begun anew each time, it would
  // never come to the last rules while somebody makes a sensor lose events again and again.
  if (!sweep_at_) sweep_at_ = 0;
  sweep_left_ = policy_.rules.size();
  sweep_via_ = via;
  for (std::size_t i = 0; i < parts_.sensors.size(); ++i)
    if (parts_.sensors[i]->fd() < 0) hear(i);
}

void Enforcer::sweep_slice() {
  const std::int64_t until = parts_.clock.monotonic_ns() + limits::sweep_slice_ns;
  Cause cause;
  cause.via = sweep_via_;
  while (sweep_left_ > 0) {
    --sweep_left_;
    if (*sweep_at_ >= policy_.rules.size()) sweep_at_ = 0;
    run((*sweep_at_)++, {}, cause);
    if (parts_.clock.monotonic_ns() >= until) return;
  }
  end_sweep();
}

void Enforcer::end_sweep() {
  sweep_at_.reset();
  // What replaces it stands by now: nothing is open in between.
  if (parts_.hands != nullptr) withdrawals_.run(parts_.eyes, *parts_.hands, parts_.clock, teller_);
  breaker_.expire(parts_.clock.monotonic_ns());
  next_sweep_ = parts_.clock.monotonic_ns() + jittered_sweep_interval();
  if (std::exchange(is_state_owed_, false)) record_state();
}

// Within a tenth of the interval, so that a fleet's agents do not sweep together.
std::int64_t Enforcer::jittered_sweep_interval() {
  parts_.jitter_seed = parts_.jitter_seed * 6364136223846793005u + 1442695040888963407u;
  const auto dice = static_cast<std::int64_t>((parts_.jitter_seed >> 33) % 2'000);
  return limits::sweep_interval_ns + limits::sweep_interval_ns / 10'000 * (dice - 1'000);
}

std::int64_t Enforcer::next_due() const {
  if (sweep_at_) return INT64_MIN;
  std::int64_t due = next_sweep_;
  for (const auto& [what, at] : rechecks_) due = std::min(due, at);
  due = std::min(due, blind_.next_due().value_or(due));
  due = std::min(due, teller_.budget().next_due().value_or(due));
  for (const Renewal& renewal : renewals_)
    if (renewal.is_owed) due = std::min(due, renewal.at_ns);
  due = std::min(due, rest_at_.value_or(due));
  if (policy_.version == 0) return due;
  due = std::min(due, state_recorded_at_ + limits::state_record_hourly_ns);
  if (is_state_new_) due = std::min(due, state_recorded_at_ + limits::state_record_change_ns);
  return due;
}

void Enforcer::record_state_if_due() {
  if (policy_.version == 0 || is_state_owed_) return;
  const std::int64_t age = parts_.clock.monotonic_ns() - state_recorded_at_;
  if (age >= limits::state_record_hourly_ns ||
      (is_state_new_ && age >= limits::state_record_change_ns))
    record_state();
}

// Low severity, and so of the routine stream: it comes at its time and says nothing new.
void Enforcer::record_state() {
  Value::Array bundles;
  for (const ActiveBundle& bundle : policy_.bundles) {
    Bytes codes;
    for (std::size_t i = 0; i < bundle.rules; ++i)
      codes.push_back(static_cast<std::uint8_t>(policy_.rules[bundle.first_rule + i].state));
    bundles.push_back(Value::Map{{"digest", bundle.reference.digest}, {"rules", codes}});
  }
  parts_.recorder.add("state", Severity::low,
                      {{"version", policy_.version},
                       {"manifest", policy_.manifest},
                       {"bundles", std::move(bundles)}});
  is_state_new_ = false;
  ++state_records_;
  state_recorded_at_ = parts_.clock.monotonic_ns();
}

void Enforcer::record_blind(const std::vector<BlindPeriods::Period>& periods) {
  for (const BlindPeriods::Period& period : periods) {
    const std::string_view name = parts_.sensors[period.sensor]->name();
    parts_.notes.note(fmt::format("sensor {}: events were lost; looking at everything", name));
    parts_.recorder.add("blind", std::nullopt,
                        {{"sensor", name},
                         {"since", period.since_ns},
                         {"until", period.until_ns},
                         {"count", period.count}});
  }
}

// As a gap of the journal's, with the rule whose it is.
void Enforcer::record_gaps(const std::vector<ReceiptBudget::Gap>& gaps) {
  for (const ReceiptBudget::Gap& gap : gaps) {
    parts_.notes.note(fmt::format("{}: more receipts than one rule may write: {} are counted only",
                                  gap.rule, gap.count));
    Value::Map counts;
    for (std::size_t i = 0; i < gap.by_severity.size(); ++i)
      counts.emplace_back(std::string(name_of(static_cast<Severity>(i))), gap.by_severity[i]);
    counts.emplace_back("none", std::uint64_t{0});
    parts_.recorder.add("gap", std::nullopt,
                        {{"stream", name_of(gap.stream)},
                         {"count", gap.count},
                         {"by_severity", std::move(counts)},
                         {"since", gap.since_ns},
                         {"until", gap.until_ns},
                         {"hash", gap.hash},
                         {"policy", gap.policy},
                         {"rule", gap.rule}});
  }
}

void Enforcer::stop() {
  record_blind(blind_.take_all());
  record_gaps(teller_.budget().take_all());
}

void Enforcer::add_blind_spots(const std::vector<std::string>& spots) {
  for (const std::string& spot : spots) {
    if (blind_spots_.size() >= limits::blind_spots_max) return;
    std::string told = shortened(printable(spot), limits::name_bytes_max);
    if (std::ranges::find(blind_spots_, told) != blind_spots_.end()) continue;
    parts_.notes.note("blind spot: " + told);
    blind_spots_.push_back(std::move(told));
  }
}

std::array<std::uint32_t, rule_states> Enforcer::counts() const {
  std::array<std::uint32_t, rule_states> out{};
  for (const ActiveRule& rule : policy_.rules) ++out[static_cast<std::size_t>(rule.state)];
  return out;
}

std::vector<std::string> Enforcer::sensor_names() const {
  std::vector<std::string> out;
  for (const Sensor* sensor : parts_.sensors) out.emplace_back(sensor->name());
  return out;
}

}  // namespace reeve
