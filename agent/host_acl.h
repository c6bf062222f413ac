// POSIX access control lists as values, for the host seam (host.h): entries, their order, and how
// they go together with the permission bits of a mode (acl(5)). Pure functions; libacl's gate is
// acl_gate.h. Numbers only: names are resolved by whoever asks, from passwd and group under the
// root.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace reeve {

// In the order in which a list holds them.
enum class AclTag : std::uint8_t { owner, user, owning_group, group, mask, other };

struct AclEntry {
  AclTag tag{};
  std::uint32_t id = 0;    // of user and group entries, else 0
  std::uint32_t bits = 0;  // 4 read, 2 write, 1 execute
  auto operator<=>(const AclEntry&) const = default;
};

// Sorted by tag and id. Of an access list at least owner, owning group and other; an empty list is
// that of a directory without default entries.
using Acl = std::vector<AclEntry>;

enum class AclUse : std::uint8_t {
  access,      // who may do what with the object
  inheritance  // the default list of a directory: what is made in it starts with these
};

bool is_named(const AclEntry& entry);  // a user or group other than the object's own
bool is_extended_acl(const Acl& acl);  // says more than a mode can
bool is_valid_acl(const Acl& acl);     // sorted, complete, no entry twice; acl_valid(3)
Acl acl_of_mode(std::uint32_t mode);   // the three entries that a mode stands for
std::uint32_t mode_of_acl(
    const Acl& acl);  // the nine bits that stat shows: the mask's for the group

// What chmod(2) makes of a list: the nine bits go to owner, mask (or owning group) and other.
Acl acl_with_mode(Acl acl, std::uint32_t mode);
// Without named entries and mask; the owning group keeps what the mask had left it, so that nobody
// can do more than before.
Acl acl_without_extension(const Acl& acl);

}  // namespace reeve
