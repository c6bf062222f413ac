// The file sensor's book: which directories are watched, for which places of the rules, and by
// which way each place was reached. A place is a directory as a rule spells it; where links lead
// elsewhere, the directories on the way are watched too, so that a swapped component is noticed.
// Every directory has one watch, shared by all places. Watches are always set before a look.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <unordered_map>

#include "agent/safe_path.h"
#include "agent/sensor.h"
#include "agent/sensors/directory_queue.h"

namespace reeve {

// What a rule wants to know of all names in a directory: everything, if it covers the whole tree,
// or what a pattern's component matches. The pattern's components outlive the book's entries.
struct Cover {
  WatchId rule = 0;
  const std::vector<std::string>* pattern = nullptr;  // null: the tree
  std::size_t level = 0;                              // which component the names stand for

  bool is_last() const { return pattern != nullptr && level + 1 == pattern->size(); }
  bool operator==(const Cover&) const = default;
};

// A name on the way, in a watched directory.
struct WayStep {
  int watch = -1;
  std::string name;
};

struct Place {
  std::string path;  // as the rule spells it
  int watch = -1;    // -1 while there is no such directory
  // A rule names it; else covers of the directory above led to it, and it goes when those do.
  bool asked = false;
  // Reached through all of its components, each watched, links followed. Else it lies in a tree,
  // where no link is followed and the directory above answers for it.
  bool stepped = false;
  std::vector<WayStep> way;
  std::unordered_map<std::string, std::vector<WatchId>> objects;  // by name; "" is the place itself
  std::vector<Cover> covers;
};

// A rule's object that is a link: what it leads to is watched as well.
struct FollowedLink {
  std::string path;
  std::vector<WatchId> rules;
  std::vector<WayStep> way;
};

// What the events of one watched directory are for.
struct WatchedDirectory {
  std::vector<Place*> places;
  std::unordered_map<std::string, std::vector<Place*>> ways;
  std::unordered_map<std::string, std::vector<FollowedLink*>> links;
};

class WatchBook {
 public:
  WatchBook(SafePath paths, std::unique_ptr<DirectoryQueue> queue)
      : paths_(std::move(paths)), queue_(std::move(queue)) {}

  DirectoryQueue& queue() { return *queue_; }
  const DirectoryQueue& queue() const { return *queue_; }

  // Forgets everything, what waits in the queue as well.
  void clear();
  // Directories that hold this rule's objects are asked for changes of content as well.
  void want_content(WatchId rule) { content_rules_.insert(rule); }
  bool wants_content(WatchId rule) const { return content_rules_.contains(rule); }
  // Found or made; references hold until the place is dropped.
  Place& place_at(const std::string& path);
  Place* find(const std::string& path);
  FollowedLink* find_link(const std::string& path);
  std::vector<std::string> paths() const;
  // Looks for the place's directory again, and watches it. Absent where there is none.
  std::optional<Fd> settle(Place& place);
  // Takes note that a rule's object is a link, or a directory, where it is one.
  void follow_if_link(const std::string& path, WatchId rule);
  // Looks again where the link leads; forgets it where it is none any more.
  void settle(FollowedLink& link);
  // Forgets the places at and below a path that no rule names.
  void drop_unasked(const std::string& path);

  WatchedDirectory* directory(int watch);
  // The kernel has dropped this watch: answers what it was for.
  WatchedDirectory forget(int watch);
  // Gives back the watches that nobody needs any more.
  void release_unused();
  // What could not be watched, in words: one line a reason, once until clear().
  std::vector<std::string> take_blind_spots();

 private:
  // What is asked of a directory that holds objects of these rules.
  std::uint32_t mask_for(const std::vector<WatchId>& rules) const;
  // -1 where it cannot be watched, which is noted under the path.
  int watch(int directory, std::uint32_t mask, const std::string& path);
  void leave(Place& place);
  void leave(FollowedLink& link);
  void may_be_unused(int watch) { unused_.push_back(watch); }

  SafePath paths_;
  std::unique_ptr<DirectoryQueue> queue_;
  std::map<std::string, Place> places_;
  std::map<std::string, FollowedLink> links_;
  std::unordered_map<int, WatchedDirectory> directories_;
  std::set<WatchId> content_rules_;
  std::vector<int> unused_;
  std::map<int, std::string> blind_spots_;  // by errno: the first path; empty once told
};

}  // namespace reeve
