#include "agent/kinds/file_objects.h"

#include "agent/kinds/file_walk.h"
#include "agent/path_pattern.h"

namespace reeve {

namespace {

// A directory on a pattern's way: judged only by whether it can be listed.
void check_way(const Eyes& eyes, const std::string& directory, FileTally& tally) {
  auto names = eyes.list(directory);
  if (!names.ok()) tally.add_refused(directory, names.error());
}

// The one object below a tree's top, if nothing between the two is a link.
Status check_below(const FileWish& wish, const Eyes& eyes, const std::string& object,
                   FileTally& tally) {
  const std::string& top = wish.rule.path;
  auto real_top = eyes.resolve(top);
  if (!real_top.ok()) return real_top.error();
  if (!*real_top) return {};
  std::string_view below = std::string_view(object).substr(top == "/" ? 1 : top.size() + 1);
  std::string path = joined(**real_top, below);
  auto directory = eyes.resolve(std::string(directory_of(path)));
  // A link on the way, safe or not, makes it no part of the tree.
  const bool is_unsafe_link = !directory.ok() && directory.error().name == "unsafe_path";
  if (!directory.ok() && !is_unsafe_link) return directory.error();
  if (is_unsafe_link || !*directory || **directory != directory_of(path)) return {};
  judge_in_tree(wish, eyes, object, path, tally);
  return {};
}

Status check_all_below(const FileWish& wish, const Eyes& eyes, FileTally& tally) {
  auto verdict = check_tree_top(wish, eyes);
  if (!verdict.ok()) return verdict.error();
  bool there = verdict->there;
  tally.add(std::move(*verdict));
  if (!there) return {};
  auto real_top = eyes.resolve(wish.rule.path);
  // Of a top that others may redirect the verdict speaks already.
  if (!real_top.ok() && real_top.error().name == "unsafe_path") {
    tally.leave_rest_unseen();
    return {};
  }
  if (!real_top.ok()) return real_top.error();
  if (*real_top) walk_tree(wish, eyes, **real_top, tally);
  return {};
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
  FileTally tally(wish.rule, scope);
  tally.add(std::move(*verdict));
  return std::move(tally).finish();
}

Result<CheckResult> check_glob(const FileWish& wish, const Eyes& eyes, const Scope& scope) {
  const FileRule& rule = wish.rule;
  FileTally tally(rule, scope);
  bool whole = !scope.object || *scope.object == rule.path;
  if (whole) {
    walk_glob(wish, eyes, tally);
    CheckResult result = std::move(tally).finish();
    require_match(rule, result);
    return result;
  }
  const PathPattern& pattern = *rule.pattern;
  if (pattern.matches(*scope.object))
    judge_named(wish, eyes, *scope.object, tally);
  else if (*scope.object == pattern.base() || pattern.matches_way(*scope.object))
    check_way(eyes, *scope.object, tally);
  return std::move(tally).finish();
}

Result<CheckResult> check_tree(const FileWish& wish, const Eyes& eyes, const Scope& scope) {
  const std::string& top = wish.rule.path;
  FileTally tally(wish.rule, scope);
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
