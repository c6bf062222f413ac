#include "agent/kinds/findings.h"

#include <fmt/format.h>

#include "agent/kind_limits.h"

namespace reeve {

void Findings::add(Deviation deviation) {
  const bool is_refused = !deviation.refusal.empty() && deviation.refusal != report_only;
  if (is_refused) {
    if (refused_ >= limits::check_refused_max) {
      ++unnamed_;
      out_.is_partial = true;
      return;
    }
    ++refused_;
  } else if (scope_.is_known && scope_.is_known(deviation)) {
    return;
  } else if (out_.deviations.size() - refused_ >= limits::check_fixable_max) {
    out_.has_more = out_.is_partial = true;
    return;
  }
  out_.deviations.push_back(std::move(deviation));
}

void Findings::add_unseen(Deviation deviation) {
  leave_rest_unseen();
  add(std::move(deviation));
}

void Findings::stop(Error why) {
  out_.is_partial = true;
  if (!out_.unseen) out_.unseen = std::move(why);
}

CheckResult Findings::finish(bool applicable) && {
  out_.applicable = applicable;
  if (unnamed_ == 0) return std::move(out_);
  for (auto last = out_.deviations.rbegin(); last != out_.deviations.rend(); ++last) {
    if (last->refusal.empty() || last->refusal == report_only) continue;
    last->refusal_detail +=
        fmt::format("; {} more that cannot be put right are not named", unnamed_);
    break;
  }
  return std::move(out_);
}

}  // namespace reeve
