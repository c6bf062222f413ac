// What one rule may write to the journal: whoever makes it find new objects without end, each with
// a receipt of its own, fills no disk and buries no other rule's records. Beyond its figures
// (agent_limits.h) receipts are counted into one `gap` record a minute. Owned by the Enforcer.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <vector>

#include "agent/agent_limits.h"
#include "common/record.h"

namespace reeve {

class ReceiptBudget {
 public:
  // One rule's receipts that are not recorded. Wall times in nanoseconds.
  struct Gap {
    std::string policy;
    std::string rule;
    Stream stream = Stream::urgent;
    std::uint64_t count = 0;
    std::array<std::uint64_t, 4> by_severity{};
    std::int64_t since_ns = 0;
    std::int64_t until_ns = 0;
    Digest hash;  // SHA-256 over the previous value and the receipt, from 32 zero bytes
  };

  // True where the receipt is to be recorded; else it has been counted.
  bool take(const Receipt& receipt, Moment now);
  // Whether take() would answer true.
  bool has_room(const Receipt& receipt, std::int64_t now_ns) const;
  // What is due to be recorded at this monotonic time; it is then nobody's but the caller's.
  std::vector<Gap> take_due(std::int64_t now_ns);
  std::vector<Gap> take_all() { return take_due(INT64_MAX); }
  // When take_due() has something.
  std::optional<std::int64_t> next_due() const;

 private:
  struct OfRule {
    std::int64_t paid_until_ns = 0;  // all that was recorded, at a receipt every rule_receipt_ns
    std::optional<Gap> gap;
    std::int64_t due_ns = 0;
  };
  static bool is_payable(const OfRule& of, std::int64_t now_ns);

  std::map<std::pair<std::string, std::string>, OfRule> rules_;  // policy and rule
};

}  // namespace reeve
