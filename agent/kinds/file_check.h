// Judges one object by a `file` rule: what was asked of it, what was found, and whether a fix may
// be tried. Looks only through Eyes; which objects there are is file_objects.h's business.
#pragma once

#include "agent/kinds/file_rule.h"

namespace reeve {

// A rule with the accounts that it names looked up on this host, once a check.
struct FileWish {
  const FileRule& rule;
  std::optional<std::uint32_t> uid;  // absent: not asked for, or no such user here
  std::optional<std::uint32_t> gid;
  std::optional<Acl> acl;  // absent: not asked for, `none`, or not possible here
  std::optional<Acl> default_acl;
  Status lists;  // why a list is not possible here

  bool owner_differs(const FileFacts& facts) const {
    return rule.owner && (!uid || *uid != facts.uid);
  }
  bool group_differs(const FileFacts& facts) const {
    return rule.group && (!gid || *gid != facts.gid);
  }
  // `fix_failed` with `unknown_user`, `unknown_group` or `invalid_acl` in its words.
  Status accounts_known() const;
};

FileWish wish_of(const FileRule& rule, const Eyes& eyes);

// What one object turned out to be.
struct FileVerdict {
  bool there = false;  // something that the rule speaks of has this name
  std::optional<Deviation> deviation;
};

// An object with its name in the rule's spelling and its path without links.
struct FileSighting {
  std::string object;
  std::string path;
  FileFacts facts;
};

// Why a file with a digest of its own in the rule is never restored.
Error content_unknown();

// A deviation that no fix may be tried for: `refusal` is its name.
Deviation refused(std::string object, std::string desired, std::string found, const Error& refusal);

// One named object, as `path` and each match of `glob` have it: a final link is followed, unless
// the rule speaks of the link itself. Errors: `check_failed`, `too_large`, `acl_unsupported`.
Result<FileVerdict> check_named(const FileWish& wish, const Eyes& eyes, const std::string& object);

// One object below a tree's top, which has been looked at. Errors: of its ACL.
Result<FileVerdict> check_in_tree(const FileWish& wish, const Eyes& eyes, const FileSighting& seen);

// The top of a tree. Errors: `check_failed`, `acl_unsupported`.
Result<FileVerdict> check_tree_top(const FileWish& wish, const Eyes& eyes);

}  // namespace reeve
