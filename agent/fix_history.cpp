#include "agent/fix_history.h"

#include <algorithm>

#include "agent/agent_limits.h"
#include "common/limits.h"
#include "common/text.h"

namespace reeve {
namespace {

// A program that starts anew for each act has another pid and command every time.
bool is_same_actor(const Cause& one, const Cause& other) {
  return one.program == other.program && one.uid == other.uid && one.login_uid == other.login_uid;
}

}  // namespace

void vote(FixHistory& history, const Cause& actor) {
  if (actor.confidence == Confidence::unknown) return;
  Cause named = actor;
  named.program = shortened(named.program, limits::name_bytes_max);
  named.command = shortened(named.command, limits::name_bytes_max);
  if (history.votes > 0 && !is_same_actor(history.rival, named)) {
    --history.votes;
    return;
  }
  history.rival = std::move(named);
  ++history.votes;
}

FixHistory* FixHistories::find(const Place& place) {
  const auto rule = rules_.find({place.policy, place.rule});
  if (rule == rules_.end()) return nullptr;
  OfRule& of = rule->second;
  const auto found = of.places.find(sha256(view_of(place.object)));
  if (found == of.places.end()) return nullptr;
  of.entries.splice(of.entries.end(), of.entries, found->second);
  return &found->second->history;
}

const FixHistory* FixHistories::peek(const Place& place) const {
  const auto rule = rules_.find({place.policy, place.rule});
  if (rule == rules_.end()) return nullptr;
  const auto found = rule->second.places.find(sha256(view_of(place.object)));
  return found == rule->second.places.end() ? nullptr : &found->second->history;
}

FixHistory& FixHistories::make(const Place& place) {
  if (FixHistory* known = find(place)) return *known;
  if (size_ >= limits::fix_histories_max) forget_one();
  OfRule& of = rules_[{place.policy, place.rule}];
  of.entries.push_back({sha256(view_of(place.object)), {}});
  of.places.emplace(of.entries.back().object, std::prev(of.entries.end()));
  ++size_;
  return of.entries.back().history;
}

void FixHistories::erase(const Place& place) {
  const auto rule = rules_.find({place.policy, place.rule});
  if (rule == rules_.end()) return;
  OfRule& of = rule->second;
  const auto found = of.places.find(sha256(view_of(place.object)));
  if (found == of.places.end()) return;
  of.entries.erase(found->second);
  of.places.erase(found);
  --size_;
  if (of.entries.empty()) rules_.erase(rule);
}

void FixHistories::forget_one() {
  const auto most = std::ranges::max_element(
      rules_, {}, [](const auto& rule) { return rule.second.entries.size(); });
  OfRule& of = most->second;
  // What is fought over goes to the back and stays; once round, then the first goes all the same.
  for (std::size_t i = 0; i < of.entries.size() && of.entries.front().history.is_fought(); ++i)
    of.entries.splice(of.entries.end(), of.entries, of.entries.begin());
  of.places.erase(of.entries.front().object);
  of.entries.pop_front();
  --size_;
  if (of.entries.empty()) rules_.erase(most);
}

void FixHistories::expire(std::int64_t before_ns) {
  for (auto rule = rules_.begin(); rule != rules_.end();) {
    OfRule& of = rule->second;
    for (auto entry = of.entries.begin(); entry != of.entries.end();) {
      const FixHistory& history = entry->history;
      const bool is_over = !history.is_contested && history.last_ns < before_ns;
      if (is_over) of.places.erase(entry->object);
      size_ -= is_over ? 1 : 0;
      entry = is_over ? of.entries.erase(entry) : std::next(entry);
    }
    rule = of.entries.empty() ? rules_.erase(rule) : std::next(rule);
  }
}

}  // namespace reeve
