#include "controller/credits.h"

#include <algorithm>

#include "controller/controller_limits.h"

namespace reeve {

void Credits::came(const NodeId& node, std::int64_t now_ns) {
  turn_page(now_ns);
  now_.insert(node);
}

std::uint32_t Credits::share(std::int64_t now_ns) {
  turn_page(now_ns);
  const std::size_t share = total_ / std::max<std::size_t>(senders(), 1);
  if (share < limits::credit_bytes_min) return 0;
  return static_cast<std::uint32_t>(std::min(share, limits::credit_bytes_max));
}

void Credits::turn_page(std::int64_t now_ns) {
  const std::int64_t age = now_ns - page_ns_;
  if (age < limits::credit_interval_ns) return;
  before_ = std::exchange(now_, {});
  if (age >= 2 * limits::credit_interval_ns) before_.clear();
  page_ns_ = now_ns;
}

}  // namespace reeve
