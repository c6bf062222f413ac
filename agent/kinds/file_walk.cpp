#include "agent/kinds/file_walk.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>

#include "agent/kind_limits.h"
#include "agent/path_pattern.h"
#include "common/limits.h"
#include "common/text.h"

namespace reeve {

namespace {

std::size_t depth_of(std::string_view path) {
  return static_cast<std::size_t>(std::count(path.begin(), path.end(), '/'));
}

// Expands a pattern, the matches of one directory after the other. Components without wildcards are
// looked up, not listed. As deep as the pattern has components.
class GlobWalk {
 public:
  GlobWalk(const FileWish& wish, const Eyes& eyes, FileTally& tally)
      : wish_(wish), eyes_(eyes), tally_(tally), pattern_(*wish.rule.pattern) {}

  void run() { expand(pattern_.base(), 0); }

 private:
  void expand(const std::string& path, std::size_t level) {
    if (!tally_.is_open()) return;
    if (level == pattern_.rest().size()) return judge_named(wish_, eyes_, path, tally_);
    const std::string& component = pattern_.rest()[level];
    if (is_literal(component)) {
      if (tally_.may_look(depth_of(path) + 1)) expand(joined(path, component), level + 1);
      return;
    }
    for (const std::string& name : matches_in(path, component))
      expand(joined(path, name), level + 1);
  }

  // What cannot be listed is a deviation, and has none.
  std::vector<std::string> matches_in(const std::string& directory, const std::string& component) {
    std::vector<std::string> out;
    auto names = eyes_.list(directory);
    if (!names.ok()) {
      tally_.add_refused(directory, names.error());
      return out;
    }
    const std::size_t depth = depth_of(directory) + 1;
    for (std::string& name : *names) {
      if (!tally_.may_look(depth)) break;
      if (component_matches(component, name)) out.push_back(std::move(name));
    }
    return out;
  }

  const FileWish& wish_;
  const Eyes& eyes_;
  FileTally& tally_;
  const PathPattern& pattern_;
};

// Walks a tree without recursion, so that a deep one costs memory of ours and no stack: what is
// nearer to the top first, directories with very many names last, so that somebody who fills his
// own with more than a check may look at keeps it from little else. A directory is known by its
// parent and its name, since as many whole paths would take a hundred times the memory.
class TreeWalk {
 public:
  TreeWalk(const FileWish& wish, const Eyes& eyes, const std::string& real_top, FileTally& tally)
      : wish_(wish), eyes_(eyes), real_top_(real_top), tally_(tally) {}

  void run() {
    directories_.push_back({0, ""});
    pending_.push_back(0);
    while (tally_.is_open()) {
      if (pending_.empty() && large_.empty()) return;
      const bool is_large = pending_.empty();
      auto& next = is_large ? large_ : pending_;
      const std::size_t directory = next.front();
      next.pop_front();
      enter(directory, is_large ? SIZE_MAX : limits::large_directory_names);
    }
  }

 private:
  struct Directory {
    std::size_t parent;  // where in directories_
    std::string name;
  };

  std::string below_top(std::size_t directory) const {
    std::vector<std::string_view> names;
    for (std::size_t at = directory; at != 0; at = directories_[at].parent)
      names.push_back(directories_[at].name);
    std::string out;
    for (auto name = names.rbegin(); name != names.rend(); ++name) {
      if (!out.empty()) out += '/';
      out += *name;
    }
    return out;
  }

  void enter(std::size_t directory, std::size_t names_max) {
    const std::string below = below_top(directory);
    const std::string object = below.empty() ? wish_.rule.path : joined(wish_.rule.path, below);
    const std::string path = below.empty() ? real_top_ : joined(real_top_, below);
    auto names = eyes_.list(path);
    if (!names.ok()) return tally_.add_refused(object, names.error());
    if (names->size() > names_max) return large_.push_back(directory);
    const std::size_t depth = depth_of(path) + 1;
    bool is_told = false;
    for (std::string& name : *names) {
      if (!tally_.is_open() || !tally_.may_look(depth)) return;
      const std::string its_object = joined(object, name);
      const std::string its_path = joined(path, name);
      if (!is_plain_path(its_object) || !is_plain_path(its_path)) {
        if (!std::exchange(is_told, true)) tally_.add_refused(object, too_long(object));
      } else if (judge_in_tree(wish_, eyes_, its_object, its_path, tally_)) {
        directories_.push_back({directory, std::move(name)});
        pending_.push_back(directories_.size() - 1);
      }
    }
  }

  static Error too_long(const std::string& directory) {
    return Error{"path_too_long",
                 fmt::format("paths below {} are longer than {} bytes",
                             shortened(printable(directory), 200), limits::text_bytes_max)};
  }

  const FileWish& wish_;
  const Eyes& eyes_;
  const std::string& real_top_;
  FileTally& tally_;
  std::deque<Directory> directories_;  // the top first
  std::deque<std::size_t> pending_;
  std::deque<std::size_t> large_;
};

}  // namespace

void FileTally::add(FileVerdict verdict) {
  if (verdict.there) findings_.count_objects(1);
  if (verdict.deviation) findings_.add(std::move(*verdict.deviation));
}

void FileTally::add_refused(const std::string& object, const Error& error) {
  findings_.count_objects(1);
  findings_.add_unseen(refused(object, "can be looked at", "cannot be looked at", error));
}

bool FileTally::may_look(std::size_t components) {
  ++looks_;
  steps_ += components;
  if (looks_ <= limits::rule_objects_max && steps_ <= limits::rule_steps_max) return true;
  findings_.stop({"too_many_objects",
                  fmt::format("more than {} objects below {}, or so deep that they cost as much",
                              limits::rule_objects_max, shortened(printable(rule_.path), 200)),
                  "split the rule into several with narrower paths"});
  return false;
}

CheckResult FileTally::finish() && {
  const bool is_asked = rule_.absent || rule_.must_exist;
  const bool is_empty = findings_.is_empty();
  return std::move(findings_).finish(is_asked || !is_empty);
}

void judge_named(const FileWish& wish, const Eyes& eyes, const std::string& object,
                 FileTally& tally) {
  auto verdict = check_named(wish, eyes, object);
  if (verdict.ok())
    tally.add(std::move(*verdict));
  else
    tally.add_refused(object, verdict.error());
}

bool judge_in_tree(const FileWish& wish, const Eyes& eyes, const std::string& object,
                   const std::string& path, FileTally& tally) {
  auto facts = eyes.look(path);
  if (!facts.ok()) {
    tally.add_refused(object, facts.error());
    return false;
  }
  if (!*facts) return false;
  auto verdict = check_in_tree(wish, eyes, {object, path, **facts});
  if (verdict.ok())
    tally.add(std::move(*verdict));
  else
    tally.add_refused(object, verdict.error());
  return (*facts)->type == FileType::directory;
}

void walk_glob(const FileWish& wish, const Eyes& eyes, FileTally& tally) {
  GlobWalk(wish, eyes, tally).run();
}

void walk_tree(const FileWish& wish, const Eyes& eyes, const std::string& real_top,
               FileTally& tally) {
  TreeWalk(wish, eyes, real_top, tally).run();
}

}  // namespace reeve
