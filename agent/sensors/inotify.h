// The inotify sensor: wakes a rule, and names the object, when something in a directory that the
// rule looks at is made, removed, renamed or given other attributes, for rules that ask also when
// it is written to; and when a component or link on the way is swapped. It sees no change of
// mounts, none through another host's file system and none through a mapping before the file is
// closed; the sweep finds those. It cannot tell who did it. Works under --root.
#pragma once

#include <deque>
#include <memory>
#include <set>

#include "agent/path_pattern.h"
#include "agent/sensors/watch_book.h"

namespace reeve {

class InotifySensor final : public Sensor {
 public:
  // Errors: `root_missing`, `sensor_failed`.
  static Result<std::unique_ptr<InotifySensor>> open(const std::string& root);

  explicit InotifySensor(WatchBook book) : book_(std::move(book)) {}
  InotifySensor(const InotifySensor&) = delete;

  std::string_view name() const override { return "inotify"; }
  int fd() const override { return book_.queue().fd(); }
  std::vector<std::string> watch(const std::vector<std::pair<WatchId, Watch>>& all) override;
  SensorReport drain() override;
  std::vector<std::string> renew() override;

 private:
  // A rule and one of its objects, or all of it. The set keeps each wake once.
  using Due = std::pair<WatchId, std::optional<std::string>>;
  enum class Tell { nobody, rules };

  void build();
  void add_interest(WatchId rule, const Watch& watch);
  void handle(const InotifyEvent& event);
  void handle_place(const Place& place, const InotifyEvent& event);
  void handle_cover(const Cover& cover, const std::string& object, const InotifyEvent& event);
  void handle_lost_watch(int watch);
  bool concerns(const InotifyEvent& event, WatchId rule) const;
  void doubt(const Place& place);
  // Looks again at everything that this drain's events have made doubtful.
  void settle_doubtful();
  void settle_child(const std::string& path);
  // Watches the place and, below it, everything that its covers reach.
  void enter(const std::string& path, Tell tell);
  // Answers the places below that are to be entered next.
  std::vector<std::string> enter_names(const Place& place, int directory, Tell tell);
  void wake(WatchId rule, std::optional<std::string> object) {
    due_.emplace(rule, std::move(object));
  }
  void wake_all_of(const Place& place);
  std::vector<Wake> wakes();

  WatchBook book_;
  std::vector<std::pair<WatchId, Watch>> all_;
  std::deque<PathPattern> patterns_;  // their components are lent to covers, so they never move
  std::set<Due> due_;
  std::set<std::string> doubtful_places_;
  std::set<std::string> doubtful_children_;  // directories that the covers above may reach
  std::set<std::string> doubtful_links_;
  std::set<Due> doubtful_objects_;  // that may have become links
};

}  // namespace reeve
