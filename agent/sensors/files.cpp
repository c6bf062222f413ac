#include "agent/sensors/files.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "agent/kind_limits.h"
#include "agent/sensors/sensor_limits.h"

namespace reeve {

namespace {

struct CloseDirectory {
  void operator()(DIR* directory) const { closedir(directory); }
};

struct Entry {
  std::string name;
  bool may_be_directory = false;
  bool may_be_link = false;
};

// What can be read of a directory, in its order; the rest is the sweep's.
std::vector<Entry> entries_of(int directory) {
  std::vector<Entry> out;
  Fd fd(openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.is_open()) return out;
  std::unique_ptr<DIR, CloseDirectory> entries(fdopendir(fd.get()));
  if (!entries) return out;
  fd.release();  // closedir closes it
  while (const dirent* entry = readdir(entries.get())) {
    std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    if (out.size() >= limits::rule_objects_max) break;
    bool unknown = entry->d_type == DT_UNKNOWN;
    out.push_back({std::string(name), unknown || entry->d_type == DT_DIR,
                   unknown || entry->d_type == DT_LNK});
  }
  return out;
}

bool is_structural(const DirectoryEvent& event) { return (event.mask & names_mask) != 0; }

// Nothing but what the file holds.
bool is_content(const DirectoryEvent& event) {
  return (event.mask & content_mask) != 0 && (event.mask & attributes_mask) == 0;
}

bool brings_a_name(const DirectoryEvent& event) {
  return (event.mask & (IN_CREATE | IN_MOVED_TO)) != 0;
}

bool covers_name(const Cover& cover, const std::string& name) {
  return cover.pattern == nullptr || component_matches((*cover.pattern)[cover.level], name);
}

// What a directory of this name inherits; links only what patterns want of them.
std::vector<Cover> inherited(const Place& place, const Entry& entry) {
  std::vector<Cover> out;
  for (Cover cover : place.covers) {
    bool tree = cover.pattern == nullptr;
    bool reaches = tree ? entry.may_be_directory : !cover.is_last();
    if (!reaches || !covers_name(cover, entry.name)) continue;
    if (!tree) ++cover.level;
    out.push_back(cover);
  }
  return out;
}

// True where the place had not had all of them.
bool add_covers(Place& place, const std::vector<Cover>& covers) {
  bool added = false;
  for (const Cover& cover : covers) {
    auto& all = place.covers;
    if (std::find(all.begin(), all.end(), cover) != all.end()) continue;
    all.push_back(cover);
    place.stepped = place.stepped || cover.pattern != nullptr;
    added = true;
  }
  return added;
}

}  // namespace

Result<std::unique_ptr<FileSensor>> FileSensor::open(const std::string& root,
                                                     std::unique_ptr<DirectoryQueue> queue,
                                                     Actors* actors, std::string blind_spot) {
  auto paths = SafePath::open_root(root);
  if (!paths.ok()) return paths.error();
  return std::make_unique<FileSensor>(WatchBook(std::move(*paths), std::move(queue)), actors,
                                      std::move(blind_spot));
}

FileSensor::FileSensor(WatchBook book, Actors* actors, std::string blind_spot)
    : book_(std::move(book)),
      actors_(actors),
      blind_spot_(std::move(blind_spot)),
      own_pid_(static_cast<std::uint64_t>(getpid())) {}

std::vector<std::string> FileSensor::watch(const std::vector<std::pair<WatchId, Watch>>& all) {
  all_ = all;
  return renew();
}

std::vector<std::string> FileSensor::renew() {
  build();
  auto blind_spots = book_.take_blind_spots();
  if (!blind_spot_.empty() && !all_.empty()) blind_spots.push_back(blind_spot_);
  return blind_spots;
}

void FileSensor::build() {
  book_.clear();
  patterns_.clear();
  for (const auto& [rule, watch] : all_)
    if (watch.subject == WatchSubject::path) add_interest(rule, watch);
  for (const std::string& path : book_.paths()) enter(path, Tell::nobody);
  book_.release_unused();
}

void FileSensor::add_interest(WatchId rule, const Watch& watch) {
  if (watch.content) book_.want_content(rule);
  auto asked_place = [&](const std::string& path) -> Place& {
    Place& place = book_.place_at(path);
    place.asked = place.stepped = true;
    return place;
  };
  if (watch.pattern) {
    const PathPattern& pattern = patterns_.emplace_back(watch.path);
    add_covers(asked_place(pattern.base()), {Cover{rule, &pattern.rest(), 0}});
    return;
  }
  std::string name(file_name_of(watch.path));
  asked_place(std::string(directory_of(watch.path))).objects[name].push_back(rule);
  if (watch.recursive) add_covers(asked_place(watch.path), {Cover{rule, nullptr, 0}});
}

SensorReport FileSensor::drain() {
  SensorReport report;
  if (actors_ != nullptr) actors_->before_read();
  const std::vector<DirectoryEvent> events = book_.queue().read();
  const bool is_emptied = events.size() < limits::sensor_events_max;
  if (actors_ != nullptr)
    actors_->after_read(is_emptied ? Actors::Backlog::none : Actors::Backlog::some);
  for (const DirectoryEvent& event : events) {
    if ((event.mask & IN_Q_OVERFLOW) != 0) report.overflowed = true;
    event_ = &event;
    actor_.reset();
    handle(event);
  }
  event_ = nullptr;
  settle_doubtful();
  doubted_.reset();
  report.wakes = wakes();
  report.blind_spots = book_.take_blind_spots();
  return report;
}

void FileSensor::handle(const DirectoryEvent& event) {
  if ((event.mask & IN_IGNORED) != 0) return handle_lost_watch(event.watch);
  const WatchedDirectory* directory = book_.directory(event.watch);
  if (directory == nullptr) return;
  if (is_structural(event)) doubted_ = doubted_ ? together(*doubted_, actor()) : actor();
  for (const Place* place : directory->places) handle_place(*place, event);
  if (auto way = directory->ways.find(event.name);
      way != directory->ways.end() && is_structural(event))
    for (const Place* place : way->second) doubt(*place);
  if (auto found = directory->links.find(event.name); found != directory->links.end()) {
    for (const FollowedLink* link : found->second) {
      for (WatchId rule : link->rules)
        if (concerns(event, rule)) wake(rule, link->path);
      if (is_structural(event)) doubtful_links_.insert(link->path);
    }
  }
}

void FileSensor::handle_place(const Place& place, const DirectoryEvent& event) {
  std::string object = event.name.empty() ? place.path : joined(place.path, event.name);
  if (auto found = place.objects.find(event.name); found != place.objects.end()) {
    for (WatchId rule : found->second) {
      if (!concerns(event, rule)) continue;
      wake(rule, object);
      if (brings_a_name(event)) doubtful_objects_.emplace(rule, object);
    }
  }
  // A directory's own attributes are told to the directory above it too, which names it.
  if (event.name.empty() || is_content(event)) return;
  for (const Cover& cover : place.covers)
    if (covers_name(cover, event.name)) handle_cover(cover, object, event);
}

bool FileSensor::concerns(const DirectoryEvent& event, WatchId rule) const {
  return !is_content(event) || book_.wants_content(rule);
}

void FileSensor::handle_cover(const Cover& cover, const std::string& object,
                              const DirectoryEvent& event) {
  wake(cover.rule, object);
  if (!is_structural(event)) return;
  if (cover.is_last()) {
    if (brings_a_name(event)) doubtful_objects_.emplace(cover.rule, object);
  } else if (cover.pattern != nullptr || (event.mask & IN_ISDIR) != 0) {
    doubtful_children_.insert(object);
  }
}

void FileSensor::handle_lost_watch(int watch) {
  WatchedDirectory lost = book_.forget(watch);
  for (Place* place : lost.places) {
    place->watch = -1;
    doubt(*place);
  }
  for (const auto& [name, places] : lost.ways)
    for (const Place* place : places) doubt(*place);
  for (const auto& [name, links] : lost.links)
    for (const FollowedLink* link : links) doubtful_links_.insert(link->path);
}

void FileSensor::doubt(const Place& place) {
  (place.asked ? doubtful_places_ : doubtful_children_).insert(place.path);
}

void FileSensor::settle_doubtful() {
  for (const std::string& path : std::exchange(doubtful_places_, {})) {
    const Place* place = book_.find(path);
    if (place == nullptr) continue;
    wake_all_of(*place);
    book_.drop_unasked(path);
    enter(path, Tell::nobody);
  }
  for (const std::string& path : std::exchange(doubtful_children_, {})) settle_child(path);
  for (const std::string& path : std::exchange(doubtful_links_, {}))
    if (FollowedLink* link = book_.find_link(path)) book_.settle(*link);
  for (const auto& [rule, object] : std::exchange(doubtful_objects_, {}))
    book_.follow_if_link(*object, rule);
  book_.release_unused();
}

void FileSensor::settle_child(const std::string& path) {
  book_.drop_unasked(path);
  const Place* parent = book_.find(std::string(directory_of(path)));
  if (parent == nullptr) return;
  // What it is now shows when it is entered: trees enter directories only, patterns links too.
  auto covers = inherited(*parent, {std::string(file_name_of(path)), true, true});
  if (!covers.empty() && add_covers(book_.place_at(path), covers)) enter(path, Tell::rules);
}

void FileSensor::enter(const std::string& path, Tell tell) {
  std::vector<std::string> pending = {path};
  while (!pending.empty()) {
    std::string next = std::move(pending.back());
    pending.pop_back();
    Place* place = book_.find(next);
    if (place == nullptr) continue;
    auto directory = book_.settle(*place);
    if (!directory) {
      if (!place->asked) book_.drop_unasked(next);
      continue;
    }
    for (const auto& [name, rules] : place->objects)
      for (WatchId rule : rules) book_.follow_if_link(joined(place->path, name), rule);
    if (place->covers.empty()) continue;
    auto below = enter_names(*place, directory->get(), tell);
    pending.insert(pending.end(), std::make_move_iterator(below.begin()),
                   std::make_move_iterator(below.end()));
  }
}

std::vector<std::string> FileSensor::enter_names(const Place& place, int directory, Tell tell) {
  std::vector<std::string> out;
  for (const Entry& entry : entries_of(directory)) {
    std::string object = joined(place.path, entry.name);
    for (const Cover& cover : place.covers) {
      if (!covers_name(cover, entry.name)) continue;
      if (tell == Tell::rules) wake(cover.rule, object);
      if (cover.is_last() && (entry.may_be_link || entry.may_be_directory))
        book_.follow_if_link(object, cover.rule);
    }
    if (!entry.may_be_directory && !entry.may_be_link) continue;
    auto covers = inherited(place, entry);
    if (!covers.empty() && add_covers(book_.place_at(object), covers)) out.push_back(object);
  }
  return out;
}

void FileSensor::wake_all_of(const Place& place) {
  for (const auto& [name, rules] : place.objects)
    for (WatchId rule : rules) wake(rule, name.empty() ? place.path : joined(place.path, name));
  for (const Cover& cover : place.covers) wake(cover.rule, std::nullopt);
}

void FileSensor::wake(WatchId rule, std::optional<std::string> object) {
  const auto [found, is_new] = due_.try_emplace({rule, std::move(object)}, actor());
  if (!is_new) found->second = together(found->second, actor());
}

const FileSensor::Actor& FileSensor::actor() {
  if (actor_ && event_ != nullptr) return *actor_;
  actor_.emplace();
  actor_->is_event = event_ != nullptr;
  if (event_ == nullptr && doubted_) {
    actor_->cause = doubted_->cause;
    actor_->cause.confidence = std::min(actor_->cause.confidence, Confidence::likely);
  } else if (event_ != nullptr && event_->pid == own_pid_) {
    actor_->is_ours = true;
  } else if (event_ != nullptr && event_->pid != 0 && actors_ != nullptr) {
    actor_->cause = actors_->who(event_->pid);
  }
  actor_->cause.via = name();
  return *actor_;
}

// Of two that touched one object between two looks, nobody can tell who left it as it is: the
// later one is likely, and that only where both are known.
FileSensor::Actor FileSensor::together(const Actor& before, const Actor& now) {
  if (!now.is_event || now.is_ours) return before;
  if (!before.is_event || before.is_ours) return now;
  const bool is_one = before.cause.pid == now.cause.pid && before.cause.start_ns != 0 &&
                      before.cause.start_ns == now.cause.start_ns;
  if (before.cause == now.cause || is_one) return now;
  Actor out = now;
  if (std::min(before.cause.confidence, now.cause.confidence) == Confidence::unknown) {
    out.cause = Cause{};
    out.cause.via = now.cause.via;
  }
  out.cause.confidence = std::min(out.cause.confidence, Confidence::likely);
  return out;
}

std::vector<Wake> FileSensor::wakes() {
  std::map<Due, Actor> due = std::exchange(due_, {});
  std::vector<Wake> out;
  if (due.size() > limits::sensor_wakes_max) {
    Cause cause;
    cause.via = name();
    for (const auto& [what, actor] : due)
      if (out.empty() || out.back().rule != what.first)
        out.push_back({what.first, std::nullopt, cause});
    return out;
  }
  while (!due.empty()) {
    auto node = due.extract(due.begin());
    auto& [rule, object] = node.key();
    out.push_back({rule, std::move(object), std::move(node.mapped().cause)});
  }
  return out;
}

}  // namespace reeve
