#include "agent/kinds/file_check.h"

#include <fmt/format.h>

#include "agent/kinds/file_details.h"

namespace reeve {

namespace {

// Made between a deviation and its fix, hence without a formatter.
class Words {
 public:
  void add(std::string_view name, std::string_view value) {
    add(name);
    text_ += ' ';
    text_ += value;
  }
  void add(std::string_view words) {
    if (!text_.empty()) text_ += ", ";
    text_ += words;
  }
  std::string text() && { return std::move(text_); }

 private:
  std::string text_;
};

std::string octal(std::uint32_t mode) {
  std::string out;
  for (int shift = 9; shift >= 0; shift -= 3) out += static_cast<char>('0' + (mode >> shift & 7));
  return out;
}

std::string desired_words(const FileRule& rule, FileType type) {
  Words words;
  if (rule.owner) words.add("owner", *rule.owner);
  if (rule.group) words.add("group", *rule.group);
  const ModeWish& mode = rule.mode_for(type);
  if (mode.exact) words.add("mode", octal(*mode.exact));
  if (mode.at_most) words.add("mode at most", octal(*mode.at_most));
  if (rule.acl) words.add("acl", words_of(*rule.acl));
  if (rule.asks_default_acl(type)) words.add("default acl", words_of(*rule.default_acl));
  if (rule.content) words.add(wanted_content_words(rule));
  return std::move(words).text();
}

// A number is answered with a number, so that the two can be compared by eye.
std::string account_words(const std::string& asked, std::uint32_t id, std::string name) {
  bool number = asked.find_first_not_of("0123456789") == std::string::npos;
  return number ? fmt::format("{}", id) : std::move(name);
}

std::string found_words(const FileRule& rule, const FileSighting& seen, const FileDetails& details,
                        const Eyes& eyes) {
  const FileFacts& facts = seen.facts;
  Words words;
  if (rule.owner)
    words.add("owner", account_words(*rule.owner, facts.uid, eyes.user_name(facts.uid)));
  if (rule.group)
    words.add("group", account_words(*rule.group, facts.gid, eyes.group_name(facts.gid)));
  if (rule.mode_for(facts.type).is_set()) words.add("mode", octal(facts.mode));
  if (details.acl) words.add("acl", words_of(*details.acl, eyes));
  if (details.default_acl) words.add("default acl", words_of(*details.default_acl, eyes));
  if (rule.content) words.add(found_content_words(rule, eyes, seen, details));
  return std::move(words).text();
}

Deviation deviation_of(const FileSighting& seen, std::string desired, std::string found) {
  Deviation out;
  out.object = seen.object;
  out.desired = std::move(desired);
  out.found = std::move(found);
  out.reference = {seen.path, seen.facts};
  return out;
}

FileVerdict wrong_type(const FileSighting& seen, std::string desired) {
  Deviation out =
      deviation_of(seen, std::move(desired), fmt::format("type {}", name_of(seen.facts.type)));
  out.refusal = "wrong_type";
  out.refusal_detail = "an object of another type has this name; it is left to its owner";
  return {true, std::move(out)};
}

FileVerdict missing(const FileRule& rule, const std::string& object) {
  if (!rule.must_exist) return {};
  bool directory = rule.reach == FileReach::tree || rule.type == FileType::directory;
  Deviation out;
  out.object = object;
  out.desired = rule.type ? fmt::format("exists, type {}", name_of(*rule.type)) : "exists";
  if (rule.content) out.desired += ", " + wanted_content_words(rule);
  out.found = "nothing there";
  out.reference.path = object;
  bool known = directory || (rule.content && rule.content->bytes);
  if (!known) {
    out.refusal = "nothing_to_create_from";
    out.refusal_detail = "the rule says that it must exist and not what is in it";
  }
  return {false, std::move(out)};
}

FileVerdict check_absent(const FileRule& rule, const Eyes& eyes, const FileSighting& seen) {
  if (rule.type && *rule.type != seen.facts.type)
    return wrong_type(seen, fmt::format("absent, if of type {}", name_of(*rule.type)));
  Deviation out = deviation_of(seen, "absent", fmt::format("a {}", name_of(seen.facts.type)));
  if (seen.facts.type == FileType::directory) {
    auto names = eyes.list(seen.path);
    if (!names.ok() || !names->empty()) {
      out.refusal = names.ok() ? "directory_not_empty" : names.error().name;
      out.refusal_detail = names.ok() ? "only empty directories are removed" : names.error().detail;
    }
  }
  return {true, std::move(out)};
}

// What stands in the way of changing an object with more than one name; empty if nothing does.
std::string hard_link_problem(const FileWish& wish, const Eyes& eyes, const FileSighting& seen,
                              const FileDetails& details) {
  const FileFacts& facts = seen.facts;
  if (!has_other_names(facts)) return {};
  auto around = eyes.surroundings(seen.path);
  if (!around.ok()) return around.error().detail;
  bool owner = wish.owner_differs(facts) || wish.group_differs(facts);
  std::uint32_t mode = wish.rule.mode_for(facts.type).applied_to(facts.mode);
  bool allowed = (!owner || may_set_owner(facts, *around)) &&
                 (!acl_differs(wish, details) || may_set_acl(facts, *around)) &&
                 (!details.content_differs || may_replace(facts, *around)) &&
                 may_set_mode(facts, *around, mode);
  if (allowed) return {};
  return fmt::format("{} names for one file, in a directory that others may write", facts.links);
}

bool attributes_differ(const FileWish& wish, const FileFacts& facts, const FileDetails& details) {
  return wish.owner_differs(facts) || wish.group_differs(facts) ||
         !wish.rule.mode_for(facts.type).holds(facts.mode) || acl_differs(wish, details) ||
         default_acl_differs(wish, details);
}

FileVerdict judge_attributes(const FileWish& wish, const Eyes& eyes, const FileSighting& seen,
                             const FileDetails& details) {
  const FileRule& rule = wish.rule;
  bool attributes = attributes_differ(wish, seen.facts, details);
  if (!attributes && !details.content_differs) return {true, std::nullopt};
  Deviation out = deviation_of(seen, desired_words(rule, seen.facts.type),
                               found_words(rule, seen, details, eyes));
  if (auto problem = hard_link_problem(wish, eyes, seen, details); !problem.empty()) {
    out.refusal = "unsafe_path";
    out.refusal_detail = std::move(problem);
  } else if (!attributes && !rule.content->bytes) {
    Error unknown = details.unreadable.value_or(content_unknown());
    out.refusal = unknown.name;
    out.refusal_detail = unknown.detail;
  }
  return {true, std::move(out)};
}

Result<FileVerdict> check_attributes(const FileWish& wish, const Eyes& eyes,
                                     const FileSighting& seen) {
  const FileRule& rule = wish.rule;
  FileType type = seen.facts.type;
  bool ordinary = type == FileType::file || type == FileType::directory;
  if (!ordinary && !rule.type) {
    bool asked = rule.acl || attributes_differ(wish, seen.facts, {});
    if (!asked) return FileVerdict{true, std::nullopt};
    return wrong_type(seen, "type file or directory, " + desired_words(rule, type));
  }
  auto details = look_closer(wish, eyes, seen);
  if (!details.ok()) return details.error();
  if (!*details) return missing(rule, seen.object);
  return judge_attributes(wish, eyes, seen, **details);
}

// A glob without a type speaks of files and directories, and of nothing else that it may match.
bool is_covered(const FileRule& rule, FileType found) {
  if (rule.type || rule.reach == FileReach::path) return true;
  return found == FileType::file || found == FileType::directory;
}

// The object itself, or what a link leads to where the rule does not speak of the link. Absent when
// there is nothing.
Result<std::optional<FileSighting>> find(const FileRule& rule, const Eyes& eyes,
                                         const std::string& object) {
  auto facts = eyes.look(object);
  if (!facts.ok()) return facts.error();
  if (!*facts) return std::optional<FileSighting>{};
  FileSighting seen{object, object, **facts};
  bool means_link = rule.absent || (rule.type == FileType::link && rule.reach != FileReach::tree);
  if (seen.facts.type != FileType::link || means_link) return std::optional(std::move(seen));
  auto path = eyes.resolve(object);
  if (!path.ok()) return path.error();
  if (!*path) return std::optional<FileSighting>{};
  auto target = eyes.look(**path);
  if (!target.ok()) return target.error();
  if (!*target) return std::optional<FileSighting>{};
  return std::optional(FileSighting{object, **path, **target});
}

std::string desired_anywhere(const FileRule& rule) {
  if (rule.absent) return "absent";
  std::string words = desired_words(rule, rule.type.value_or(FileType::file));
  return words.empty() ? "a path that only root can redirect" : words;
}

}  // namespace

Status FileWish::accounts_known() const {
  auto unknown = [](std::string_view name, std::string_view what, const std::string& account) {
    return Error{"fix_failed", fmt::format("{}: this host has no {} {}", name, what, account),
                 fmt::format("make the {} or correct the rule", what)};
  };
  if (rule.owner && !uid) return unknown("unknown_user", "user", *rule.owner);
  if (rule.group && !gid) return unknown("unknown_group", "group", *rule.group);
  return lists;
}

FileWish wish_of(const FileRule& rule, const Eyes& eyes) {
  FileWish out{rule, rule.owner_number, rule.group_number, {}, {}, {}};
  if (rule.owner && !out.uid) out.uid = eyes.user_id(*rule.owner);
  if (rule.group && !out.gid) out.gid = eyes.group_id(*rule.group);
  auto resolve = [&](const std::optional<AclWish>& wish, std::optional<Acl>& list) {
    if (!wish) return;
    auto resolved = resolve_acl(*wish, eyes);
    if (resolved.ok())
      list = std::move(*resolved);
    else
      out.lists = resolved.error();
  };
  resolve(rule.acl, out.acl);
  resolve(rule.default_acl, out.default_acl);
  return out;
}

Error content_unknown() {
  return Error{"content_unknown", "the rule knows the digest of the content and not the content",
               "put the file back by hand, or give the rule `content`"};
}

Deviation refused(std::string object, std::string desired, std::string found,
                  const Error& refusal) {
  Deviation out;
  out.object = std::move(object);
  out.desired = std::move(desired);
  out.found = std::move(found);
  out.refusal = refusal.name;
  out.refusal_detail = refusal.detail;
  out.reference.path = out.object;
  return out;
}

Result<FileVerdict> check_named(const FileWish& wish, const Eyes& eyes, const std::string& object) {
  const FileRule& rule = wish.rule;
  auto found = find(rule, eyes, object);
  if (!found.ok()) {
    if (found.error().name != "unsafe_path") return found.error();
    return FileVerdict{true, refused(object, desired_anywhere(rule),
                                     "a path that others may redirect", found.error())};
  }
  if (!*found) return missing(rule, object);
  const FileSighting& seen = **found;
  if (rule.absent) return check_absent(rule, eyes, seen);
  if (!is_covered(rule, seen.facts.type)) return FileVerdict{};
  if (rule.type && *rule.type != seen.facts.type)
    return wrong_type(seen, fmt::format("type {}", name_of(*rule.type)));
  return check_attributes(wish, eyes, seen);
}

Result<FileVerdict> check_in_tree(const FileWish& wish, const Eyes& eyes,
                                  const FileSighting& seen) {
  const FileRule& rule = wish.rule;
  FileType found = seen.facts.type;
  if (found != FileType::directory && rule.type && *rule.type != found)
    return wrong_type(seen, fmt::format("type {} or directory", name_of(*rule.type)));
  if (!is_covered(rule, found)) return FileVerdict{};
  return check_attributes(wish, eyes, seen);
}

Result<FileVerdict> check_tree_top(const FileWish& wish, const Eyes& eyes) {
  const std::string& object = wish.rule.path;
  auto found = find(wish.rule, eyes, object);
  if (!found.ok()) {
    if (found.error().name != "unsafe_path") return found.error();
    return FileVerdict{true, refused(object, desired_anywhere(wish.rule),
                                     "a path that others may redirect", found.error())};
  }
  if (!*found) return missing(wish.rule, object);
  if ((*found)->facts.type != FileType::directory) return wrong_type(**found, "type directory");
  return check_attributes(wish, eyes, **found);
}

}  // namespace reeve
