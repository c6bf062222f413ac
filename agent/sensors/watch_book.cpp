#include "agent/sensors/watch_book.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "agent/path_pattern.h"
#include "common/text.h"

namespace reeve {

namespace {

template <class T>
void take_out(std::vector<T*>& all, const T* one) {
  all.erase(std::remove(all.begin(), all.end(), one), all.end());
}

template <class Map, class T>
void take_out(Map& by_name, const std::string& name, const T* one) {
  auto found = by_name.find(name);
  if (found == by_name.end()) return;
  take_out(found->second, one);
  if (found->second.empty()) by_name.erase(found);
}

}  // namespace

void WatchBook::clear() {
  std::vector<int> watches;
  for (const auto& [watch, directory] : directories_) watches.push_back(watch);
  queue_->clear(watches);
  directories_.clear();
  links_.clear();
  content_rules_.clear();
  places_.clear();
  unused_.clear();
  blind_spots_.clear();
}

Place& WatchBook::place_at(const std::string& path) {
  auto [at, made] = places_.try_emplace(path);
  if (made) at->second.path = path;
  return at->second;
}

Place* WatchBook::find(const std::string& path) {
  auto found = places_.find(path);
  return found == places_.end() ? nullptr : &found->second;
}

FollowedLink* WatchBook::find_link(const std::string& path) {
  auto found = links_.find(path);
  return found == links_.end() ? nullptr : &found->second;
}

std::vector<std::string> WatchBook::paths() const {
  std::vector<std::string> out;
  for (const auto& [path, place] : places_) out.push_back(path);
  return out;
}

std::uint32_t WatchBook::mask_for(const std::vector<WatchId>& rules) const {
  bool content =
      std::any_of(rules.begin(), rules.end(), [&](WatchId rule) { return wants_content(rule); });
  return attributes_mask | (content ? content_mask : 0);
}

int WatchBook::watch(int directory, std::uint32_t mask, const std::string& path) {
  auto watch = queue_->add(directory, mask);
  if (watch.ok()) return *watch;
  blind_spots_.try_emplace(watch.error().os_errno, path);
  return -1;
}

std::optional<Fd> WatchBook::settle(Place& place) {
  leave(place);
  SafePath::Visitor visitor = [&](int directory, const std::string& name) {
    int number = watch(directory, names_mask, place.path);
    if (number < 0) return;
    place.way.push_back({number, name});
    directories_[number].ways[name].push_back(&place);
  };
  std::optional<Fd> object;
  if (place.stepped) {
    auto reached = paths_.walk(place.path, FinalLink::follow, visitor);
    if (reached.ok() && *reached) object = std::move((*reached)->object);
  } else if (auto opened = paths_.open(place.path, FinalLink::keep); opened.ok()) {
    object = std::move(*opened);
  }
  if (!object) return std::nullopt;
  auto facts = facts_of(object->get(), place.path);
  if (!facts.ok() || facts->type != FileType::directory) return std::nullopt;
  std::uint32_t mask = attributes_mask;
  for (const auto& [name, rules] : place.objects) mask |= mask_for(rules);
  place.watch = watch(object->get(), mask, place.path);
  if (place.watch >= 0) directories_[place.watch].places.push_back(&place);
  return object;
}

void WatchBook::follow_if_link(const std::string& path, WatchId rule) {
  auto object = paths_.open(path, FinalLink::keep);
  if (!object.ok() || !*object) return;
  auto facts = facts_of((*object)->get(), path);
  if (facts.ok() && facts->type == FileType::directory) queue_->tell_above((*object)->get());
  if (!facts.ok() || facts->type != FileType::link) return;
  auto [at, made] = links_.try_emplace(path);
  FollowedLink& link = at->second;
  link.path = path;
  bool known = std::find(link.rules.begin(), link.rules.end(), rule) != link.rules.end();
  if (!known) link.rules.push_back(rule);
  // A rule that wants content has the same directories watched for more.
  if (made || (!known && wants_content(rule))) settle(link);
}

void WatchBook::settle(FollowedLink& link) {
  leave(link);
  auto object = paths_.open(link.path, FinalLink::keep);
  auto facts = object.ok() && *object ? facts_of((*object)->get(), link.path)
                                      : Result<FileFacts>(FileFacts{});
  if (!facts.ok() || facts->type != FileType::link) {
    const std::string path = link.path;  // which the erased link no longer holds
    links_.erase(path);
    return;
  }
  SafePath::Visitor visitor = [&](int directory, const std::string& name) {
    int number = watch(directory, mask_for(link.rules), link.path);
    if (number < 0) return;
    link.way.push_back({number, name});
    directories_[number].links[name].push_back(&link);
  };
  // Where it leads is for a check to find out; here only the directories on the way matter.
  (void)paths_.walk(link.path, FinalLink::follow, visitor);
}

void WatchBook::leave(Place& place) {
  for (const WayStep& step : place.way) {
    if (auto* seen = directory(step.watch)) take_out(seen->ways, step.name, &place);
    may_be_unused(step.watch);
  }
  place.way.clear();
  if (auto* own = directory(place.watch)) take_out(own->places, &place);
  if (place.watch >= 0) may_be_unused(place.watch);
  place.watch = -1;
}

void WatchBook::leave(FollowedLink& link) {
  for (const WayStep& step : link.way) {
    if (auto* seen = directory(step.watch)) take_out(seen->links, step.name, &link);
    may_be_unused(step.watch);
  }
  link.way.clear();
}

void WatchBook::drop_unasked(const std::string& path) {
  auto at = places_.lower_bound(path);
  while (at != places_.end() && at->first.starts_with(path)) {
    bool here = at->first == path || is_below(at->first, path);
    if (!here || at->second.asked) {
      ++at;
      continue;
    }
    leave(at->second);
    at = places_.erase(at);
  }
}

WatchedDirectory* WatchBook::directory(int watch) {
  auto found = directories_.find(watch);
  return found == directories_.end() ? nullptr : &found->second;
}

WatchedDirectory WatchBook::forget(int watch) {
  auto node = directories_.extract(watch);
  return node.empty() ? WatchedDirectory{} : std::move(node.mapped());
}

void WatchBook::release_unused() {
  for (int watch : unused_) {
    auto* seen = directory(watch);
    if (seen == nullptr || !seen->places.empty() || !seen->ways.empty() || !seen->links.empty())
      continue;
    queue_->remove(watch);
    directories_.erase(watch);
  }
  unused_.clear();
}

std::vector<std::string> WatchBook::take_blind_spots() {
  std::vector<std::string> out;
  for (auto& [os_errno, path] : blind_spots_) {
    if (path.empty()) continue;
    std::string why = os_errno == ENOSPC
                          ? fmt::format("no watches left (raise fs.{}.max_user_{})", queue_->name(),
                                        queue_->name() == "inotify" ? "watches" : "marks")
                          : os_error("", "", "watch", os_errno).detail;
    out.push_back(fmt::format("{}: {}: some directories are only swept, {} among them",
                              queue_->name(), why, shortened(printable(path), 200)));
    path.clear();
  }
  return out;
}

}  // namespace reeve
