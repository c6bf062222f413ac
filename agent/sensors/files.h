// The sensor of files: wakes a rule, and names the object, when something in a directory that the
// rule looks at is made, removed, renamed or given other attributes, for rules that ask also when
// it is written to; and when a component or link on the way is swapped. It sees no change of
// mounts, none through another host's file system and none through a mapping before the file is
// closed; the sweep finds those. Its queue is fanotify's where that can be had, which says whose
// act it was, else inotify's. Works under --root.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <set>

#include "agent/actors.h"
#include "agent/path_pattern.h"
#include "agent/sensors/watch_book.h"

namespace reeve {

class FileSensor final : public Sensor {
 public:
  // `actors` is borrowed for the sensor's life, or null: then nobody is named. `blind_spot` is what
  // is told with all that cannot be watched, if it is anything. Errors: `root_missing`.
  static Result<std::unique_ptr<FileSensor>> open(const std::string& root,
                                                  std::unique_ptr<DirectoryQueue> queue,
                                                  Actors* actors, std::string blind_spot = {});

  FileSensor(WatchBook book, Actors* actors, std::string blind_spot);
  FileSensor(const FileSensor&) = delete;

  std::string_view name() const override { return book_.queue().name(); }
  int fd() const override { return book_.queue().fd(); }
  std::vector<std::string> watch(const std::vector<std::pair<WatchId, Watch>>& all) override;
  SensorReport drain() override;
  std::vector<std::string> renew() override;

 private:
  // A rule and one of its objects, or all of it. The set keeps each wake once.
  using Due = std::pair<WatchId, std::optional<std::string>>;
  enum class Tell { nobody, rules };
  // Whose act a wake is of. What is found behind an event (a directory was swapped) has no event of
  // its own.
  struct Actor {
    Cause cause;
    bool is_ours = false;
    bool is_event = false;
  };

  void build();
  void add_interest(WatchId rule, const Watch& watch);
  void handle(const DirectoryEvent& event);
  void handle_place(const Place& place, const DirectoryEvent& event);
  void handle_cover(const Cover& cover, const std::string& object, const DirectoryEvent& event);
  void handle_lost_watch(int watch);
  bool concerns(const DirectoryEvent& event, WatchId rule) const;
  void doubt(const Place& place);
  // Looks again at everything that this drain's events have made doubtful.
  void settle_doubtful();
  void settle_child(const std::string& path);
  // Watches the place and, below it, everything that its covers reach.
  void enter(const std::string& path, Tell tell);
  // Answers the places below that are to be entered next.
  std::vector<std::string> enter_names(const Place& place, int directory, Tell tell);
  void wake(WatchId rule, std::optional<std::string> object);
  const Actor& actor();
  static Actor together(const Actor& before, const Actor& now);
  void wake_all_of(const Place& place);
  std::vector<Wake> wakes();

  WatchBook book_;
  std::vector<std::pair<WatchId, Watch>> all_;
  std::deque<PathPattern> patterns_;  // their components are lent to covers, so they never move
  Actors* actors_;
  std::string blind_spot_;
  std::uint64_t own_pid_;
  const DirectoryEvent* event_ = nullptr;  // that is being handled
  std::optional<Actor> actor_;             // behind it, once somebody asked
  std::optional<Actor> doubted_;           // behind what made something doubtful in this drain
  std::map<Due, Actor> due_;
  std::set<std::string> doubtful_places_;
  std::set<std::string> doubtful_children_;  // directories that the covers above may reach
  std::set<std::string> doubtful_links_;
  std::set<Due> doubtful_objects_;  // that may have become links
};

}  // namespace reeve
