// The kind `file`: owner, group, mode, access control lists, content, type and absence of files and
// directories (docs/architecture.md section 5). Which objects a rule has is in file_objects, the
// judgement of one in file_check and file_details, its fix in file_fix and what takes that back in
// file_undo, its fields in file_rule; here is its row.
#include "agent/kinds/file_fix.h"
#include "agent/kinds/file_objects.h"
#include "agent/kinds/file_undo.h"
#include "agent/path_pattern.h"

namespace reeve {

namespace {

class FileResource final : public Resource {
 public:
  explicit FileResource(FileRule rule) : rule_(std::move(rule)) {}

  std::vector<Watch> watches() const override {
    Watch watch{rule_.path, rule_.reach == FileReach::tree, rule_.reach == FileReach::glob};
    watch.content = rule_.content.has_value();
    return {watch};
  }

  bool covers(const std::string& object) const override {
    if (rule_.reach != FileReach::glob)
      return rule_.path == object ||
             (rule_.reach == FileReach::tree && is_below(object, rule_.path));
    // A directory on the pattern's way is an object too where it cannot be listed.
    const PathPattern& pattern = *rule_.pattern;
    return pattern.matches(object) || pattern.matches_way(object) || pattern.base() == object;
  }

  Result<CheckResult> check(const Eyes& eyes, const Scope& scope) const override {
    FileWish wish = wish_of(rule_, eyes);
    switch (rule_.reach) {
      case FileReach::path:
        return check_path(wish, eyes, scope);
      case FileReach::glob:
        return check_glob(wish, eyes, scope);
      case FileReach::tree:
        return check_tree(wish, eyes, scope);
    }
    return CheckResult{};
  }

  Replaced replaced_by_fix(const Deviation& deviation, const Eyes& eyes) const override {
    return replaced_file(rule_, deviation, eyes);
  }

  Status undo(const Kept& kept, Hands& hands, const Eyes& eyes) const override {
    return undo_file(rule_, kept, hands, eyes);
  }

  Status fix(const Deviation& deviation, Hands& hands, const Eyes& eyes) const override {
    return fix_file(wish_of(rule_, eyes), deviation, hands, eyes);
  }

 private:
  FileRule rule_;
};

Result<std::unique_ptr<Resource>> bind_file(const Rule& rule) {
  auto bound = bind_file_rule(rule);
  if (!bound.ok()) return bound.error();
  return std::unique_ptr<Resource>(std::make_unique<FileResource>(std::move(*bound)));
}

constexpr std::string_view types[] = {"file",   "directory", "link",     "fifo",
                                      "socket", "block",     "character"};

constexpr FieldRow fields[] = {
    {.name = "path",
     .type = FieldType::path,
     .help = "One object by its absolute path; a final link is followed where only root can have "
             "made it."},
    {.name = "glob",
     .type = FieldType::pattern,
     .help = "Every match of a pattern with *, ? and [...] within components; a leading dot only "
             "by a dot."},
    {.name = "tree",
     .type = FieldType::path,
     .help = "A directory and everything below it; links below it are not followed."},
    {.name = "owner", .type = FieldType::user, .help = "The user, by name or number."},
    {.name = "group", .type = FieldType::group, .help = "The group, by name or number."},
    {.name = "mode",
     .type = FieldType::mode,
     .help = "The exact permission bits in octal; with tree, of files."},
    {.name = "mode_at_most",
     .type = FieldType::mode,
     .help = "No permission bit beyond these; extra bits are cleared. With tree, of files."},
    {.name = "dir_mode",
     .type = FieldType::mode,
     .help = "With tree: the exact permission bits of directories."},
    {.name = "dir_mode_at_most",
     .type = FieldType::mode,
     .help = "With tree: no permission bit of a directory beyond these."},
    {.name = "type",
     .type = FieldType::choice,
     .help = "What the object must be; another type is reported and never changed. With tree, of "
             "everything but directories.",
     .choices = types},
    {.name = "absent",
     .type = FieldType::boolean,
     .help = "True: it must not exist and is removed; of directories only empty ones."},
    {.name = "must_exist",
     .type = FieldType::boolean,
     .help = "True: a missing object is a deviation; a missing directory is made. With content, "
             "silence means true."},
    {.name = "acl",
     .type = FieldType::text,
     .help =
         "The exact access control list, one entry an item as setfacl writes them, or none. Not "
         "with tree.",
     .min = 1,
     .many = true},
    {.name = "default_acl",
     .type = FieldType::text,
     .help = "The exact list that what is made in a directory starts with, or none; of directories "
             "only.",
     .min = 1,
     .many = true},
    {.name = "content",
     .type = FieldType::body,
     .help = "With path: the exact bytes of the file, which is made where it is missing."},
    {.name = "sha256",
     .type = FieldType::digest,
     .help = "With path: the digest of the file's bytes; another is reported and cannot be put "
             "right."},
};

constexpr std::string_view reach_fields[] = {"path", "glob", "tree"};
constexpr std::string_view mode_fields[] = {"mode", "mode_at_most"};
constexpr std::string_view dir_mode_fields[] = {"dir_mode", "dir_mode_at_most"};
constexpr std::string_view asking_fields[] = {
    "owner", "group",  "mode",       "mode_at_most", "dir_mode",    "dir_mode_at_most",
    "type",  "absent", "must_exist", "acl",          "default_acl", "content",
    "sha256"};
constexpr std::string_view content_fields[] = {"content", "sha256"};

constexpr FieldGroup groups[] = {
    {.fields = reach_fields, .at_most_one = true, .at_least_one = true},
    {.fields = mode_fields, .at_most_one = true},
    {.fields = dir_mode_fields, .at_most_one = true},
    {.fields = content_fields, .at_most_one = true},
    {.fields = asking_fields, .at_least_one = true},
};

}  // namespace

extern const KindRow file_kind;
const KindRow file_kind = {
    .name = "file",
    .summary = "Owner, group, mode, ACL, content, type and absence of files and directories.",
    .fields = fields,
    .groups = groups,
    .bind = bind_file,
};

}  // namespace reeve
