// What the circuit breaker remembers of one object's fixes, and the bounded store of it. A history
// outlives its incident, since what comes back after a fix that worked is what counts. The store
// holds limits::fix_histories_max; beyond that the rule with most of them loses the one that was
// longest idle and is not fought over, so that making many objects of one rule makes the breaker
// forget nothing of another. Names are kept as digests. Without clock or disk.
#pragma once

#include <list>
#include <map>

#include "agent/agent_limits.h"
#include "common/record.h"
#include "common/seal.h"

namespace reeve {

struct FixHistory {
  std::int64_t since_ns = 0;             // the first fix that counts, CLOCK_MONOTONIC as all here
  std::int64_t last_ns = 0;              // the last try
  std::uint32_t fixes = 0;               // that count, since then
  std::optional<std::int64_t> right_ns;  // right since then; absent while it deviates
  bool is_ours = false;                  // what made it right
  std::uint32_t returns = 0;             // in a row, at once after a fix
  std::uint32_t failures = 0;            // in a row
  bool is_undone = false;                // the last failure: the act passed and did not hold
  bool is_contested = false;
  std::int64_t next_ns = 0;  // contested: no fix before
  Cause rival;               // the candidate of a majority vote among those who broke it
  std::uint32_t votes = 0;   // how far it is ahead
  bool is_fought() const { return is_contested || returns > 0; }
};

// Counts one more deviation for whoever caused it. What stands at the end broke the object most
// often where anybody did more often than all others together (Boyer and Moore's vote).
void vote(FixHistory& history, const Cause& actor);

class FixHistories {
 public:
  struct Place {
    const std::string& policy;
    const std::string& rule;
    const std::string& object;
  };

  // Null where nothing is remembered. What is found counts as just used.
  FixHistory* find(const Place& place);
  const FixHistory* peek(const Place& place) const;
  // Found, or made; the reference holds until the next call.
  FixHistory& make(const Place& place);
  void erase(const Place& place);
  // Forgets what was last tried before this and is not contested.
  void expire(std::int64_t before_ns);
  std::size_t size() const { return size_; }

 private:
  using RuleKey = std::pair<std::string, std::string>;  // policy and rule
  struct Entry {
    Digest object;
    FixHistory history;
  };
  using Entries = std::list<Entry>;
  struct OfRule {
    Entries entries;  // longest idle first
    std::map<Digest, Entries::iterator> places;
  };
  void forget_one();

  std::map<RuleKey, OfRule> rules_;
  std::size_t size_ = 0;
};

}  // namespace reeve
