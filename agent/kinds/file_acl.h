// The access control lists of a `file` rule: read from setfacl's short text form, one entry a text,
// resolved to numbers on a host through Eyes, and written out again for people. Names never meet
// libacl, which would ask NSS for them.
#pragma once

#include "agent/kind.h"

namespace reeve {

// One entry as written.
struct AclEntryWish {
  AclTag tag{};
  std::string name;                     // of user and group entries, else empty
  std::optional<std::uint32_t> number;  // where the name is one
  std::uint32_t bits = 0;
  bool operator==(const AclEntryWish&) const = default;
};

// What a rule wants of one list: exactly these entries, or nothing beyond what a mode says.
struct AclWish {
  std::vector<AclEntryWish> entries;  // empty: `none`
  bool is_none() const { return entries.empty(); }
  // Of a list: the nine permission bits that it stands for.
  std::uint32_t mode() const;
};

// `field` is `acl` or `default_acl`: a list of "user::rw-", "user:NAME:r--", "group::r--",
// "group:NAME:r--", "mask::r--" and "other::---" (first letters do), or the one word "none".
// Absent when the rule has no such field. Errors: `invalid_rule`.
Result<std::optional<AclWish>> acl_wish(const Rule& rule, std::string_view field);

// In numbers. Absent for `none`. Errors: `fix_failed` with `unknown_user`, `unknown_group` or, for
// two names of one number, `invalid_acl` in its words.
Result<std::optional<Acl>> resolve_acl(const AclWish& wish, const Eyes& eyes);

std::string words_of(const AclWish& wish);
// Names where this host has them; "none" for what a mode says as well.
std::string words_of(const Acl& acl, const Eyes& eyes);

}  // namespace reeve
