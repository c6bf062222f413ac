// How much each node may have on its way to this controller, so that a fleet that comes back after
// a long absence neither fills memory nor starves a neighbour: limits::credit_bytes_total is shared
// evenly among the nodes that have sent batches lately. What nobody has been told is bounded by
// limits::first_credit_bytes a node (docs/formats.md, "Acknowledgement").
#pragma once

#include <set>

#include "common/policy.h"
#include "controller/controller_limits.h"

namespace reeve {

class Credits {
 public:
  explicit Credits(std::size_t bytes_total = limits::credit_bytes_total) : total_(bytes_total) {}

  // A batch of this node came, at this boot time.
  void came(const NodeId& node, std::int64_t now_ns);
  // What each of them may have on its way from now on, in bytes; 0: too many share.
  std::uint32_t share(std::int64_t now_ns);
  // How many share.
  std::size_t senders() const { return std::max(now_.size(), before_.size()); }

 private:
  void turn_page(std::int64_t now_ns);

  std::size_t total_;
  std::set<NodeId> now_;     // since page_ns_
  std::set<NodeId> before_;  // in the interval before
  std::int64_t page_ns_ = 0;
};

}  // namespace reeve
