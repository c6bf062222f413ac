// What a look at facts does not tell of an object: its access control lists and its content. Looked
// at only for rules that ask, since each costs calls of its own. Words for findings show content by
// its digest alone, unless the rule lets it be shown.
#pragma once

#include "agent/kinds/file_check.h"

namespace reeve {

// What was asked for; the rest is absent.
struct FileDetails {
  std::optional<Acl> acl;
  std::optional<Acl> default_acl;
  std::optional<ContentFacts> content;
  std::optional<Error> unreadable;  // why there are none; such content counts as differing
  bool content_differs = false;
};

// Absent when the object has gone since. Errors: `check_failed`, `unsafe_path`, `acl_unsupported`
// where the rule wants a list that the filesystem cannot hold. Content that cannot be read is none:
// its owner can see to that (by a lease, or by making it too large), and must not keep owner, mode
// and content from being put right by it.
Result<std::optional<FileDetails>> look_closer(const FileWish& wish, const Eyes& eyes,
                                               const FileSighting& seen);

// The object's own list; what the mode stands for where the filesystem has none and the rule wants
// none.
Result<std::optional<Acl>> access_acl(const FileRule& rule, const Eyes& eyes,
                                      const FileSighting& seen);

// Whether the object holds other bytes than the rule wants, or none that can be read. Errors:
// `unsafe_path`.
Result<bool> content_differs(const FileRule& rule, const Eyes& eyes, const FileSighting& seen);

bool acl_differs(const FileWish& wish, const FileDetails& details);
bool default_acl_differs(const FileWish& wish, const FileDetails& details);

// Mode and list go together: the nine bits of a mode are owner, mask (or owning group) and other.
struct FilePermissions {
  std::uint32_t mode = 0;
  std::optional<Acl> acl;  // absent: the rule does not ask
};
// What the rule makes of an object with this mode and list; the list may be absent where the rule
// asks for none. Nobody gets more by it than list or mode say.
FilePermissions wanted_permissions(const FileWish& wish, FileType type, std::uint32_t mode,
                                   const std::optional<Acl>& acl);

// "content sha256 1a2b..., 120 bytes", with the first of the bytes where they may be shown.
std::string wanted_content_words(const FileRule& rule);
std::string found_content_words(const FileRule& rule, const Eyes& eyes, const FileSighting& seen,
                                const FileDetails& details);

}  // namespace reeve
