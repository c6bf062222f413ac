// A `file` rule as bound: what its fields say, in values. Bound once from a Rule; the fields
// themselves are in the table row in file.cpp.
#pragma once

#include "agent/kinds/file_acl.h"
#include "agent/path_pattern.h"

namespace reeve {

// Where the objects of a rule are.
enum class FileReach : std::uint8_t {
  path,  // one object; a final link is followed where that is safe
  glob,  // every match, each as a path
  tree,  // a directory and everything below; links below are not followed
};

struct ModeWish {
  std::optional<std::uint32_t> exact;
  std::optional<std::uint32_t> at_most;  // no bit beyond these
  bool is_set() const { return exact || at_most; }
  bool holds(std::uint32_t mode) const;
  // The mode nearest to `mode` that holds.
  std::uint32_t applied_to(std::uint32_t mode) const;
};

// What a file must hold: by its bytes, or by their digest alone, from which nothing can be
// restored.
struct ContentWish {
  Digest sha256;
  std::optional<std::string> bytes;
};

struct FileRule {
  FileReach reach = FileReach::path;
  std::string path;                    // of a glob: the pattern
  std::optional<PathPattern> pattern;  // of a glob: its components
  std::optional<std::string> owner;
  std::optional<std::string> group;
  std::optional<std::uint32_t> owner_number;  // where the field holds a number
  std::optional<std::uint32_t> group_number;
  ModeWish mode;            // in a tree: of files
  ModeWish directory_mode;  // in a tree: of directories; elsewhere the same as mode
  std::optional<FileType> type;
  std::optional<AclWish> acl;
  std::optional<AclWish> default_acl;  // speaks of directories only
  std::optional<ContentWish> content;
  bool show_content = false;
  bool keep_content = false;
  bool absent = false;
  bool must_exist = false;  // with content in bytes: unless the rule says otherwise

  const ModeWish& mode_for(FileType found) const {
    return found == FileType::directory ? directory_mode : mode;
  }
  bool asks_default_acl(FileType found) const {
    return default_acl && found == FileType::directory;
  }
};

std::optional<FileType> file_type_named(std::string_view name);

// Of a rule that passed the table's checks. Errors: `invalid_rule`.
Result<FileRule> bind_file_rule(const Rule& rule);

}  // namespace reeve
