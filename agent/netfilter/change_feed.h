// What the kernel tells of changes to the ruleset as they are committed: netlink's nf_tables group.
// Each transaction is one Change, with the process that the kernel names at its end. A number of a
// process is one of the first pid namespace, and its name is what that process calls itself. One
// thread uses it.
#pragma once

#include <memory>

#include "agent/host_ruleset.h"
#include "agent/netfilter/netfilter_limits.h"
#include "common/fd.h"

namespace reeve {

struct RulesetChange {
  std::vector<TableId> tables;  // each once, in order of their first change
  std::uint64_t pid = 0;        // 0 where the kernel has not said who
  std::string program;
};

struct RulesetNews {
  std::vector<RulesetChange> changes;
  bool overflowed = false;  // some were lost
};

class ChangeFeed {
 public:
  // receive_bytes is asked of the kernel, which gives an ordinary user less. Errors:
  // `sensor_failed`.
  static Result<std::unique_ptr<ChangeFeed>> open(int receive_bytes);
  explicit ChangeFeed(Fd socket);

  int fd() const { return socket_.get(); }
  // What waits, at most limits::ruleset_feed_messages_max messages of it.
  RulesetNews read();

 private:
  enum class Got { messages, nothing, overflow };
  Got receive(RulesetNews& news);
  void take(ByteView message, RulesetNews& news);

  Fd socket_;
  Bytes buffer_;
  RulesetChange open_;  // a transaction whose end has not been read
  std::size_t taken_ = 0;
};

}  // namespace reeve
