#include "agent/sensors/listeners.h"

#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <iterator>

#include "agent/sensors/sensor_limits.h"

namespace reeve {

std::vector<std::string> ListenerChanges::since_last(const std::vector<Listener>& now) {
  std::vector<std::string> out;
  if (now == last_) return out;
  std::vector<Listener> different;
  std::set_symmetric_difference(last_.begin(), last_.end(), now.begin(), now.end(),
                                std::back_inserter(different));
  for (const Listener& listener : different) out.push_back(object_of(listener));
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  last_ = now;
  return out;
}

Result<std::unique_ptr<ListenerSensor>> ListenerSensor::open(const SocketEyes& eyes) {
  Fd timer(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  if (!timer.is_open()) return os_error("sensor_failed", "timerfd_create", "sock_diag", errno);
  return std::make_unique<ListenerSensor>(eyes, std::move(timer));
}

std::vector<std::string> ListenerSensor::watch(const std::vector<std::pair<WatchId, Watch>>& all) {
  rules_.clear();
  for (const auto& [rule, watch] : all) {
    if (watch.subject != WatchSubject::listeners) continue;
    if (rules_.empty()) transport_ = watch.transport;
    if (transport_ != watch.transport) transport_.reset();
    rules_.push_back(rule);
  }
  std::sort(rules_.begin(), rules_.end());
  rules_.erase(std::unique(rules_.begin(), rules_.end()), rules_.end());
  changes_.forget();
  is_blind_ = false;
  std::vector<std::string> blind_spots;
  const Status set = rules_.empty() ? set_timer(0) : keep_pace(0);
  if (!set.ok()) blind_spots.push_back("listeners: " + set.error().detail);
  if (rules_.empty()) return blind_spots;
  const auto now = eyes_.listeners(transport_);
  // Where this fails, the next look finds everything new.
  if (now.ok()) changes_.since_last(*now);
  is_blind_ = !now.ok();
  if (is_blind_) blind_spots.push_back("listeners: " + now.error().detail);
  return blind_spots;
}

Status ListenerSensor::keep_pace(std::size_t listeners) {
  const auto share = static_cast<std::int64_t>(listeners / limits::listeners_poll_figure + 1);
  const auto interval = std::min(limits::listeners_poll_ns * share, limits::listeners_poll_ns_max);
  return interval == interval_ns_ ? Status() : set_timer(interval);
}

Status ListenerSensor::set_timer(std::int64_t interval_ns) {
  interval_ns_ = interval_ns;
  const timespec interval{interval_ns / 1'000'000'000, interval_ns % 1'000'000'000};
  const itimerspec setting{interval, interval};
  if (::timerfd_settime(timer_.get(), 0, &setting, nullptr) == 0) return {};
  return os_error("sensor_failed", "timerfd_settime", "sock_diag", errno);
}

SensorReport ListenerSensor::drain() {
  SensorReport report;
  std::uint64_t ticks = 0;
  static_cast<void>(::read(timer_.get(), &ticks, sizeof ticks) > 0);
  if (rules_.empty()) return report;
  const auto now = eyes_.listeners(transport_);
  if (!now.ok()) {
    report.overflowed = !std::exchange(is_blind_, true);
    if (report.overflowed) report.blind_spots.push_back("listeners: " + now.error().detail);
    return report;
  }
  is_blind_ = false;
  if (const Status paced = keep_pace(now->size()); !paced.ok())
    report.blind_spots.push_back("listeners: " + paced.error().detail);
  report.wakes = wakes_for(changes_.since_last(*now));
  return report;
}

std::vector<Wake> ListenerSensor::wakes_for(const std::vector<std::string>& objects) const {
  std::vector<Wake> out;
  if (objects.empty()) return out;
  Cause cause;
  cause.via = name();
  const std::size_t most =
      std::min(limits::listener_wakes_max, limits::sensor_wakes_max / rules_.size());
  const bool is_too_many = objects.size() > most;
  for (WatchId rule : rules_) {
    if (is_too_many)
      out.push_back({rule, std::nullopt, cause});
    else
      for (const std::string& object : objects) out.push_back({rule, object, cause});
  }
  return out;
}

}  // namespace reeve
