#include "agent/sensors/nftables.h"

#include <sys/stat.h>
#include <unistd.h>

#include "agent/sensors/sensor_limits.h"

namespace reeve {

// PROC_PID_INIT_INO in linux/proc_ns.h: fixed, so that a process can tell (ioctl_ns(2) cannot).
bool sees_host_pids() {
  constexpr ino_t first_pid_namespace = 0xEFFFFFFC;
  struct stat facts {};
  return ::stat("/proc/self/ns/pid", &facts) == 0 && facts.st_ino == first_pid_namespace;
}

Result<std::unique_ptr<NftablesSensor>> NftablesSensor::open() {
  auto feed = ChangeFeed::open(limits::ruleset_feed_bytes);
  if (!feed.ok()) return feed.error();
  return std::make_unique<NftablesSensor>(std::move(*feed));
}

NftablesSensor::NftablesSensor(std::unique_ptr<ChangeFeed> feed) : feed_(std::move(feed)) {
  if (sees_host_pids()) own_pid_ = static_cast<std::uint64_t>(getpid());
}

std::vector<std::string> NftablesSensor::watch(const std::vector<std::pair<WatchId, Watch>>& all) {
  tables_.clear();
  for (const auto& [rule, watch] : all)
    if (watch.subject == WatchSubject::ruleset) tables_[watch.path].push_back(rule);
  if (feed_ || tables_.empty()) return {};
  return {"nftables: " + reason_.detail + ": tables are only swept"};
}

SensorReport NftablesSensor::drain() {
  if (!feed_) return {};
  const RulesetNews news = feed_->read();
  for (const RulesetChange& change : news.changes) note(change);
  SensorReport report;
  report.overflowed = news.overflowed;
  for (auto& [rule, due] : std::exchange(due_, {}))
    report.wakes.push_back({rule, std::move(due.object), std::move(due.cause)});
  return report;
}

void NftablesSensor::note(const RulesetChange& change) {
  Cause cause;
  cause.via = name();
  if (own_pid_ != 0 && change.pid != 0) {
    cause.confidence = Confidence::likely;
    cause.pid = change.pid;
    cause.program = change.program;
  }
  for (const TableId& table : change.tables) {
    const std::string object = to_text(table);
    for (const auto& watched : {object, std::string()})
      if (const auto rules = tables_.find(watched); rules != tables_.end())
        for (const WatchId rule : rules->second) wake(rule, object, cause);
  }
}

// One wake a rule. Between several who changed its table nobody can tell who is to blame; but it is
// not us, where it can be somebody else.
void NftablesSensor::wake(WatchId rule, const std::string& object, const Cause& cause) {
  const bool is_ours = cause.pid != 0 && cause.pid == own_pid_;
  const auto [found, is_new] = due_.emplace(rule, Due{object, cause, is_ours});
  if (is_new) return;
  Due& due = found->second;
  if (due.object != object) due.object = std::nullopt;
  if (is_ours || due.cause == cause) return;
  if (!due.is_ours) {
    due.cause = Cause{};
    due.cause.via = name();
    return;
  }
  due.cause = cause;
  due.is_ours = false;
}

}  // namespace reeve
