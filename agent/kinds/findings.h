// What one check finds, within its bounds. What cannot be put right has little room of its own, so
// that whoever makes very many such objects hides none that can be. What is left out shows in the
// result: as more to come, as a number, as a reason. Lives for one check.
#pragma once

#include "agent/kind.h"

namespace reeve {

class Findings {
 public:
  // The scope is borrowed.
  explicit Findings(const Scope& scope) : scope_(scope) {}

  void count_objects(std::size_t count) { out_.objects += count; }
  void add(Deviation deviation);
  // A part of what the rule speaks of was not looked at, for a deviation that says so.
  void add_unseen(Deviation deviation);
  void leave_rest_unseen() { out_.is_partial = true; }
  // The rest is not looked at, for this reason. The first one counts.
  void stop(Error why);
  // Whether to go on looking.
  bool is_open() const { return !out_.has_more && !out_.unseen; }
  // Nothing that the rule speaks of was found.
  bool is_empty() const { return out_.objects == 0 && out_.deviations.empty(); }
  CheckResult finish(bool applicable) &&;

 private:
  const Scope& scope_;
  CheckResult out_;
  std::size_t refused_ = 0;  // named
  std::size_t unnamed_ = 0;  // refused as well
};

}  // namespace reeve
