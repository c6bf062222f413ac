#include "agent/breaker.h"

#include <algorithm>

#include "agent/agent_limits.h"

namespace reeve {
namespace {

constexpr std::int64_t second_ns = 1'000'000'000;

FixHistories::Place place_of(const Receipt& receipt) {
  return {receipt.policy.name, receipt.rule, receipt.object};
}

bool is_urgent(const Rule& rule) { return rule.severity >= Severity::high; }

std::int64_t doubled(std::int64_t min_ns, std::int64_t max_ns, std::uint32_t times) {
  std::int64_t out = min_ns;
  while (times-- > 0 && out < max_ns) out *= 2;
  return std::min(out, max_ns);
}

std::int64_t ceiling_ns(const Rule& rule) { return second_ns / rule.breaker.ceiling_per_second; }

// When an object's figures let it be fixed again; the past where they do not hold it back.
std::int64_t figures_at(const FixHistory& history, const Breaker& figures) {
  if (history.fixes >= figures.fixes_per_hour) {
    const std::int64_t wait = doubled(limits::contested_wait_min_ns, limits::contested_wait_max_ns,
                                      history.fixes - figures.fixes_per_hour);
    return std::max(history.since_ns + limits::breaker_hour_ns, history.last_ns + wait);
  }
  if (history.fixes >= figures.fixes_first_minute)
    return history.since_ns + limits::breaker_minute_ns;
  return 0;
}

// When what failed is tried again; the past where nothing did.
std::int64_t retry_at(const FixHistory& history, const Rule& rule) {
  if (history.failures == 0) return 0;
  std::int64_t max_ns = limits::fix_retry_max_ns;
  // Whoever undoes an act before it is read back, or makes it fail, wins no time by that.
  if (is_urgent(rule))
    max_ns = history.is_undone ? ceiling_ns(rule) : limits::fix_retry_urgent_max_ns;
  return history.last_ns +
         doubled(std::min(limits::fix_retry_min_ns, max_ns), max_ns, history.failures - 1);
}

// The object deviates again: a new hour, and one more for whoever broke it.
void begin_return(FixHistory& history, const Cause& actor, std::int64_t now_ns) {
  if (!history.is_contested && now_ns - history.since_ns >= limits::breaker_hour_ns)
    history.fixes = 0;
  if (history.right_ns) vote(history, actor);
}

CircuitBreaker::Turn turn_of(FixHistory& history, const Rule& rule, std::int64_t now_ns) {
  CircuitBreaker::Turn turn{figures_at(history, rule.breaker), {}, 0};
  if (turn.at_ns > now_ns) history.is_contested = true;
  if (history.is_contested && is_urgent(rule)) turn.at_ns = history.last_ns + ceiling_ns(rule);
  history.next_ns = turn.at_ns;
  turn.rung = history.returns + (history.is_contested ? 1 : 0);
  if (turn.at_ns > now_ns) turn.reason = "breaker";
  const std::int64_t retry_ns = retry_at(history, rule);
  if (retry_ns > now_ns && retry_ns > turn.at_ns) turn = {retry_ns, "retry", turn.rung};
  return turn;
}

// The object deviates: is it back, and how soon?
void came_back(FixHistory& history, const Cause& actor, std::int64_t now_ns) {
  begin_return(history, actor, now_ns);
  if (!history.right_ns) return;
  const std::int64_t held_ns = now_ns - *history.right_ns;
  history.right_ns.reset();
  if (held_ns <= limits::quick_return_ns)
    ++history.returns;
  else if (held_ns >= limits::rung_held_ns)
    history.returns = 0;
}

void count_round(FixHistory& history, std::int64_t now_ns) {
  if (history.fixes == 0) history.since_ns = now_ns;
  ++history.fixes;
}

// Critical rules, and contested objects of high ones, which have a ceiling of their own.
bool is_beyond_budgets(const Rule& rule, const FixHistory* history) {
  if (rule.severity == Severity::critical) return true;
  return is_urgent(rule) && history != nullptr && history->is_contested;
}

}  // namespace

CircuitBreaker::Turn CircuitBreaker::turn(const Rule& rule, const Receipt& receipt,
                                          const Cause& actor, std::int64_t now_ns) {
  begin_minute(now_ns);
  Turn turn;
  FixHistory* history = histories_.find(place_of(receipt));
  if (history != nullptr) {
    came_back(*history, actor, now_ns);
    turn = turn_of(*history, rule, now_ns);
  }
  if (turn.waits() || is_in_budget(rule, receipt, history)) return turn;
  return {minute_ns_ + limits::breaker_minute_ns, "budget", turn.rung};
}

void CircuitBreaker::tried(const Rule& rule, const Receipt& receipt, const Cause& actor,
                           std::int64_t now_ns) {
  FixHistory& history = histories_.make(place_of(receipt));
  const bool is_undone = receipt.outcome == outcome::not_held;
  // Between an act that passed and the look after it somebody was faster: whoever woke us now.
  if (history.last_ns == 0 || is_undone) vote(history, actor);
  if (!is_beyond_budgets(rule, &history)) {
    ++used_;
    ++used_by_[{receipt.policy.name, receipt.rule}];
  }
  history.last_ns = now_ns;
  const bool is_right = receipt.outcome == outcome::fixed || receipt.outcome == outcome::resolved;
  // An object that was exchanged under the act was broken by somebody just as well.
  const bool is_foiled = receipt.reason == "object_changed" || receipt.outcome == outcome::resolved;
  if (is_right || is_foiled || is_undone) count_round(history, now_ns);
  if (is_right || is_foiled) history.failures = 0;
  if (is_right) {
    history.right_ns = now_ns;
    history.is_ours = receipt.outcome == outcome::fixed;
  } else if (!is_foiled) {
    history.is_undone = is_undone;
    history.returns += is_undone ? 1 : 0;
    ++history.failures;
  }
}

std::optional<std::int64_t> CircuitBreaker::waits_until(const Rule& rule, const std::string& policy,
                                                        const std::string& object,
                                                        std::int64_t now_ns) const {
  const FixHistory* history = histories_.peek({policy, rule.id, object});
  if (history == nullptr || history->right_ns) return std::nullopt;
  FixHistory as_asked = *history;
  const Turn turn = turn_of(as_asked, rule, now_ns);
  // What becomes contested by being asked is to be told.
  const bool is_news = as_asked.is_contested != history->is_contested;
  return turn.waits() && !is_news ? std::optional(turn.at_ns) : std::nullopt;
}

void CircuitBreaker::seen(const Rule& rule, const Receipt& receipt, const Cause& actor,
                          std::int64_t now_ns) {
  FixHistory* history = histories_.find(place_of(receipt));
  if (history == nullptr) return;
  begin_return(*history, actor, now_ns);
  history->right_ns.reset();
  history->next_ns = figures_at(*history, rule.breaker);
  if (history->next_ns > now_ns) history->is_contested = true;
}

void CircuitBreaker::closed(const Receipt& receipt, std::int64_t now_ns) {
  if (is_contested(receipt)) return;
  FixHistory& history = histories_.make(place_of(receipt));
  if (history.last_ns == 0) vote(history, receipt.cause);
  count_round(history, now_ns);
  history.last_ns = now_ns;
  history.right_ns = now_ns;
  history.is_ours = false;
}

// The figures are those of the rule that asks. A rule's first fix of a minute is never held back,
// so that rules which use up everything put no other to sleep.
bool CircuitBreaker::is_in_budget(const Rule& rule, const Receipt& receipt,
                                  const FixHistory* history) const {
  if (is_beyond_budgets(rule, history)) return true;
  const auto found = used_by_.find({receipt.policy.name, receipt.rule});
  if (found == used_by_.end()) return true;
  const std::uint64_t all = rule.breaker.agent_fixes_per_minute;
  return used_ < all && found->second < all * rule.breaker.rule_share_percent / 100;
}

void CircuitBreaker::begin_minute(std::int64_t now_ns) {
  if (now_ns - minute_ns_ < limits::breaker_minute_ns) return;
  minute_ns_ = now_ns;
  used_ = 0;
  used_by_.clear();
}

bool CircuitBreaker::is_contested(const Receipt& receipt) const {
  const FixHistory* history = histories_.peek(place_of(receipt));
  return history != nullptr && history->is_contested;
}

void CircuitBreaker::deviates(const Receipt& receipt) {
  if (FixHistory* history = histories_.find(place_of(receipt))) history->right_ns.reset();
}

std::optional<std::int64_t> CircuitBreaker::calm_at(const Receipt& receipt, std::int64_t now_ns) {
  FixHistory* history = histories_.find(place_of(receipt));
  if (history == nullptr || !history->is_contested) return std::nullopt;
  if (!history->right_ns) {
    history->right_ns = now_ns;
    history->is_ours = false;
  }
  return *history->right_ns + limits::contention_held_ns;
}

std::optional<std::int64_t> CircuitBreaker::put_right_at(const Receipt& receipt) const {
  const FixHistory* history = histories_.peek(place_of(receipt));
  if (history == nullptr || !history->is_contested || !history->is_ours) return std::nullopt;
  return history->right_ns;
}

Contention CircuitBreaker::contention(const Receipt& receipt, Phase phase, Moment now) const {
  Contention out;
  out.incident = receipt.incident;
  out.phase = phase;
  out.policy = receipt.policy.name;
  out.rule = receipt.rule;
  out.object = receipt.object;
  out.owner = receipt.owner;
  out.since_ns = receipt.detected.wall_ns;
  out.until_ns = now.wall_ns;
  const FixHistory* history = histories_.peek(place_of(receipt));
  if (history == nullptr) return out;
  const auto wall_of = [&](std::int64_t mono_ns) { return now.wall_ns - now.mono_ns + mono_ns; };
  out.fixes = history->fixes;
  if (history->fixes > 0) out.since_ns = std::min(out.since_ns, wall_of(history->since_ns));
  if (phase == Phase::open) out.until_ns = wall_of(std::max(now.mono_ns, history->next_ns));
  out.rival = rival_of(receipt);
  return out;
}

std::optional<Cause> CircuitBreaker::rival_of(const Receipt& receipt) const {
  const FixHistory* history = histories_.peek(place_of(receipt));
  if (history == nullptr || !history->is_contested || history->votes == 0) return std::nullopt;
  return history->rival;
}

void CircuitBreaker::resume(const Receipt& receipt) {
  histories_.make(place_of(receipt)).is_contested = true;
}

void CircuitBreaker::forget(const Receipt& receipt) { histories_.erase(place_of(receipt)); }

void CircuitBreaker::expire(std::int64_t now_ns) {
  histories_.expire(now_ns - limits::breaker_hour_ns);
}

}  // namespace reeve
