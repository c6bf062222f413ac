// The nf_tables sensor: wakes a rule when a transaction has changed the table that it watches. The
// kernel names the process at a transaction's end by number and by the name that the process gave
// itself, so a cause is likely at most; inside a pid namespace the number would be somebody else's,
// and the cause is unknown. Changes that traffic or time make to sets are not told of, nor
// compared.
#pragma once

#include <map>
#include <memory>

#include "agent/netfilter/change_feed.h"
#include "agent/sensor.h"

namespace reeve {

// Whether this process counts processes as the kernel does: it is in the first pid namespace.
bool sees_host_pids();

class NftablesSensor final : public Sensor {
 public:
  // Errors: `sensor_failed`.
  static Result<std::unique_ptr<NftablesSensor>> open();
  explicit NftablesSensor(std::unique_ptr<ChangeFeed> feed);
  // One that hears of nothing, for `reason`: a blind spot while a rule asks for it.
  explicit NftablesSensor(Error reason) : reason_(std::move(reason)) {}

  std::string_view name() const override { return "nftables"; }
  int fd() const override { return feed_ ? feed_->fd() : -1; }
  std::vector<std::string> watch(const std::vector<std::pair<WatchId, Watch>>& all) override;
  SensorReport drain() override;

 private:
  struct Due {
    std::optional<std::string> object;  // absent: more than one table
    Cause cause;
    bool is_ours = false;
  };
  void note(const RulesetChange& change);
  void wake(WatchId rule, const std::string& object, const Cause& cause);

  std::unique_ptr<ChangeFeed> feed_;  // or null
  Error reason_;
  std::uint64_t own_pid_ = 0;  // 0 where it does not see the host's numbers
  std::map<std::string, std::vector<WatchId>> tables_;  // "" for rules that watch all of them
  std::map<WatchId, Due> due_;
};

}  // namespace reeve
