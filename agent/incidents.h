// The incidents that are open: one per (policy, rule, object), from the record that opens it to the
// record that closes it. Rebuilt from the journal at a start. A plain container without clock or
// disk; the cycle decides what happens to an incident. Owned by the Agent.
#pragma once

#include <map>
#include <optional>

#include "agent/agent_limits.h"
#include "common/record.h"

namespace reeve {

struct Incident {
  Receipt receipt;          // as it was opened
  bool is_recorded = true;  // false: only its intent is, from before a kill
  // Somebody fights over it: it stays open for as long as its contention does.
  bool is_contested() const { return receipt.outcome == outcome::contested; }
};

class Incidents {
 public:
  using ByObject = std::map<std::string, Incident>;

  // Null where nothing is open.
  Incident* find(const std::string& policy, const std::string& rule, const std::string& object);
  // Replaces what was open for the same rule and object. False where is_full().
  [[nodiscard]] bool open(Incident incident);
  void erase(const Receipt& receipt);

  // Of one rule, by object; empty where nothing is open.
  const ByObject& of_rule(const std::string& policy, const std::string& rule) const;
  // All of a stream, for the head of a new journal segment.
  std::vector<const Incident*> of_stream(Stream stream) const;
  std::vector<Receipt> contested() const;
  // All of rules for which `in_force(policy, rule)` is false.
  template <class InForce>
  std::vector<Incident> of_other_rules(const InForce& in_force) const {
    std::vector<Incident> out;
    for (const auto& [rule, objects] : rules_)
      if (!in_force(rule.first, rule.second))
        for (const auto& [object, incident] : objects) out.push_back(incident);
    return out;
  }
  std::size_t size() const { return size_; }
  // limits::open_incidents_max, or the rule's own share of them.
  bool is_full(const std::string& policy, const std::string& rule) const {
    return size_ >= limits::open_incidents_max ||
           of_rule(policy, rule).size() >= limits::rule_incidents_max;
  }

 private:
  using RuleKey = std::pair<std::string, std::string>;  // policy and rule
  std::map<RuleKey, ByObject> rules_;
  std::size_t size_ = 0;
};

}  // namespace reeve
