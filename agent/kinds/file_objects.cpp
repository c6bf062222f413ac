#include "agent/kinds/file_objects.h"

#include <fmt/format.h>

#include "agent/kind_limits.h"
#include "agent/path_pattern.h"
#include "common/limits.h"
#include "common/text.h"

namespace reeve {

namespace {

// Collects the verdicts of one check within its bounds.
class Tally {
 public:
  explicit Tally(const FileRule& rule) : rule_(rule) {}

  void add(FileVerdict verdict) {
    if (verdict.there) ++out_.objects;
    if (verdict.deviation) out_.deviations.push_back(std::move(*verdict.deviation));
  }
  void add_refused(const std::string& object, const Error& error) {
    add({true, refused(object, "can be looked at", "cannot be looked at", error)});
  }
  // A look at an object that may cost time, whether or not the rule turns out to speak of it.
  Status count_look() {
    if (++looks_ <= limits::rule_objects_max) return {};
    return Error{"too_many_objects",
                 fmt::format("more than {} objects below {}", limits::rule_objects_max,
                             printable(rule_.path)),
                 "split the rule into several with narrower paths"};
  }
  bool is_full() const { return out_.deviations.size() >= limits::check_deviations_max; }
  CheckResult finish() && {
    out_.applicable =
        out_.objects > 0 || rule_.absent || rule_.must_exist || !out_.deviations.empty();
    return std::move(out_);
  }

 private:
  const FileRule& rule_;
  CheckResult out_;
  std::size_t looks_ = 0;
};

// A host that stops counting means the same as our own bound.
bool ends_check(const Error& error) { return error.name == "too_many_objects"; }

void add_named(Tally& tally, const FileWish& wish, const Eyes& eyes, const std::string& object) {
  auto verdict = check_named(wish, eyes, object);
  if (verdict.ok())
    tally.add(std::move(*verdict));
  else
    tally.add_refused(object, verdict.error());
}

// Expands a pattern level by level. Components without wildcards are looked up, not listed.
class GlobWalk {
 public:
  GlobWalk(const FileWish& wish, const Eyes& eyes, Tally& tally)
      : wish_(wish), eyes_(eyes), tally_(tally), pattern_(*wish.rule.pattern) {}

  Status run() {
    std::vector<std::string> level = {pattern_.base()};
    for (std::size_t i = 0; i < pattern_.rest().size(); ++i) {
      std::vector<std::string> next;
      for (const std::string& directory : level) {
        auto found = matches_in(directory, pattern_.rest()[i]);
        if (!found.ok()) return found.error();
        next.insert(next.end(), std::make_move_iterator(found->begin()),
                    std::make_move_iterator(found->end()));
      }
      level = std::move(next);
    }
    for (const std::string& object : level) {
      if (tally_.is_full()) break;
      add_named(tally_, wish_, eyes_, object);
    }
    return {};
  }

 private:
  // The matches' paths. What cannot be listed is a deviation, and has none.
  Result<std::vector<std::string>> matches_in(const std::string& directory,
                                              const std::string& component) {
    std::vector<std::string> out;
    if (is_literal(component)) {
      REEVE_TRY(tally_.count_look());
      out.push_back(joined(directory, component));
      return out;
    }
    auto names = eyes_.list(directory);
    if (!names.ok() && ends_check(names.error())) return names.error();
    if (!names.ok()) {
      if (!tally_.is_full()) tally_.add_refused(directory, names.error());
      return out;
    }
    for (const std::string& name : *names) {
      REEVE_TRY(tally_.count_look());
      if (component_matches(component, name)) out.push_back(joined(directory, name));
    }
    return out;
  }

  const FileWish& wish_;
  const Eyes& eyes_;
  Tally& tally_;
  const PathPattern& pattern_;
};

// A directory on a pattern's way: judged only by whether it can be listed.
Status check_way(const Eyes& eyes, const std::string& directory, Tally& tally) {
  auto names = eyes.list(directory);
  if (names.ok()) return {};
  if (ends_check(names.error())) return names.error();
  tally.add_refused(directory, names.error());
  return {};
}

// Walks a tree without recursion, so that a deep one costs memory of ours and no stack. Objects
// carry two paths: as the rule spells them, and without the links on the way to the tree's top.
class TreeWalk {
 public:
  TreeWalk(const FileWish& wish, const Eyes& eyes, Tally& tally)
      : wish_(wish), eyes_(eyes), tally_(tally) {}

  Status run(const std::string& top, const std::string& real_top) {
    pending_.push_back({top, real_top});
    while (!pending_.empty() && !tally_.is_full()) {
      Directory next = std::move(pending_.back());
      pending_.pop_back();
      REEVE_TRY(enter(next));
    }
    return {};
  }

  void judge(const std::string& object, const std::string& path) {
    auto facts = eyes_.look(path);
    if (!facts.ok()) return tally_.add_refused(object, facts.error());
    if (!*facts) return;
    auto verdict = check_in_tree(wish_, eyes_, {object, path, **facts});
    if (verdict.ok())
      tally_.add(std::move(*verdict));
    else
      tally_.add_refused(object, verdict.error());
    if ((*facts)->type == FileType::directory) pending_.push_back({object, path});
  }

 private:
  struct Directory {
    std::string object;
    std::string path;
  };

  Status enter(const Directory& directory) {
    auto names = eyes_.list(directory.path);
    if (!names.ok() && ends_check(names.error())) return names.error();
    if (!names.ok()) {
      tally_.add_refused(directory.object, names.error());
      return {};
    }
    for (const std::string& name : *names) {
      REEVE_TRY(tally_.count_look());
      if (tally_.is_full()) return {};
      std::string object = joined(directory.object, name);
      std::string path = joined(directory.path, name);
      if (is_plain_path(object) && is_plain_path(path))
        judge(object, path);
      else
        tally_.add_refused(directory.object, too_long(directory.object));
    }
    return {};
  }

  static Error too_long(const std::string& directory) {
    return Error{"path_too_long",
                 fmt::format("paths below {} are longer than {} bytes",
                             shortened(printable(directory), 200), limits::text_bytes_max)};
  }

  const FileWish& wish_;
  const Eyes& eyes_;
  Tally& tally_;
  std::vector<Directory> pending_;
};

// The one object below a tree's top, if nothing between the two is a link.
Status check_below(const FileWish& wish, const Eyes& eyes, const std::string& object,
                   Tally& tally) {
  const std::string& top = wish.rule.path;
  auto real_top = eyes.resolve(top);
  if (!real_top.ok() || !*real_top) return {};
  std::string_view below = std::string_view(object).substr(top == "/" ? 1 : top.size() + 1);
  std::string path = joined(**real_top, below);
  auto directory = eyes.resolve(std::string(directory_of(path)));
  // A link on the way is the top's own finding or no part of the tree.
  if (!directory.ok() || !*directory || **directory != directory_of(path)) return {};
  TreeWalk(wish, eyes, tally).judge(object, path);
  return {};
}

Status check_all_below(const FileWish& wish, const Eyes& eyes, Tally& tally) {
  auto verdict = check_tree_top(wish, eyes);
  if (!verdict.ok()) return verdict.error();
  bool there = verdict->there;
  tally.add(std::move(*verdict));
  auto real_top = eyes.resolve(wish.rule.path);
  if (!there || !real_top.ok() || !*real_top) return {};
  return TreeWalk(wish, eyes, tally).run(wish.rule.path, **real_top);
}

void require_match(const FileRule& rule, CheckResult& result) {
  if (!rule.must_exist || result.objects > 0) return;
  Error nothing{"nothing_to_create_from", "the rule says that a match must exist and not which"};
  result.deviations.push_back(refused(rule.path, "a match exists", "nothing matches", nothing));
}

}  // namespace

Result<CheckResult> check_path(const FileWish& wish, const Eyes& eyes, const Scope& scope) {
  if (scope.object && *scope.object != wish.rule.path) return CheckResult{};
  auto verdict = check_named(wish, eyes, wish.rule.path);
  if (!verdict.ok()) return verdict.error();
  Tally tally(wish.rule);
  tally.add(std::move(*verdict));
  return std::move(tally).finish();
}

Result<CheckResult> check_glob(const FileWish& wish, const Eyes& eyes, const Scope& scope) {
  const FileRule& rule = wish.rule;
  Tally tally(rule);
  bool whole = !scope.object || *scope.object == rule.path;
  if (whole) {
    REEVE_TRY(GlobWalk(wish, eyes, tally).run());
    CheckResult result = std::move(tally).finish();
    require_match(rule, result);
    return result;
  }
  const PathPattern& pattern = *rule.pattern;
  if (pattern.matches(*scope.object))
    add_named(tally, wish, eyes, *scope.object);
  else if (*scope.object == pattern.base() || pattern.matches_way(*scope.object))
    REEVE_TRY(check_way(eyes, *scope.object, tally));
  return std::move(tally).finish();
}

Result<CheckResult> check_tree(const FileWish& wish, const Eyes& eyes, const Scope& scope) {
  const std::string& top = wish.rule.path;
  Tally tally(wish.rule);
  if (!scope.object) {
    REEVE_TRY(check_all_below(wish, eyes, tally));
  } else if (*scope.object == top) {
    auto verdict = check_tree_top(wish, eyes);
    if (!verdict.ok()) return verdict.error();
    tally.add(std::move(*verdict));
  } else if (is_plain_path(*scope.object) && is_below(*scope.object, top)) {
    REEVE_TRY(check_below(wish, eyes, *scope.object, tally));
  }
  return std::move(tally).finish();
}

}  // namespace reeve
